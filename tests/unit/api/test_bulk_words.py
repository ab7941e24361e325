"""A batch in the words of the bulk API."""

from typing import Any

import pytest

from core.api.bulk_words import STATES, STATUSES, checkpoint, folder_of, job_changed, job_state, retries
from core.domain.states import BatchPhase


def run(source: str, phase: str, **tries: int) -> dict[str, Any]:
    return {"source": source, "phase": phase, "attempts": tries}


def batch(*runs: dict[str, Any], phase: str = "running", row: int = 0) -> dict[str, Any]:
    return {"batch_id": "b_1", "phase": phase, "runs": list(runs), "consecutive_failures": row}


def test_every_phase_of_a_batch_has_a_state_and_every_state_a_status() -> None:
    assert STATES.keys() == {phase.value for phase in BatchPhase}
    assert set(STATES.values()) == STATUSES.keys()


@pytest.mark.parametrize(
    ("phase", "state", "paused", "stopped"),
    [
        ("running", "running", False, False),
        ("paused", "paused", True, False),
        ("draft", "paused", True, False),
        ("completed", "completed", False, False),
        ("failed", "error", False, False),
        ("cancelled", "stopped", False, True),
    ],
)
def test_a_state_tells_of_a_pause_and_of_a_stop(phase: str, state: str, paused: bool, stopped: bool) -> None:
    found = job_state(batch(phase=phase))
    assert (found.state, found.is_paused, found.is_stopped, found.checkpoint.state) == (state, paused, stopped, state)


def test_a_checkpoint_counts_what_ended_and_names_what_failed_before() -> None:
    found = checkpoint(
        batch(
            run("/f/done.mp4", "completed", download=2),
            run("/f/left.mp4", "skipped"),
            run("/f/broken.mp4", "failed", download=1, transcribe=3),
            run("/f/given_up.mp4", "cancelled"),
            run("/f/again.mp4", "retry_wait", download=1),
            run("/f/new.mp4", "queued"),
            row=1,
        )
    )
    assert (found.processed_count, found.results_count, found.errors_count, found.consecutive_errors) == (4, 2, 1, 1)
    assert found.retry_count == {"/f/broken.mp4": 4, "/f/again.mp4": 1}


def test_a_job_that_is_completed_has_forgotten_its_retries() -> None:
    assert checkpoint(batch(run("/f/a.mp4", "failed", download=4), phase="completed")).retry_count == {}


def test_the_folder_of_a_job_is_the_one_that_all_its_files_lie_in() -> None:
    assert folder_of(["/films/a.mp4", "/films/b.mp4"]) == "/films"
    assert folder_of(["/films/a.mp4", "/films/new/b.mp4"]) == ""
    assert folder_of(["https://example.com/films/a.mp4"]) == folder_of([]) == ""


def test_an_answer_says_what_was_done_and_the_state_after_it() -> None:
    assert job_changed("b_1", "paused", "paused").model_dump() == {
        "success": True,
        "message": "Job paused successfully",
        "job_id": "b_1",
        "state": "paused",
    }


def test_the_retries_of_a_file_are_those_of_all_its_stages() -> None:
    assert retries(run("/f/a.mp4", "failed", download=1, transcribe=2)) == 3
