"""Records are changed in one way: written first, journaled then, with nothing told that did not happen."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.attempts import end_attempt, open_attempt
from core.domain.errors import Fenced, NotFound, Refused, StorageError
from core.domain.run import RunRecord
from core.domain.states import AttemptOutcome
from core.manager.writer import Writer
from core.system.identity import this_process
from tests.support.dispatching import ANA, House
from tests.support.storage import NOON


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def told(house: House) -> list[str]:
    return [line["type"] for line in house.store.journal.lines()][::-1]


def test_a_change_is_in_the_file_in_the_index_and_in_the_journal(house: House) -> None:
    (run,) = house.add()
    after = house.given.run(run, lambda run: replace(run, title="New"), command="rename", actor=ANA)
    assert house.run(run).title == house.index.runs[run].title == after.title == "New"
    last = next(house.store.journal.lines())
    assert (last["type"], last["actor"], last["via"], last["run_id"], last["gen"]) == (
        "command.rename",
        ANA,
        "cli",
        run,
        2,
    )


def test_what_changes_nothing_is_neither_written_nor_told(house: House) -> None:
    (run,) = house.add()
    before, lines = house.store.runs.get(run).gen, told(house)
    house.given.run(run, lambda run: run, command="pause", actor=ANA)
    assert house.store.runs.get(run).gen == before
    assert told(house) == lines


def test_what_is_refused_is_neither_written_nor_told(house: House) -> None:
    (run,) = house.add()
    before, lines = house.run(run), told(house)

    def refuse(run: RunRecord) -> RunRecord:
        raise Refused("No.")

    with pytest.raises(Refused):
        house.given.run(run, refuse, command="pause", actor=ANA)
    assert house.run(run) == before
    assert told(house) == lines


def test_every_transition_is_told_once_with_its_stage_and_attempt(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    lines = [line for line in house.store.journal.lines() if line.get("run_id") == run][::-1]
    assert [line["type"] for line in lines] == ["run.claim", "run.stage_commit", "run.stage_commit", "run.complete"]
    assert [line["stage"] for line in lines] == ["download", "download", "transcribe", "transcribe"]
    assert all(line["attempt"] and line["via"] == "service" for line in lines)


def test_a_service_that_was_replaced_is_refused(house: House) -> None:
    (run,) = house.add()
    old = house.writer
    house.restart()
    house.writer.run(run, lambda run: replace(run, title="New service"))
    with pytest.raises(Fenced):
        old.run(run, lambda run: replace(run, title="Old service"))
    assert house.run(run).title == "New service"


def test_a_command_needs_no_epoch_and_takes_none_away(house: House) -> None:
    (run,) = house.add()
    house.writer.run(run, lambda run: replace(run, title="Phase"))
    house.given.run(run, lambda run: replace(run, title="Intent"))
    house.writer.run(run, lambda run: replace(run, title="Phase again"))
    assert house.run(run).title == "Phase again"


def test_a_run_that_exists_is_not_made_again(house: House) -> None:
    (run,) = house.add()
    house.given.run(run, lambda run: replace(run, title="Kept"))
    house.writer.new_run(replace(house.run(run), title="Fresh"))
    assert house.run(run).title == "Kept"
    assert house.index.runs[run].title == "Kept"


def test_a_journal_that_cannot_be_written_takes_nothing_back_and_is_told_later(house: House) -> None:
    (run,) = house.add()
    append, full = house.store.journal.append, [True]

    def refusing(events: object) -> int:
        if full[0]:
            raise StorageError("The disk is full.")
        return append(events)  # type: ignore[arg-type]

    house.store.journal.append = refusing  # type: ignore[method-assign, assignment]
    house.given.run(run, lambda run: replace(run, title="New"), command="rename", actor=ANA)
    assert house.run(run).title == "New"
    full[0] = False
    house.given.run(run, lambda run: replace(run, title="Newer"), command="rename", actor=ANA)
    assert told(house)[-2:] == ["command.rename", "command.rename"]


def test_transitions_are_told_together_if_asked_and_whatever_else_at_once(house: House) -> None:
    runs, lines = house.add(runs=2), told(house)
    with house.writer.together():
        for run_id in runs:
            house.writer.run(
                run_id, lambda run: open_attempt(run, "download", f"a_{run.position}", 1, NOON, this_process())
            )
        assert told(house) == lines
        house.writer.note("service.noted")
        assert told(house) == [*lines, "run.claim", "run.claim", "service.noted"]
        house.writer.run(runs[0], lambda run: end_attempt(run, AttemptOutcome.INTERRUPTED, NOON))
    assert len(told(house)) == len(lines) + 4


def test_a_missing_run_is_said_to_be_missing(house: House) -> None:
    with pytest.raises(NotFound):
        Writer(store=house.store, index=house.index, via="cli").run("r_none", lambda run: run)
