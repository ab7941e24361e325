"""Totals only grow, and nothing is counted twice, however often a record is looked at and whatever becomes of it."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.run import Attempt, Failure, RunRecord, Source, StageState, Verdict, Work
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus
from core.domain.totals import Histogram, Totals
from tests.support.storage import NOON


def run(*attempts: Attempt, **fields: Any) -> RunRecord:
    """A run with this ledger."""
    return RunRecord(
        run_id="r_1", batch_id="b_1", space_id="s", position=1, source=Source(kind="url", value="u"), owner="o",
        created_at=NOON, updated_at=NOON, attempts=list(attempts), **fields,
    )  # fmt: skip


def attempt(number: int, outcome: str | None = "error", *, minute: float = 1.0, **fields: Any) -> Attempt:
    """An attempt on the download, ended that many minutes after noon if it has an outcome."""
    ended_at = NOON + timedelta(minutes=minute) if outcome is not None else None
    return Attempt(
        id=f"a_{number}", stage="download", epoch=1, started_at=NOON + timedelta(minutes=minute - 0.5),
        ended_at=ended_at, outcome=AttemptOutcome(outcome) if outcome else None, **fields,
    )  # fmt: skip


def counted(*records: RunRecord) -> Totals:
    """Totals of one run that was looked at in each of these states."""
    totals = Totals(NOON)
    for record in records:
        totals.count(record)
    return totals


def test_an_attempt_counts_once_when_it_has_ended() -> None:
    opened, ended = run(attempt(1, None)), run(attempt(1, "committed"))
    totals = counted(opened, opened, ended, ended)
    assert dict(totals.attempts) == {("download", "committed"): 1}


def test_attempts_that_came_and_went_between_two_looks_all_count() -> None:
    totals = counted(run(attempt(1)), run(attempt(1), attempt(2, minute=2), attempt(3, "committed", minute=3)))
    assert dict(totals.attempts) == {("download", "error"): 2, ("download", "committed"): 1}
    assert totals.retries["download"] == 2


def test_a_retry_counts_when_it_begins_and_not_again_when_it_ends() -> None:
    begun = counted(run(attempt(1), attempt(2, None, minute=2)))
    assert begun.retries["download"] == 1
    begun.count(run(attempt(1), attempt(2, "committed", minute=2)))
    assert begun.retries["download"] == 1


def test_what_was_over_before_the_counting_began_does_not_count() -> None:
    old = run(attempt(1, "error", minute=-9), phase=Phase.FAILED, completed_at=NOON - timedelta(minutes=9))
    totals = counted(old)
    assert not totals.attempts
    assert not totals.finished


def test_an_end_counts_once_however_the_record_changes_after_it() -> None:
    finished = run(attempt(1, "committed"), phase=Phase.COMPLETED, completed_at=NOON, duration_s=60.0)
    totals = counted(finished)
    assert (totals.finished["completed"], totals.media_s) == (1, 60.0)
    totals.count(replace(finished, updated_at=NOON + timedelta(hours=1)))
    assert (totals.finished["completed"], totals.media_s) == (1, 60.0)


def test_a_run_that_is_retried_and_ends_again_counts_as_two_ends() -> None:
    first = run(phase=Phase.FAILED, completed_at=NOON)
    again = run(phase=Phase.QUEUED)
    second = run(phase=Phase.COMPLETED, completed_at=NOON + timedelta(minutes=5))
    assert dict(counted(first, again, second).finished) == {"failed": 1, "completed": 1}


def test_crashes_stalls_and_errors_are_told_apart() -> None:
    failure = Failure(kind=FailureKind.ERROR, error_class=ErrorClass.NETWORK)
    ledger = [attempt(1, failure=failure), attempt(2, "interrupted", minute=2), attempt(3, "stalled", minute=3)]
    totals = counted(run(*ledger, attempt(4, "paused", minute=4)))
    assert dict(totals.errors) == {"network": 1}
    assert dict(totals.recoveries) == {"crash": 1, "stall": 1}


def test_a_stall_counts_once_for_its_attempt_however_long_it_lasts() -> None:
    verdict = Verdict(kind="stalled", attempt="a_1", at=NOON, message="")
    stalled = run(attempt(1, None), verdict=verdict)
    slow = replace(stalled, verdict=replace(verdict, kind="slow"))
    assert counted(stalled, run(attempt(1, None)), stalled, slow).stalls["download"] == 1


def test_work_counts_when_its_stage_is_committed_and_what_is_unknown_counts_nothing() -> None:
    work = Work(unit="bytes", done=70.0, reused=30.0, redone=None)
    stage = StageState(status=StageStatus.COMMITTED, key="k", work=work)
    totals = counted(run(attempt(1, "committed", active_s=7.0), stages={"download": stage}))
    assert totals.work["download", "bytes", "done"] == 70.0
    assert totals.work["download", "bytes", "reused"] == 30.0
    assert totals.work["download", "bytes", "redone"] == 0.0
    assert totals.stage_s["download"].sum == 7.0


@given(st.lists(st.floats(0, 1e6), max_size=30))
def test_a_histogram_is_cumulative_and_ends_with_all_of_them(values: list[float]) -> None:
    histogram = Histogram((1.0, 10.0))
    for value in values:
        histogram.add(value)
    assert histogram.cumulative() == [
        ("1.0", sum(value <= 1.0 for value in values)),
        ("10.0", sum(value <= 10.0 for value in values)),
        ("+Inf", len(values)),
    ]
