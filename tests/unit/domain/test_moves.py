from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.moves import another_round, due, invalidate, is_finished, settle_intent, wait_over
from core.domain.run import Failure, Intent, RunRecord
from core.domain.settings import Settings
from core.domain.states import FailureKind, Phase, StageStatus, Want
from tests.support.records import NOW, USUAL, a_run

MOVES = [
    (Phase.QUEUED, Want.PAUSE, Phase.PAUSED),
    (Phase.RETRY_WAIT, Want.PAUSE, Phase.PAUSED),
    (Phase.RUNNING, Want.PAUSE, Phase.PAUSED),
    (Phase.PAUSED, Want.RUN, Phase.QUEUED),
    (Phase.PAUSED, Want.STOP, Phase.FAILED),
    (Phase.QUEUED, Want.CANCEL, Phase.CANCELLED),
    (Phase.RECEIVING, Want.CANCEL, Phase.CANCELLED),
    (Phase.FAILED, Want.SKIP, Phase.SKIPPED),
    (Phase.QUEUED, Want.SKIP, Phase.SKIPPED),
    (Phase.SKIPPED, Want.RUN, Phase.QUEUED),
    (Phase.QUEUED, Want.RUN, Phase.QUEUED),
    (Phase.RUNNING, Want.RUN, Phase.RUNNING),
    (Phase.COMPLETED, Want.PAUSE, Phase.COMPLETED),
    (Phase.FAILED, Want.STOP, Phase.FAILED),
    (Phase.CANCELLED, Want.CANCEL, Phase.CANCELLED),
]


@pytest.mark.parametrize(("phase", "want", "reached"), MOVES)
def test_a_run_that_nobody_works_on_follows_its_intent_at_once(phase: Phase, want: Want, reached: Phase) -> None:
    run = a_run(phase, want)
    after = settle_intent(run, NOW)
    assert after.phase == reached
    assert (after is run) == (phase == reached)
    assert settle_intent(after, NOW) is after, "settled twice is settled once"


def test_a_run_that_is_worked_on_is_left_to_its_attempt() -> None:
    run = a_run(Phase.RUNNING, Want.CANCEL, working="download")
    assert settle_intent(run, NOW) is run


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING, Phase.PAUSED])
@pytest.mark.parametrize("want", [Want.RUN, Want.PAUSE, Want.STOP])
def test_a_run_with_nothing_left_to_do_is_completed(phase: Phase, want: Want) -> None:
    after = settle_intent(a_run(phase, want, done=USUAL), NOW)
    assert (after.phase, after.completed_at, after.intent.want) == (Phase.COMPLETED, NOW, Want.RUN)


def test_a_run_whose_stages_are_not_known_yet_is_not_finished() -> None:
    assert not is_finished(a_run(stages={}))


def test_a_resumed_run_goes_to_the_front_and_its_backoff_is_dropped() -> None:
    waiting = a_run(Phase.RETRY_WAIT, Want.PAUSE, next_at=NOW + timedelta(seconds=20), wait_s=20.0)
    paused = settle_intent(waiting, NOW)
    resumed = settle_intent(replace(paused, intent=Intent(at=NOW)), NOW)
    assert (resumed.front, resumed.next_at, due(resumed, NOW)) == (1, None, 0.0)


def test_an_unskipped_run_that_had_failed_gets_its_tries_back() -> None:
    run = a_run(Phase.SKIPPED, failure=Failure(kind=FailureKind.EXHAUSTED))
    stages = {**run.stages, "download": replace(run.stages["download"], status=StageStatus.FAILED, tries=4)}
    after = settle_intent(replace(run, stages=stages), NOW)
    assert (after.stages["download"].status, after.stages["download"].tries) == (StageStatus.PENDING, 0)
    assert after.failure is None


def waiting(wait_s: float) -> RunRecord:
    return a_run(Phase.RETRY_WAIT, next_at=NOW + timedelta(seconds=wait_s), wait_s=wait_s)


def test_what_is_left_of_a_wait_shrinks_with_the_clock() -> None:
    assert due(waiting(8), NOW + timedelta(seconds=3)) == 5
    assert due(waiting(8), NOW + timedelta(seconds=9)) == 0
    assert due(a_run(), NOW) == 0


@given(st.floats(0, 3600), st.floats(-1e7, 1e7))
def test_whatever_the_clock_does_no_wait_becomes_longer_than_it_was(wait_s: float, jump_s: float) -> None:
    assert 0 <= due(waiting(wait_s), NOW + timedelta(seconds=jump_s)) <= wait_s


def test_after_its_wait_a_run_is_queued_in_front() -> None:
    run = wait_over(waiting(8), NOW)
    assert (run.phase, run.front, run.next_at) == (Phase.QUEUED, 1, None)


def test_another_round_is_counted_and_starts_clean() -> None:
    run = a_run(
        Phase.FAILED,
        failure=Failure(kind=FailureKind.POISON),
        crashes=[NOW],
        resumed=True,
        completed_at=NOW,
        retry_count=1,
        intent=Intent(by="bob", again=True, changes={"model": "tiny"}, at=NOW),
    )
    after = another_round(run, run.stages, Settings(model="tiny"), NOW)
    assert (after.phase, after.retry_count, after.front) == (Phase.QUEUED, 2, 1)
    assert (after.failure, after.crashes, after.resumed, after.completed_at) == (None, [], False, None)
    assert (after.intent.again, after.intent.changes, after.settings) == (False, {}, Settings(model="tiny"))
    assert (after.transitions[-1].event, after.transitions[-1].by) == ("rerun", "bob")


def test_a_completed_run_with_a_damaged_result_is_queued_again_with_the_reason() -> None:
    run = a_run(Phase.COMPLETED, done=USUAL, completed_at=NOW)
    after = invalidate(run, a_run(done=("download",)).stages, NOW, why="transcript.json is damaged")
    assert (after.phase, after.next_stage, after.completed_at) == (Phase.QUEUED, "transcribe", None)
    assert after.transitions[-1].why == "transcript.json is damaged"
