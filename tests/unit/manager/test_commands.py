"""Commands as they are written down: once, whatever they are repeated, with who, through which way in, and what changed."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.batch import Pause
from core.domain.errors import BadInput, ErrorClass, NotFound, Refused
from core.domain.run import Failure, RunRecord, Verdict
from core.domain.settings import Settings
from core.domain.states import BatchPhase, FailureKind, Phase
from core.manager.commands import Commands, Done
from core.runner.outcome import Failed
from tests.support.dispatching import ANA, House

BOB = "local:bob"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def commands_in_the_journal(house: House) -> list[tuple[str, str, dict[str, Any]]]:
    """Every command after the adding, oldest first: verb, actor, data."""
    lines = [line for line in house.store.journal.lines() if line["type"].startswith("command.")]
    found = [(line["type"].removeprefix("command."), line["actor"], line.get("data", {})) for line in lines[::-1]]
    return [command for command in found if command[0] != "add"]


def batch_of(house: House, run_id: str) -> str:
    return house.run(run_id).batch_id


def stalled(house: House, run_id: str) -> None:
    """The service found that the run's attempt does not come on."""

    def judged(run: RunRecord) -> RunRecord:
        attempt = run.open_attempt
        assert attempt is not None
        verdict = Verdict(kind="stalled", attempt=attempt.id, at=house.clock.now(), message="No new unit for 5 min.")
        return msgspec.structs.replace(run, verdict=verdict)

    house.writer.run(run_id, judged)


# --- a thousand clicks ------------------------------------------------------------------------------------------

CLICKS: dict[str, Any] = {
    "pause a run": lambda give, run, batch: give.run(run, "pause", by=ANA, why="lunch", drain=True),
    "cancel a run": lambda give, run, batch: give.run(run, "cancel", by=ANA),
    "remove a run": lambda give, run, batch: give.run(run, "remove", by=ANA),
    "priority of a run": lambda give, run, batch: give.priority(run, 9, by=ANA),
    "pause a batch": lambda give, run, batch: give.batch(batch, "pause", by=ANA, why="lunch"),
    "cancel a batch": lambda give, run, batch: give.batch(batch, "cancel", by=ANA),
    "priority of a batch": lambda give, run, batch: give.priority(batch, 9, by=ANA),
    "edit": lambda give, run, batch: give.edit(batch, by=ANA, name="other", changes={"transcribe": False}),
    "pause everything": lambda give, run, batch: give.pool("pause", by=ANA, why="lunch"),
}


@pytest.mark.parametrize("name", CLICKS)
def test_a_thousand_clicks_have_one_effect_and_one_line_in_the_journal(house: House, name: str) -> None:
    run, _ = house.add(2)
    batch = batch_of(house, run)
    first: Done = CLICKS[name](house.commands, run, batch)
    assert first.changed
    before = contents(house)
    for _ in range(999):
        again: Done = CLICKS[name](house.commands, run, batch)
        assert (again.phase, again.changed) == (first.phase, False)
    assert contents(house) == before, "nothing was written"
    assert len(commands_in_the_journal(house)) == 1


def contents(house: House) -> dict[str, bytes]:
    """Every state file and the journal, bit by bit."""
    folders = (house.layout.state, house.layout.journal)
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*.json*")}


def test_a_thousand_commands_with_keys_of_their_own_keep_twenty_and_one_line(house: House) -> None:
    (run,) = house.add()
    for number in range(1000):
        house.commands.run(run, "pause", by=ANA, key=f"k{number}")
    assert len(house.run(run).commands) == 20
    assert len(commands_in_the_journal(house)) == 1


def test_a_run_can_have_the_priority_of_its_batch_again(house: House) -> None:
    (run,) = house.add(priority=3)
    house.commands.priority(run, 9, by=ANA)
    assert house.run(run).priority == 9
    assert house.commands.priority(run, "batch", by=ANA).changed
    assert house.run(run).priority is None
    assert not house.commands.priority(run, "batch", by=ANA).changed
    with pytest.raises(BadInput):
        house.commands.priority(batch_of(house, run), "batch", by=ANA)


# --- the journal ------------------------------------------------------------------------------------------------


