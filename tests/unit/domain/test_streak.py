"""Five runs that fail one after another hold their batch, with the reason they share."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.run import Failure, RunRecord
from core.domain.states import BatchPhase, FailureKind, Phase
from core.domain.streak import auto_pause, cause, streak
from tests.support.records import NOW, a_batch, a_run

SIGN_IN = "The site asks to sign in."


def ended(
    number: int,
    phase: Phase = Phase.FAILED,
    *,
    kind: FailureKind = FailureKind.PERMANENT,
    error_class: ErrorClass = ErrorClass.AUTH_REQUIRED,
    said: str = SIGN_IN,
) -> RunRecord:
    """A run that was the `number`-th to end."""
    failure = Failure(kind=kind, error_class=error_class, message=said) if phase == Phase.FAILED else None
    run = a_run(phase, run_id=f"r_{number}", failure=failure)
    return replace(run, completed_at=NOW + timedelta(minutes=number), position=100 - number)


def ids(runs: list[RunRecord]) -> list[str]:
    return [run.run_id for run in runs]


def test_failed_runs_are_counted_in_the_order_in_which_they_ended() -> None:
    assert ids(streak([ended(3), ended(1), ended(2)], None)) == ["r_1", "r_2", "r_3"]


def test_a_completed_run_ends_the_row() -> None:
    assert ids(streak([ended(1), ended(2, Phase.COMPLETED), ended(3)], None)) == ["r_3"]


@pytest.mark.parametrize("phase", [Phase.CANCELLED, Phase.SKIPPED])
def test_what_somebody_ended_neither_counts_nor_ends_the_row(phase: Phase) -> None:
    stopped = ended(4, kind=FailureKind.STOPPED)
    assert ids(streak([ended(1), ended(2, phase), ended(3), stopped], None)) == ["r_1", "r_3"]


def test_nothing_before_a_resume_counts() -> None:
    assert ids(streak([ended(1), ended(2), ended(3)], NOW + timedelta(minutes=2))) == ["r_2", "r_3"]


def test_runs_that_have_not_ended_do_not_count() -> None:
    assert streak([a_run(), a_run(Phase.RUNNING, working="download")], None) == []


def test_the_common_cause_is_named_with_both_numbers() -> None:
    row = [ended(number) for number in range(4)]
    row.append(ended(5, error_class=ErrorClass.REMOVED, said="The video is gone."))
    assert cause(row) == f"5 runs failed one after another, 4 of them: {SIGN_IN}"
    assert cause(row[:4]) == f"4 runs failed one after another: {SIGN_IN}"


def test_only_what_is_true_of_all_of_them_is_told_as_their_cause() -> None:
    row = [ended(1, said="It holds no video: it is empty."), ended(2, said="It holds no video: it is plain text.")]
    assert cause(row) == "2 runs failed one after another: It holds no video."
    row.append(ended(3, said="Film 3 is for members."))
    assert cause(row) == "3 runs failed one after another, the last of them: Film 3 is for members."
    row.append(ended(4, error_class=ErrorClass.REMOVED, said="The video is gone."))
    assert cause(row) == "4 runs failed one after another, 3 of them, the last: Film 3 is for members."


def test_a_batch_is_paused_by_the_service_with_its_failed_runs_and_lets_running_stages_end() -> None:
    row = [ended(number) for number in range(5)]
    batch = auto_pause(a_batch(), row, 5, NOW)
    assert batch.phase == BatchPhase.PAUSED
    assert batch.pause is not None
    assert (batch.pause.reason, batch.pause.by, batch.pause.drain) == ("auto", "service", True)
    assert batch.pause.runs == ids(row)
    assert SIGN_IN in batch.pause.why
    assert batch.transitions[-1].why == batch.pause.why


def test_it_takes_so_many_and_zero_means_never() -> None:
    row = [ended(number) for number in range(4)]
    assert auto_pause(a_batch(), row, 5, NOW).phase == BatchPhase.RUNNING
    assert auto_pause(a_batch(), row, 0, NOW).phase == BatchPhase.RUNNING


def test_a_batch_that_somebody_paused_keeps_that_reason() -> None:
    batch = a_batch(BatchPhase.PAUSED)
    assert auto_pause(batch, [ended(number) for number in range(5)], 5, NOW) is batch
