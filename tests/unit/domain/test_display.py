import pytest
from msgspec.structs import replace

from core.domain.batch import Pause, PoolRecord
from core.domain.display import pool_status, shown_batch_phase, shown_phase
from core.domain.run import Intent
from core.domain.states import BatchPhase, Phase, Want
from tests.support.records import a_batch, a_run


@pytest.mark.parametrize(
    ("phase", "want", "word"),
    [
        (Phase.RUNNING, Want.RUN, "running"),
        (Phase.RUNNING, Want.PAUSE, "pausing"),
        (Phase.RUNNING, Want.STOP, "stopping"),
        (Phase.RETRY_WAIT, Want.CANCEL, "cancelling"),
        (Phase.QUEUED, Want.SKIP, "skipping"),
        (Phase.PAUSED, Want.PAUSE, "paused"),
        (Phase.PAUSED, Want.STOP, "stopping"),
        (Phase.FAILED, Want.STOP, "failed"),
        (Phase.CANCELLED, Want.CANCEL, "cancelled"),
    ],
)
def test_a_run_is_shown_by_its_phase_or_by_what_is_being_made_of_it(phase: Phase, want: Want, word: str) -> None:
    assert shown_phase(a_run(phase, want)) == word


def test_a_failed_run_that_will_be_retried_is_shown_so() -> None:
    assert shown_phase(replace(a_run(Phase.FAILED), intent=Intent(again=True))) == "retrying"


def test_a_batch_is_shown_by_its_phase_and_what_is_still_in_flight() -> None:
    queued, running, ended = Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED
    assert shown_batch_phase(a_batch(), [queued, queued]) == "queued"
    assert shown_batch_phase(a_batch(), [queued, ended]) == "running"
    assert shown_batch_phase(a_batch(BatchPhase.PAUSED), [running, queued]) == "pausing"
    assert shown_batch_phase(a_batch(BatchPhase.PAUSED), [queued]) == "paused"
    assert shown_batch_phase(a_batch(BatchPhase.CANCELLED, cancel_by="ann"), [running]) == "cancelling"
    assert shown_batch_phase(a_batch(BatchPhase.CANCELLED, cancel_by="ann"), [Phase.CANCELLED]) == "cancelled"


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({}, "idle"),
        ({Phase.RUNNING: 1, Phase.COMPLETED: 4}, "running"),
        ({Phase.QUEUED: 1}, "running"),
        ({Phase.RETRY_WAIT: 1}, "running"),
        ({Phase.PAUSED: 1, Phase.COMPLETED: 2}, "paused"),
        ({Phase.COMPLETED: 2, Phase.FAILED: 1}, "completed"),
        ({Phase.QUEUED: 0}, "idle"),
    ],
)
def test_the_pool_has_one_word(counts: dict[Phase, int], word: str) -> None:
    assert pool_status(PoolRecord(), counts) == word


def test_a_pause_of_the_pool_comes_before_what_its_runs_do() -> None:
    assert pool_status(PoolRecord(pause=Pause()), {Phase.RUNNING: 1}) == "paused"


def test_without_a_service_nothing_runs() -> None:
    assert pool_status(PoolRecord(), {Phase.QUEUED: 3}, service_alive=False) == "idle"


def test_a_service_that_cannot_work_at_all_is_failed() -> None:
    assert pool_status(PoolRecord(), {Phase.QUEUED: 3}, broken=True) == "failed"
