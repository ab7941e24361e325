"""A run that goes right on after a stage is written once: its stage committed and the next one's attempt open."""

from pathlib import Path

import pytest

from core.domain.errors import StorageError
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_stage_committed_and_the_next_one_opened_are_one_write(house: House) -> None:
    (run,) = house.add()
    house.turn()
    before = house.store.runs.get(run).gen
    house.end(run)
    assert house.store.runs.get(run).gen == before + 1
    assert [(one.stage, one.outcome) for one in house.run(run).attempts] == [
        ("download", "committed"),
        ("transcribe", None),
    ]
    assert house.engine.begun == [(run, "download"), (run, "transcribe")]


def test_the_journal_tells_the_attempt_that_was_committed_and_not_the_one_opened_with_it(house: House) -> None:
    (run,) = house.add()
    house.turn()
    first = house.engine.running[run].attempt_id
    house.end(run)
    last = house.store.journal.events(run_id=run)[-1]
    assert (last.type, last.stage, last.attempt) == ("run.stage_commit", "download", first)


def test_a_pause_that_the_service_has_not_heard_of_yet_commits_the_stage_and_opens_no_other(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.commands_of_another_process().run(run, "pause", by=ANA)
    house.end(run)
    record = house.run(run)
    assert (record.stages["download"].status, record.open_attempt) == ("committed", None)
    assert house.engine.begun == [(run, "download")]
    assert house.engine.free() == house.engine.lanes()


def test_a_pause_of_everything_that_comes_before_the_write_is_followed_by_no_claim(house: House) -> None:
    (run,) = house.add()
    house.turn()
    chosen, due = [False], house.dispatcher._claims.due

    def paused_meanwhile(*ahead: object) -> object:
        chosen[0] = True
        return due(*ahead)  # type: ignore[arg-type]

    house.dispatcher._claims.due = paused_meanwhile  # type: ignore[method-assign, assignment]
    house.urgent = lambda: chosen[0]
    house.end(run)
    assert house.engine.begun == [(run, "download")]
    house.commands.pool("pause", by=ANA)
    house.urgent = lambda: False
    house.turn()
    assert house.run(run).stages["download"].status == "committed", "what was heard is not lost"
    assert (house.run(run).phase, house.run(run).open_attempt) == ("paused", None)


def test_a_stage_whose_next_lane_is_taken_is_committed_in_the_same_turn(tmp_path: Path) -> None:
    house = House(tmp_path, network=2, cpu=1)
    first, second = house.add(2)
    house.turn()
    house.end(first)
    house.end(second)
    assert house.run(second).stages["download"].status == "committed"
    assert house.run(second).open_attempt is None
    house.end(first)
    assert house.engine.begun[-1] == (second, "transcribe")


def test_a_run_that_cannot_be_written_is_not_given_the_slot_of_another_again(house: House) -> None:
    (stuck,) = house.add()
    house.turn()
    house.clock.advance(1.0)
    (other,) = house.add()
    update = house.store.runs.update

    def refuse_one(run_id: str, *arguments: object, **named: object) -> object:
        if run_id == stuck:
            raise StorageError("The disk is full.")
        return update(run_id, *arguments, **named)  # type: ignore[arg-type]

    setattr(house.store.runs, "update", refuse_one)  # noqa: B010 - mypy knows methods as constant
    house.end(stuck)
    house.finish(other)
    assert house.phases(stuck, other) == ["running", "completed"]
