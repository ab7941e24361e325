"""Limits on the time really worked: of an attempt, of a run in this round, of a batch."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.domain.attempts import open_attempt, timed
from core.domain.moves import another_round
from core.domain.run import Attempt, RunRecord
from core.domain.states import AttemptOutcome, FailureKind, Phase, Want
from core.domain.timeouts import Limits, batch_failure, batch_left_s, left_s, overdue, timed_out, worked_s
from tests.support.records import NOW, a_batch, a_run

LIMITS = Limits(stage_s=100.0, run_s=150.0, batch_s=200.0)
WORKING = a_run(Phase.RUNNING, done=("download",), working="transcribe")


def attempt(number: int, active_s: float | None) -> Attempt:
    at = NOW + timedelta(minutes=number)
    return Attempt(
        id=f"a_{number}",
        stage="download",
        epoch=1,
        started_at=at,
        ended_at=at,
        outcome=AttemptOutcome.PAUSED,
        active_s=active_s,
    )


def worked(*seconds: float | None) -> RunRecord:
    """A working run with closed attempts of so many seconds before its open one."""
    closed = [attempt(number, active_s) for number, active_s in enumerate(seconds, 10)]
    return replace(WORKING, attempts=[*closed, *WORKING.attempts])


def test_a_stage_may_work_for_as_long_as_its_limit_in_one_attempt() -> None:
    assert overdue(WORKING, 99.9, LIMITS) is None
    failure = overdue(WORKING, 100.0, LIMITS)
    assert failure is not None
    assert failure.kind == FailureKind.TIMEOUT
    assert failure.message == "Transcribe worked for 2 min, which is all it may."
    assert f"./reprise retry {WORKING.run_id} goes on there" in failure.hint
    assert "stage_timeout_s" in failure.hint


def test_a_run_may_work_for_as_long_as_its_limit_in_all_attempts_together() -> None:
    run = worked(60.0, None, 40.0)
    assert worked_s(run) == 100.0
    assert overdue(run, 49.0, LIMITS) is None
    failure = overdue(run, 50.0, LIMITS)
    assert failure is not None
    assert "The run worked" in failure.message
    assert left_s(run, 20.0, LIMITS) == 30.0


def test_each_round_has_the_whole_time_again() -> None:
    failed = replace(worked(60.0, 80.0), phase=Phase.FAILED, attempts=worked(60.0, 80.0).attempts[:-1])
    again = another_round(replace(failed, stages=a_run().stages), a_run().stages, failed.settings, NOW)
    assert worked_s(again) == 0.0
    opened = timed(open_attempt(again, "download", "a_new", 1, NOW), 7.0)
    closed = replace(opened, attempts=[*opened.attempts[:-1], replace(opened.attempts[-1], outcome="paused")])
    assert worked_s(closed) == 7.0


def test_a_batch_counts_from_its_last_beginning() -> None:
    batch = a_batch(active_s=1000.0, timeout_from_s=900.0)
    assert batch_left_s(batch, 30.0, LIMITS) == 70.0
    assert "Its batch worked" in batch_failure(WORKING, LIMITS).message


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING])
def test_a_run_that_took_too_long_is_failed_and_its_stage_with_it(phase: Phase) -> None:
    run = WORKING if phase == Phase.RUNNING else a_run(phase)
    failure = batch_failure(run, LIMITS)
    after = timed_out(run, failure, NOW, units_done=4, note="It had to be killed after 10 s.")
    assert (after.phase, after.failure, after.transitions[-1].event) == (Phase.FAILED, failure, "timeout")
    assert after.transitions[-1].why.endswith("It had to be killed after 10 s.")
    if run.open_attempt is not None:
        last = after.attempts[-1]
        assert (last.outcome, last.units_done, last.failure) == (AttemptOutcome.ERROR, 4, failure)


def test_what_drains_for_a_pause_may_take_too_long_like_any_other() -> None:
    run = replace(WORKING, intent=replace(WORKING.intent, want=Want.PAUSE, drain=True))
    after = timed_out(run, batch_failure(run, LIMITS), NOW)
    assert (after.phase, after.intent.want) == (Phase.FAILED, Want.PAUSE)


def test_what_is_to_be_cancelled_is_cancelled_and_not_timed_out() -> None:
    run = replace(WORKING, intent=replace(WORKING.intent, want=Want.CANCEL))
    assert timed_out(run, batch_failure(run, LIMITS), NOW).phase == Phase.CANCELLED


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.RECEIVING, Phase.COMPLETED, Phase.FAILED])
def test_what_rests_or_is_over_is_not_timed_out(phase: Phase) -> None:
    run = a_run(phase)
    assert timed_out(run, batch_failure(run, LIMITS), NOW) is run
