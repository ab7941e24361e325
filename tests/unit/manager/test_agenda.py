"""A turn looks at what changed, at what is due, and now and then at everything."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.batch import Pause
from core.manager.agenda import EVERYTHING_S, Agenda
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def due(agenda: Agenda) -> set[str]:
    return {run.run_id for run in agenda.due()}


def test_everything_is_due_at_first_and_then_nothing(house: House) -> None:
    runs = house.add(3)
    agenda = Agenda(house.index, house.clock)
    assert due(agenda) == set(runs)
    assert due(agenda) == set()
    assert agenda.left_s() == EVERYTHING_S


def test_what_changed_is_due_once(house: House) -> None:
    runs = house.add(3)
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    house.given.run(runs[1], lambda run: replace(run, title="new"))
    assert due(agenda) == {runs[1]}
    assert due(agenda) == set()


def test_the_runs_of_a_batch_that_changed_are_due(house: House) -> None:
    runs, _ = house.add(3), house.add(2)
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    house.given.batch(house.run(runs[0]).batch_id, lambda batch: replace(batch, concurrency=1))
    assert due(agenda) == set(runs)


def test_a_timer_makes_a_run_due_when_its_time_has_come(house: House) -> None:
    runs = house.add(2)
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    agenda.again(runs[0], 5.0)
    assert agenda.left_s() == 5.0
    house.clock.advance(4.9)
    assert due(agenda) == set()
    house.clock.advance(0.2)
    assert due(agenda) == {runs[0]}


def test_what_was_put_off_is_due_at_the_next_turn_and_calls_for_none(house: House) -> None:
    (run,) = house.add()
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    agenda.again(run, None)
    assert agenda.left_s() == EVERYTHING_S
    assert due(agenda) == {run}


def test_everything_is_due_every_half_minute_and_when_everything_is_paused_held_or_goes_on(house: House) -> None:
    runs = set(house.add(2))
    agenda = Agenda(house.index, house.clock)
    assert due(agenda) == runs
    house.clock.advance(EVERYTHING_S)
    assert due(agenda) == runs
    house.commands.pool("pause", by=ANA)
    assert due(agenda) == runs
    house.commands.pool("resume", by=ANA)
    assert due(agenda) == runs
    held = Pause(reason="disk")
    assert {run.run_id for run in agenda.due((), held)} == runs
    assert {run.run_id for run in agenda.due((), held)} == set()
    assert due(agenda) == runs


def test_everything_takes_as_many_turns_as_it_needs_and_what_changed_comes_first(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = house.add(5)
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    monkeypatch.setattr("core.manager.agenda.SLICE", 2)
    house.clock.advance(EVERYTHING_S)
    first = due(agenda)
    assert len(first) == 2
    assert (agenda.is_behind, agenda.left_s()) == (True, 0.0)
    last = runs[-1] if runs[-1] not in first else runs[0]
    house.given.run(last, lambda run: replace(run, title="new"))
    second = due(agenda)
    assert last in second
    assert first | second == set(runs), "two more of everything, and what changed"
    assert (agenda.is_behind, agenda.left_s()) == (False, EVERYTHING_S)


def test_a_batch_is_touched_by_its_own_changes_and_by_those_of_its_runs(house: House) -> None:
    (run,) = house.add()
    house.add()
    agenda = Agenda(house.index, house.clock)
    due(agenda)
    assert len(agenda.touched()) == 2
    assert agenda.touched() == set()
    house.given.run(run, lambda run: replace(run, title="new"))
    assert agenda.touched() == {house.run(run).batch_id}
    assert due(agenda) == {run}, "what changed in the middle of a turn is looked at in the next"
    assert [one.run_id for one in agenda.runs_of(house.run(run).batch_id)] == [run]
