"""A turn that has much to look at or to write holds up no signal, and lets nobody begin before it has looked at all."""

from pathlib import Path

import pytest

from core.domain.states import Want
from core.manager.agenda import EVERYTHING_S
from core.runner.outcome import Committed
from tests.support.dispatching import ANA, House


def test_what_is_urgent_waits_for_one_run_of_a_batch_and_not_for_all(tmp_path: Path) -> None:
    house = House(tmp_path)
    runs = house.add(3)
    house.turn()
    house.commands.batch(house.run(runs[0]).batch_id, "cancel", by=ANA)
    writes = []
    house.urgent = lambda: bool(writes)
    update = house.store.runs.update
    setattr(house.store.runs, "update", lambda *given, **more: [writes.append(given[0]), update(*given, **more)][1])  # noqa: B010
    assert house.turn() == 0.0
    assert len(set(writes)) == 1, "whichever comes first by its id; one that is at work is written twice"
    house.urgent = lambda: False
    house.turn()
    assert {house.run(run).intent.want for run in runs} == {Want.CANCEL}


def test_nobody_is_claimed_before_everyone_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, network=1, cpu=1)
    first, second, _ = house.add(3)
    house.turn()
    monkeypatch.setattr("core.manager.agenda.SLICE", 1)
    house.clock.advance(EVERYTHING_S)
    house.engine.end(first, Committed(key="k"))
    assert house.turn() == 0.0
    assert house.run(first).next_stage == "transcribe", "what is heard meanwhile is written down all the same"
    assert house.engine.begun == [(first, "download")]
    house.turn(3)
    assert house.engine.begun[1:] == [(first, "transcribe"), (second, "download")]
