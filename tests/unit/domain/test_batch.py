import pytest

from core.domain.batch import settle_batch, withdraw_cancel
from core.domain.batch_commands import cancel_batch, delete_batch, pause_batch, start_batch
from core.domain.errors import Refused
from core.domain.states import BatchPhase, Phase
from tests.support.records import NOW, a_batch

DONE, FAILED, CANCELLED, SKIPPED, QUEUED = (
    Phase.COMPLETED,
    Phase.FAILED,
    Phase.CANCELLED,
    Phase.SKIPPED,
    Phase.QUEUED,
)


@pytest.mark.parametrize(
    ("phases", "phase", "outcome"),
    [
        ([DONE, DONE], BatchPhase.COMPLETED, "success"),
        ([DONE, SKIPPED], BatchPhase.COMPLETED, "success"),
        ([DONE, FAILED], BatchPhase.COMPLETED, "partial"),
        ([SKIPPED, CANCELLED], BatchPhase.COMPLETED, "partial"),
        ([FAILED, FAILED], BatchPhase.FAILED, "failed"),
        ([CANCELLED], BatchPhase.FAILED, "failed"),
        ([DONE, QUEUED], BatchPhase.RUNNING, None),
        ([], BatchPhase.RUNNING, None),
    ],
)
def test_a_batch_is_settled_when_all_its_runs_are(phases: list[Phase], phase: BatchPhase, outcome: str | None) -> None:
    after = settle_batch(a_batch(), phases, NOW)
    assert (after.phase, after.outcome) == (phase, outcome)


@pytest.mark.parametrize("phase", [BatchPhase.DRAFT, BatchPhase.PAUSED])
def test_a_batch_that_does_not_run_is_not_settled(phase: BatchPhase) -> None:
    batch = a_batch(phase)
    assert settle_batch(batch, [DONE], NOW) is batch


def test_a_settled_batch_is_opened_again_by_a_run_that_is_retried() -> None:
    after = settle_batch(settle_batch(a_batch(), [FAILED], NOW), [QUEUED], NOW)
    assert (after.phase, after.outcome, after.completed_at) == (BatchPhase.RUNNING, None, None)


def test_a_cancelled_batch_is_not_opened_again_by_the_runs_that_are_still_being_cancelled() -> None:
    batch = cancel_batch(a_batch(), NOW, by="ann")
    assert settle_batch(batch, [QUEUED, CANCELLED], NOW) is batch


def test_a_cancelled_batch_is_opened_again_for_a_retry_once_all_its_runs_are_cancelled() -> None:
    batch = cancel_batch(a_batch(), NOW, by="ann")
    with pytest.raises(Refused, match="still being cancelled"):
        withdraw_cancel(batch, [CANCELLED, Phase.RUNNING], NOW)
    batch = withdraw_cancel(batch, [CANCELLED, DONE], NOW)
    assert batch.phase == BatchPhase.CANCELLED
    assert settle_batch(batch, [QUEUED, DONE], NOW).phase == BatchPhase.RUNNING


def test_a_batch_that_was_not_cancelled_has_nothing_to_withdraw() -> None:
    batch = a_batch(BatchPhase.COMPLETED)
    assert withdraw_cancel(batch, [QUEUED], NOW) is batch


def test_a_pause_says_who_and_why_and_is_gone_after_the_start() -> None:
    paused = pause_batch(a_batch(), NOW, by="ann", why="backup")
    assert paused.pause is not None
    assert (paused.phase, paused.pause.by, paused.pause.why) == (BatchPhase.PAUSED, "ann", "backup")
    assert start_batch(paused, NOW, by="bob").pause is None


def test_every_command_may_be_repeated() -> None:
    paused = pause_batch(a_batch(), NOW, by="ann")
    running = start_batch(paused, NOW, by="ann")
    cancelled = cancel_batch(running, NOW, by="ann")
    deleted = delete_batch(cancelled, [], NOW, by="ann")
    assert pause_batch(paused, NOW, by="bob") is paused
    assert start_batch(running, NOW, by="bob") is running
    assert cancel_batch(cancelled, NOW, by="bob") is cancelled
    assert delete_batch(deleted, [], NOW, by="bob") is deleted


def test_a_batch_that_runs_is_not_deleted() -> None:
    with pytest.raises(Refused, match="is running"):
        delete_batch(a_batch(), [], NOW, by="ann")