def test_every_command_says_who_wanted_what_and_what_it_changed(house: House) -> None:
    first, second = house.add(2, settings=Settings(model="tiny"))
    batch = batch_of(house, first)
    give = house.commands
    give.run(first, "pause", by=ANA, why="lunch", drain=True)
    give.run(first, "resume", by=BOB)
    give.priority(first, "9", by=ANA)
    give.priority(batch, 2, by=ANA)
    give.edit(batch, by=BOB, name="other", concurrency=2, changes={"model": "base", "quotes": True})
    give.reorder(batch, [second, first], by=ANA)
    give.batch(batch, "pause", by=ANA, why="lunch", drain=True)
    give.batch(batch, "resume", by=BOB)
    give.run(second, "remove", by=BOB, why="twice")
    give.batch(batch, "cancel", by=ANA, why="wrong files")
    give.pool("pause", by=ANA, why="night")
    give.pool("resume", by=BOB)
    assert commands_in_the_journal(house) == [
        ("pause", ANA, {"why": "lunch", "drain": True}),
        ("resume", BOB, {}),
        ("priority", ANA, {"priority": 9}),
        ("priority", ANA, {"priority": 2}),
        ("edit", BOB, {"name": "other", "concurrency": 2, "settings": {"model": "base"}}),
        ("reorder", ANA, {"order": [second, first]}),
        ("pause", ANA, {"why": "lunch", "drain": True}),
        ("resume", BOB, {}),
        ("remove", BOB, {"why": "twice"}),
        ("cancel", ANA, {"why": "wrong files"}),
        ("pause", ANA, {"why": "night"}),
        ("resume", BOB, {}),
    ]
    assert {line["via"] for line in house.store.journal.lines() if line["type"].startswith("command.")} == {"cli"}


def test_what_is_refused_leaves_no_trace(house: House) -> None:
    (run,) = house.add()
    before = contents(house)
    for act in (
        lambda: house.commands.run(run, "recover", by=ANA),
        lambda: house.commands.run(run, "remove", by=ANA),
        lambda: house.commands.run(run, "dance", by=ANA),
        lambda: house.commands.batch(batch_of(house, run), "delete", by=ANA),
        lambda: house.commands.batch(batch_of(house, run), "dance", by=ANA),
        lambda: house.commands.edit(batch_of(house, run), by=ANA, changes={"export": True}),
        lambda: house.commands.reorder(batch_of(house, run), [run, run], by=ANA),
        lambda: house.commands.pool("dance", by=ANA),
    ):
        with pytest.raises((Refused, BadInput)):
            act()
    assert contents(house) == before


# --- remove -----------------------------------------------------------------------------------------------------


def test_a_removed_run_is_not_begun_and_its_batch_settles_without_it(house: House) -> None:
    first, second, third = house.add(3, concurrency=1)
    house.turn()
    done = house.commands.run(second, "remove", by=ANA)
    assert (done.changed, done.applied) == (True, True)
    assert [run.run_id for run in house.index.runs_of(batch_of(house, first))] == [first, third]
    assert second not in house.index.snapshot()[0]
    house.turn()
    assert house.phases(second) == ["cancelled"], "that is the end of it"
    house.finish(first)
    house.finish(third)
    assert house.batch(first).outcome == "success"
    assert [run_id for run_id, _ in house.engine.begun if run_id == second] == []


def test_the_last_run_of_a_batch_stays_also_when_two_are_removed_at_once(house: House) -> None:
    first, second = house.add(2)
    other = house.commands_of_another_process()
    house.commands.run(first, "remove", by=ANA)
    with pytest.raises(Refused, match="is the only one of batch"):
        other.run(second, "remove", by=BOB)
    assert not house.run(second).removed


def test_a_run_that_was_claimed_meanwhile_is_not_removed(house: House) -> None:
    first, _ = house.add(2)
    other = house.commands_of_another_process()
    house.turn()
    with pytest.raises(Refused, match="is running; it cannot be removed"):
        other.run(first, "remove", by=BOB)


def test_a_lost_record_of_a_removed_run_comes_back_removed(house: House) -> None:
    first, _ = house.add(2)
    house.commands.run(first, "remove", by=ANA)
    house.turn()
    for path in (house.layout.run_state(first), Path(f"{house.layout.run_state(first)}.prev")):
        path.write_text("rubbish")
    house.restart()
    house.recovery().recover()
    assert house.run(first).removed
    house.turn()
    assert house.phases(first) == ["cancelled"]


# --- batches ----------------------------------------------------------------------------------------------------


