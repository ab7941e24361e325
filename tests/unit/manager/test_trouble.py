"""A disk that refuses for a moment loses no news, no slot and no line of the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import StorageError
from core.engines.engine import Signal
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@contextmanager
def refusing(owner: Any, method: str) -> Iterator[None]:
    """While this lasts, `owner.method` fails as it does on a full disk."""

    def refuse(*_: Any, **__: Any) -> None:
        raise StorageError("The disk is full.")

    setattr(owner, method, refuse)
    try:
        yield
    finally:
        delattr(owner, method)


def test_an_outcome_that_cannot_be_written_now_is_written_by_a_later_turn(house: House) -> None:
    (run,) = house.add()
    house.turn()
    with refusing(house.store.runs, "update"):
        house.end(run)
    assert house.phases(run) == ["running"]
    house.turn()
    assert house.engine.begun == [(run, "download"), (run, "transcribe")]


def test_a_batch_whose_end_cannot_be_written_now_is_settled_by_the_next_turn(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    with refusing(house.store.batches, "update"):
        house.end(run)
        assert house.turn() <= 2.0, "it is tried again soon"
    assert (house.phases(run), house.batch(run).phase) == (["completed"], "running")
    house.turn()
    assert house.batch(run).phase == "completed"


def test_a_claim_that_cannot_be_written_gives_its_slot_back(house: House) -> None:
    (run,) = house.add()
    free = house.engine.free()
    with refusing(house.store.runs, "update"):
        assert house.turn() <= 2.0, "it is tried again soon"
    assert house.engine.free() == free
    house.turn()
    assert house.engine.begun == [(run, "download")]


def test_a_signal_that_could_not_be_sent_is_sent_by_the_next_turn(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    with refusing(house.engine, "signal"):
        house.ask(run, "pause")
    assert house.turn() > 0
    assert house.engine.signals == [(run, Signal.FREEZE)]
    house.engine.stand_still(run)
    house.turn()
    assert house.phases(run) == ["paused"]
    with refusing(house.engine, "signal"):
        house.ask(run, "resume")
    house.turn()
    assert house.engine.signals[1:] == [(run, Signal.THAW)]


def test_what_the_journal_refuses_is_durable_all_the_same_and_journaled_with_the_next(house: House) -> None:
    (run,) = house.add()
    with refusing(house.store.journal, "append"):
        house.turn()
    assert house.engine.begun == [(run, "download")]
    house.end(run)
    told = [event.type for event in house.store.journal.events(run_id=run)]
    assert told == ["run.claim", "run.stage_commit"]


def test_a_run_that_cannot_be_written_holds_up_no_other(house: House) -> None:
    (stuck,) = house.add()
    house.turn()
    update = house.store.runs.update

    def refuse_one(run_id: str, *arguments: Any, **named: Any) -> Any:
        if run_id == stuck:
            raise StorageError("The disk is full.")
        return update(run_id, *arguments, **named)

    setattr(house.store.runs, "update", refuse_one)  # noqa: B010 - mypy knows methods as constant
    house.end(stuck)
    (other,) = house.add()
    house.turn()
    house.finish(other)
    assert house.phases(stuck, other) == ["running", "completed"]
    del house.store.runs.update
    house.turn()
    assert house.engine.begun[-1] == (stuck, "transcribe")


def test_a_record_that_cannot_be_taken_back_keeps_no_other_from_it(house: House) -> None:
    stuck, other = house.add(2)
    house.turn()
    house.restart()
    house.layout.run_state(stuck).write_bytes(b"nothing")
    Path(f"{house.layout.run_state(stuck)}.prev").write_bytes(b"nothing")
    recovery = house.recovery()
    recovery.recover()
    assert recovery.held == set()
    house.turn()
    assert house.phases(other) == ["running"]


def test_a_slow_reading_of_everything_undoes_nothing_that_was_noted_meanwhile(house: House) -> None:
    (run,) = house.add()
    read = house.store.runs.load_all

    def slow() -> Any:
        found = read()
        house.commands.run(run, "pause", by="local:ana")
        house.add()
        return found

    setattr(house.store.runs, "load_all", slow)  # noqa: B010 - mypy knows methods as constant
    house.index.load()
    assert house.index.runs[run].intent.want == "pause"
    assert len(house.index.runs) == 2


def test_a_claim_that_was_written_although_the_disk_said_no_is_taken_back_and_made_again(house: House) -> None:
    (run,) = house.add()
    update = house.store.runs.update

    def write_and_refuse(*arguments: Any, **named: Any) -> Any:
        update(*arguments, **named)
        raise StorageError("The folder could not be made durable.")

    setattr(house.store.runs, "update", write_and_refuse)  # noqa: B010 - mypy knows methods as constant
    house.turn()
    delattr(house.store.runs, "update")
    assert (house.phases(run), house.engine.running) == (["running"], {})
    house.index.load()  # the watch tells of it
    house.turn()
    assert house.engine.begun == [(run, "download")]
    ended, again = house.run(run).attempts
    assert (ended.outcome, again.outcome) == ("interrupted", None)
    assert house.run(run).crashes == [], "nobody died"
