"""What may be asked of a batch, what that changes, and that what is so already is the very same object."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.batch import BatchRecord, Pause, places
from core.domain.batch_commands import (
    EDITABLE,
    cancel_batch,
    delete_batch,
    edit_batch,
    joined,
    pause_batch,
    prioritise_batch,
    purge_batch,
    reorder_batch,
    restore_batch,
    resume_batch,
    start_batch,
)
from core.domain.errors import BadInput, Refused
from core.domain.run import Intent, RunRecord
from core.domain.states import BatchPhase, Phase
from tests.support.records import NOW, a_batch, a_run

LATER = NOW + timedelta(minutes=5)


def paused(**pause: Any) -> BatchRecord:
    return a_batch(BatchPhase.PAUSED, pause=Pause(**({"by": "ann", "why": "lunch", "at": NOW} | pause)))


# --- pause ------------------------------------------------------------------------------------------------------


def test_a_pause_for_now_replaces_one_that_drains_and_keeps_since_when_and_why() -> None:
    after = pause_batch(paused(drain=True), LATER, by="bob")
    assert after.pause == Pause(by="bob", why="lunch", at=NOW)


@pytest.mark.parametrize("there", [{"drain": False}, {"drain": True}, {"drain": False, "reason": "auto"}])
def test_a_pause_that_drains_adds_nothing_to_one_that_is_there(there: dict[str, Any]) -> None:
    batch = paused(**there)
    assert pause_batch(batch, LATER, by="bob", why="other", drain=True) is batch


@pytest.mark.parametrize("reason", ["operator", "auto"])
def test_a_pause_given_twice_keeps_who_gave_it_first(reason: Any) -> None:
    batch = paused(reason=reason, runs=["r_1"])
    assert pause_batch(batch, LATER, by="bob", why="other") is batch


@pytest.mark.parametrize("reason", ["disk", "dependency", "quota", "maintenance"])
def test_a_person_who_pauses_what_would_go_on_by_itself_holds_it(reason: Any) -> None:
    after = pause_batch(paused(reason=reason), LATER, by="bob", why="not today")
    assert after.pause == Pause(reason="operator", by="bob", why="not today", at=LATER)
    assert pause_batch(after, LATER, by="bob") is after


def test_the_pause_of_everything_follows_the_same_rules() -> None:
    asked = Pause(by="bob", at=LATER, drain=True)
    assert joined(None, asked) is asked
    assert joined(asked, Pause(by="ann", at=LATER, drain=True)) is asked
    assert not joined(asked, Pause(by="ann", at=LATER)).drain


# --- start and resume -------------------------------------------------------------------------------------------


def test_a_start_or_resume_begins_the_count_of_failures_again() -> None:
    assert start_batch(a_batch(BatchPhase.DRAFT), LATER, by="bob").streak_since == LATER
    after = resume_batch(paused(), LATER, by="bob")
    assert (after.phase, after.pause, after.streak_since, after.probing_since) == ("running", None, LATER, None)


def test_after_a_pause_by_itself_one_run_is_tried_first() -> None:
    after = resume_batch(paused(reason="auto", runs=["r_1"]), LATER, by="bob")
    assert (after.streak_since, after.probing_since) == (LATER, LATER)


def test_a_start_of_a_paused_batch_resumes_it_and_a_resume_of_a_draft_says_how_to_start() -> None:
    assert start_batch(paused(), LATER, by="bob").transitions[-1].event == "resume"
    with pytest.raises(Refused, match="is a draft") as caught:
        resume_batch(a_batch(BatchPhase.DRAFT), LATER, by="bob")
    assert "start b_1" in caught.value.hint


ENDED = [BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED, BatchPhase.DELETED]


@pytest.mark.parametrize("phase", ENDED)
@pytest.mark.parametrize("ask", [pause_batch, start_batch, resume_batch, cancel_batch])
def test_what_is_impossible_is_refused_with_the_present_phase(ask: Any, phase: BatchPhase) -> None:
    batch = a_batch(phase)
    if (ask, phase) == (cancel_batch, BatchPhase.CANCELLED):
        assert ask(batch, NOW, by="bob") is batch
        return
    with pytest.raises(Refused, match=f"Batch b_1 is {phase}; it cannot be ") as caught:
        ask(batch, NOW, by="bob")
    assert caught.value.hint


# --- delete and restore -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [BatchPhase.DRAFT, BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED])
def test_a_deleted_batch_comes_back_as_it_was(phase: BatchPhase) -> None:
    batch = a_batch(phase)
    deleted = delete_batch(batch, [a_run(Phase.COMPLETED)], NOW, by="bob")
    assert (deleted.phase, deleted.deleted_from) == ("deleted", phase)
    back = restore_batch(deleted, LATER, by="bob")
    assert (back.phase, back.deleted_from) == (phase, None)
    assert restore_batch(back, LATER, by="bob") is back


@pytest.mark.parametrize(("outcome", "phase"), [("partial", "completed"), ("failed", "failed"), (None, "cancelled")])
def test_what_was_deleted_before_that_was_noted_comes_back_by_its_outcome(outcome: Any, phase: str) -> None:
    assert restore_batch(a_batch(BatchPhase.DELETED, outcome=outcome), NOW, by="bob").phase == phase


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (a_run(Phase.RUNNING, working="download"), "its run r_1 is still running"),
        (a_run(Phase.QUEUED), "its run r_1 is still queued"),
        (a_run(Phase.FAILED, intent=Intent(again=True)), "its run r_1 is to be retried"),
    ],
)
def test_a_batch_of_which_something_still_moves_is_not_deleted(run: RunRecord, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        delete_batch(a_batch(BatchPhase.CANCELLED), [run], NOW, by="bob")


def test_a_draft_is_deleted_although_its_runs_are_queued() -> None:
    assert delete_batch(a_batch(BatchPhase.DRAFT), [a_run()], NOW, by="bob").phase == "deleted"


def test_what_is_being_deleted_for_good_does_not_come_back() -> None:
    marked = purge_batch(a_batch(BatchPhase.DELETED, deleted_from=BatchPhase.FAILED), NOW)
    assert purge_batch(marked, LATER) is marked
    with pytest.raises(Refused, match="being deleted for good"):
        restore_batch(marked, NOW, by="bob")


# --- edit and priority ------------------------------------------------------------------------------------------


def test_an_edit_changes_what_was_given_and_nothing_else() -> None:
    batch = a_batch(description="old")
    after = edit_batch(batch, LATER, name=" Talks ", concurrency=5, changes={"model": "base"})
    assert (after.name, after.description, after.concurrency, after.settings.model) == ("Talks", "old", 5, "base")
    assert edit_batch(after, LATER, name="Talks", concurrency="5", changes={"model": "base"}) is after
    assert edit_batch(batch, LATER, description="").description == ""


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "x" * 101}, "name is longer than 100"),
        ({"name": "  "}, "name is empty"),
        ({"description": "x" * 2001}, "description is longer than 2000"),
        ({"concurrency": 0}, "concurrency is 0; it has to be a whole number from 1 to 5"),
        ({"concurrency": 6}, "concurrency is 6"),
        ({"concurrency": True}, "concurrency is True"),
        ({"changes": {"modle": "base"}}, "no setting “modle”"),
    ],
)
def test_an_edit_that_is_not_possible_names_the_field(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        edit_batch(a_batch(), NOW, **given)


@pytest.mark.parametrize("phase", BatchPhase)
def test_only_what_has_not_ended_can_be_changed(phase: BatchPhase) -> None:
    changes: tuple[Any, ...] = (
        lambda batch: edit_batch(batch, LATER, name="other"),
        lambda batch: prioritise_batch(batch, 9, LATER),
        lambda batch: reorder_batch(batch, two_runs(), ["r_2", "r_1"], LATER),
    )
    for change in changes:
        if phase in EDITABLE:
            assert change(a_batch(phase)).phase == phase
        else:
            with pytest.raises(Refused, match=f"is {phase}"):
                change(a_batch(phase))


@pytest.mark.parametrize("given", [0, 10, "0", " 7 "])
def test_a_priority_is_a_whole_number(given: object) -> None:
    assert prioritise_batch(a_batch(), given, NOW).priority == int(str(given))


@pytest.mark.parametrize("given", [-1, 11, 5.0, "5.5", "11", "true", True, None, "", "٣", "1e1", "0x5", "9" * 5000])
def test_a_priority_that_is_none_is_refused_with_its_range(given: object) -> None:
    with pytest.raises(BadInput, match="it has to be a whole number from 0 to 10"):
        prioritise_batch(a_batch(), given, NOW)


def test_the_present_priority_changes_nothing() -> None:
    batch = a_batch(priority=7)
    assert prioritise_batch(batch, 7, LATER) is batch


# --- reorder ----------------------------------------------------------------------------------------------------


def runs_of(*phases: Phase) -> list[RunRecord]:
    return [a_run(phase, run_id=f"r_{n}", position=n) for n, phase in enumerate(phases, start=1)]


def two_runs() -> list[RunRecord]:
    return runs_of(Phase.QUEUED, Phase.QUEUED)


def in_order(batch: BatchRecord, runs: list[RunRecord]) -> list[str]:
    place = places(batch, runs)
    assert sorted(place.values()) == [run.position for run in runs], "no place is lost or doubled"
    return [run_id for run_id, _ in sorted(place.items(), key=lambda pair: pair[1])]


@pytest.mark.parametrize("wanted", list(permutations(["r_1", "r_2", "r_3", "r_4"])))
def test_queued_runs_start_in_the_order_they_are_put_into(wanted: tuple[str, ...]) -> None:
    runs = runs_of(*[Phase.QUEUED] * 4)
    after = reorder_batch(a_batch(), runs, wanted, LATER)
    assert in_order(after, runs) == list(wanted)
    assert reorder_batch(after, runs, wanted, LATER) is after


def test_what_has_begun_keeps_its_place_also_when_the_rest_is_ordered_again() -> None:
    runs = runs_of(Phase.COMPLETED, *[Phase.QUEUED] * 3)
    first = reorder_batch(a_batch(), runs, ["r_4", "r_2", "r_3"], LATER)
    assert in_order(first, runs) == ["r_1", "r_4", "r_2", "r_3"]
    runs[3] = replace(runs[3], phase=Phase.RUNNING)
    second = reorder_batch(first, runs, ["r_3", "r_2"], LATER)
    assert in_order(second, runs) == ["r_1", "r_4", "r_3", "r_2"]
    assert in_order(reorder_batch(second, runs, ["r_2", "r_3"], LATER), runs) == ["r_1", "r_4", "r_2", "r_3"]


def test_a_run_that_was_removed_or_came_later_does_not_mix_up_the_order() -> None:
    runs = runs_of(*[Phase.QUEUED] * 3)
    batch = reorder_batch(a_batch(), runs, ["r_3", "r_2", "r_1"], LATER)
    left = [runs[0], runs[2], a_run(run_id="r_4", position=4)]
    assert in_order(batch, left) == ["r_3", "r_1", "r_4"]


@pytest.mark.parametrize(
    ("wanted", "error", "sentence"),
    [
        (["r_2", "r_2", "r_3"], BadInput, "Named twice: r_2"),
        (["r_2"], BadInput, "Also queued, but not named: r_3"),
        (["r_2", "r_3", "r_9"], BadInput, "Not in batch b_1: r_9"),
        (["r_1", "r_2", "r_3"], Refused, "r_1 is running"),
        ([], BadInput, "Also queued, but not named: r_2, r_3"),
    ],
)
def test_an_order_made_for_something_else_is_refused_naming_what_does_not_fit(
    wanted: list[str], error: type[Exception], sentence: str
) -> None:
    runs = runs_of(Phase.RUNNING, Phase.QUEUED, Phase.QUEUED)
    with pytest.raises(error, match=sentence):
        reorder_batch(a_batch(), runs, wanted, LATER)