def test_settings_that_are_changed_hold_for_runs_that_nobody_has_begun(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.commands.edit(batch_of(house, first), by=ANA, changes={"transcribe": False})
    assert house.run(second).stages["transcribe"].status == "not_needed", "shown before it is claimed"
    house.finish(first)
    house.finish(second)
    assert house.phases(first, second) == ["completed", "completed"]
    assert house.engine.begun == [(first, "download"), (first, "transcribe"), (second, "download")]


def test_settings_hold_even_if_the_edit_was_cut_off_before_it_came_to_the_runs(house: House) -> None:
    (run,) = house.add()
    settings = Settings(transcribe=False)
    house.given.batch(batch_of(house, run), lambda batch: msgspec.structs.replace(batch, settings=settings))
    house.turn()
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert house.engine.begun == [(run, "download")]


def test_queued_runs_begin_in_the_order_they_were_put_into(house: House) -> None:
    first, second, third, fourth = house.add(4, concurrency=1)
    house.turn()
    house.ask(fourth, "pause")
    house.ask(fourth, "resume")
    assert house.run(fourth).front
    house.commands.reorder(batch_of(house, first), [third, fourth, second], by=ANA)
    assert not house.run(fourth).front, "what a person orders comes before what was resumed"
    for run in (first, third, fourth, second):
        house.finish(run)
    assert [run for run, stage in house.engine.begun if stage == "download"] == [first, third, fourth, second]
    assert [run.run_id for run in house.index.runs_of(batch_of(house, first))] == [first, third, fourth, second]


def test_an_order_is_made_for_what_is_there_and_not_for_what_was_heard_of_last(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    other = house.commands_of_another_process()
    house.turn()
    with pytest.raises(Refused, match=f"{first} is running"):
        other.reorder(batch_of(house, first), [second, first], by=BOB)
    assert house.batch(first).order == []


def test_a_priority_of_its_own_goes_before_that_of_the_batch(house: House) -> None:
    slow = house.add(2, concurrency=1)
    house.add(1, priority=8)
    house.commands.priority(slow[1], 9, by=ANA)
    house.turn()
    assert house.engine.begun[0] == (slow[1], "download")


def test_a_deleted_batch_is_hidden_and_its_runs_take_no_command_until_it_is_back(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    batch = batch_of(house, run)
    done = house.commands.batch(batch, "delete", by=ANA)
    assert (done.phase, done.applied) == ("deleted", True)
    runs, batches, _ = house.index.snapshot()
    assert (runs, batches) == ({}, {})
    assert [one.run_id for one in house.index.runs_of(batch)] == [run]
    for verb, how in (("retry", {"from_stage": "download"}), ("skip", {}), ("pause", {})):
        with pytest.raises(Refused, match="which is deleted") as caught:
            house.commands.run(run, verb, by=ANA, **how)
        assert f"restore {batch}" in caught.value.hint
    with pytest.raises(Refused, match="which is deleted"):
        house.commands.priority(run, 3, by=ANA)
    house.commands.batch(batch, "restore", by=ANA)
    assert house.batch(run).phase == BatchPhase.COMPLETED
    house.ask(run, "retry", from_stage="download")
    assert house.phases(run) == ["running"]


def test_a_retry_and_a_deletion_at_once_leave_one_of_the_two(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    other = house.commands_of_another_process()
    house.commands.run(run, "retry", by=ANA, from_stage="download")
    with pytest.raises(Refused, match="is to be retried"):
        other.batch(batch_of(house, run), "delete", by=BOB)
    (run,) = house.add()
    house.turn()
    house.finish(run)
    other = house.commands_of_another_process()
    house.commands.batch(batch_of(house, run), "delete", by=ANA)
    with pytest.raises(Refused, match="which is deleted"):
        other.run(run, "retry", by=BOB, from_stage="download")
    assert not house.run(run).intent.again


def failed_runs(house: House, count: int) -> list[str]:
    runs = house.add(count)
    house.turn()
    for run in runs:
        while house.phases(run) != ["failed"]:
            house.turn()
            house.end(run, Failed(error_class=ErrorClass.REMOVED, message="It is gone.", hint="Nothing."))
    return runs


def test_a_batch_that_paused_itself_tries_those_again_that_it_named_and_one_run_first(house: House) -> None:
    failed = failed_runs(house, 3)
    batch = batch_of(house, failed[0])
    house.commands.run(failed[2], "skip", by=ANA)

    def paused(record: Any) -> Any:
        pause = Pause(reason="auto", by="service", why="5 runs failed", at=house.clock.now(), runs=failed)
        return msgspec.structs.replace(record, phase=BatchPhase.PAUSED, pause=pause)

    house.writer.batch(batch, paused)
    house.turn()
    done = house.commands.batch(batch, "resume", by=ANA)
    record = house.batch(failed[0])
    assert (done.changed, record.phase, record.pause) == (True, BatchPhase.RUNNING, None)
    assert record.streak_since == record.probing_since == house.clock.now()
    assert [house.run(run).intent.again for run in failed] == [True, True, False]


def test_all_failed_runs_are_retried_with_a_changed_setting(house: House) -> None:
    failed = failed_runs(house, 2)
    done = house.commands.retry_failed(
        batch_of(house, failed[0]), by=ANA, why="new cookies", changes={"format": "audio"}
    )
    assert [one.changed for one in done] == [True, True]
    house.turn()
    settings = [house.run(run).settings for run in failed]
    assert [one.format for one in settings if one is not None] == ["audio", "audio"]
    with pytest.raises(Refused, match="is failed; it is running"):
        house.commands.retry_failed(batch_of(house, failed[0]), by=ANA)


def test_a_retry_with_settings_that_this_version_cannot_do_is_refused_at_once(house: House) -> None:
    (failed,) = failed_runs(house, 1)
    with pytest.raises(BadInput, match="cannot do export yet"):
        house.commands.run(failed, "retry", by=ANA, changes={"export": True})
    assert not house.run(failed).intent.again


def test_a_running_run_is_not_retried_and_the_refusal_says_how(house: House) -> None:
    (run,) = house.add()
    house.turn()
    with pytest.raises(Refused, match="is running; it cannot be retried") as caught:
        house.commands.run(run, "retry", by=ANA, from_stage="download")
    assert f"stop {run}" in caught.value.hint


def test_a_run_that_is_cancelled_with_its_batch_takes_no_weaker_command(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.commands.batch(batch_of(house, run), "cancel", by=ANA)
    for verb in ("pause", "resume", "skip", "recover"):
        with pytest.raises(Refused, match="is being cancelled with its batch"):
            house.commands.run(run, verb, by=BOB)
    assert house.commands.run(run, "cancel", by=BOB).intent == "cancel"


def test_a_skipped_run_of_a_cancelled_batch_can_be_taken_in_again(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.ask(second, "skip")
    house.commands.batch(batch_of(house, first), "cancel", by=ANA)
    house.turn()
    house.engine.die(first)
    house.turn(2)
    assert house.phases(first, second) == ["cancelled", "skipped"]
    house.ask(second, "unskip")
    house.turn(2)
    assert house.phases(second) == ["running"]


# --- many runs --------------------------------------------------------------------------------------------------


def test_every_stalled_run_is_recovered_and_no_other(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    stalled(house, first)
    done = house.commands.recover_all(by=ANA, why="hangs")
    assert [(one.id, one.changed) for one in done] == [(first, True)]
    attempt = house.run(first).open_attempt
    assert attempt is not None
    assert house.run(first).intent.recover == attempt.id
    assert [house.run(run).intent.recover for run in (second, third)] == [None, None]


def test_a_stop_of_everything_stops_what_runs_and_is_ones_own(house: House) -> None:
    mine, waiting = house.add(2, concurrency=1)
    house.turn()
    assert [one.id for one in house.commands.stop_all(by=ANA)] == [mine]
    assert house.commands.stop_all(by=BOB) == []
    assert house.run(waiting).intent.want == "run"


def test_a_run_that_ended_meanwhile_is_no_trouble_for_a_command_to_many(house: House) -> None:
    first, second = house.add(2)
    house.turn()
    other: Commands = house.commands_of_another_process()
    house.finish(first)
    assert [one.id for one in other.stop_all(by=ANA)] == [second]


@pytest.mark.parametrize("verb", ["pause", "cancel", "recover", "remove"])
def test_an_id_of_nothing_is_said_so(house: House, verb: str) -> None:
    with pytest.raises(NotFound, match="There is no run r_nothing"):
        house.commands.run("r_nothing", verb, by=ANA)
    with pytest.raises(NotFound, match="There is no batch b_nothing"):
        house.commands.batch("b_nothing", "pause", by=ANA)


def test_a_failure_is_kept_with_a_run_that_was_skipped(house: House) -> None:
    (failed,) = failed_runs(house, 1)
    house.ask(failed, "skip", why="not worth it")
    run = house.run(failed)
    assert isinstance(run.failure, Failure)
    assert (run.phase, run.failure.kind, run.transitions[-1].why) == (
        Phase.SKIPPED,
        FailureKind.PERMANENT,
        "not worth it",
    )


@pytest.mark.parametrize("keywords", [("salmon", "new dam"), ["salmon", "new dam"]])
def test_a_retry_with_other_keywords_is_kept_as_a_record_can_hold_them(house: House, keywords: Any) -> None:
    (failed,) = failed_runs(house, 1)
    assert house.commands.run(failed, "retry", by=ANA, changes={"keywords": keywords}).changed
    assert house.run(failed).intent.changes == {"keywords": ["salmon", "new dam"]}
    assert not house.commands.run(failed, "retry", by=ANA, changes={"keywords": ("salmon", "new dam")}).changed
