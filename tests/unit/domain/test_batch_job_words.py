"""Batches and runs in the words of S1: every phase has one, every field is there, nothing of ours gets out."""

from typing import Any, get_args

import pytest

from core.domain import batch_job_words as words
from core.domain.batch_job_words import batch_export, batch_job, batch_video, percentage, phases, settings_from
from core.domain.exports import ExportPhase
from core.domain.states import BatchPhase, Phase
from tests.support import seeds


def a_batch(**fields: Any) -> dict[str, Any]:
    """What is shown of a batch, as far as it matters here."""
    at = "2026-11-22T12:00:00Z"
    return {
        "batch_id": "b_1",
        "owner": "ana",
        "name": "Talks",
        "description": "",
        "settings": {"transcribe": True},
        "phase": "running",
        "total": 9,
        "completed": 4,
        "failed": 1,
        "cancelled": 1,
        "skipped": 2,
        "total_duration_s": 90.5,
        "processed_duration_s": 40.0,
        "eta_s": {"low": 10.0, "high": 21.0},
        "progress": 0.666,
        "priority": 5,
        "concurrency": 3,
        "created_at": at,
        "started_at": at,
        "completed_at": None,
        "updated_at": at,
    } | fields


def a_run(**fields: Any) -> dict[str, Any]:
    """What is shown of a run, as far as it matters here."""
    at = "2026-11-22T12:00:00Z"
    return {
        "run_id": "r_1",
        "batch_id": "b_1",
        "space_id": "s_1",
        "source": "https://example.org/talk",
        "title": "Talk",
        "duration_s": 61.5,
        "position": 2,
        "phase": "running",
        "intent": "run",
        "stage": "transcribe",
        "progress": 0.4199,
        "failure": None,
        "retry_count": 1,
        "created_at": at,
        "started_at": at,
        "completed_at": None,
        "updated_at": at,
    } | fields


def test_every_phase_has_a_word_of_s1_and_every_word_can_be_met() -> None:
    assert words.BATCH.keys() == set(BatchPhase) - {BatchPhase.DELETED}
    assert set(words.BATCH.values()) == set(get_args(words.BatchStatus))
    assert words.VIDEO.keys() == set(Phase)
    assert set(words.VIDEO.values()) == set(get_args(words.VideoStatus))
    assert set(words.STAGE.values()) == set(get_args(words.Stage))
    assert words.EXPORT.keys() >= set(ExportPhase)


def test_every_stage_there_is_has_a_word() -> None:
    from core.config import Config
    from core.stages.registry import build_stages

    assert words.STAGE.keys() == set(build_stages(Config()).stages)


@pytest.mark.parametrize(
    ("phase", "status"),
    [("receiving", "uploading"), ("retry_wait", "pending"), ("paused", "pending"), ("skipped", "cancelled")],
)
def test_what_s1_does_not_know_is_the_nearest_it_knows(phase: str, status: str) -> None:
    assert batch_video(a_run(phase=phase), 3)["status"] == status


def test_a_batch_job_has_every_field_of_s1_and_counts_what_was_skipped_as_cancelled() -> None:
    job = batch_job(a_batch())
    assert job.keys() == {*seeds.BATCH_JOB, "progress_percentage", "concurrency"}
    assert (job["status"], job["cancelled_videos"], job["progress_percentage"]) == ("processing", 3, 66)
    assert job["estimated_time_remaining"] == 16
    assert batch_job(a_batch(eta_s=None))["estimated_time_remaining"] is None


def test_a_batch_video_has_every_field_of_s1_and_tells_its_stage_only_while_it_is_worked_on() -> None:
    video = batch_video(a_run(), 3)
    assert video.keys() == {*seeds.BATCH_VIDEO, "name", "duration_seconds"}
    assert (video["current_stage"], video["progress_percentage"], video["max_retries"]) == ("transcribing", 41, 3)
    assert batch_video(a_run(phase="queued"), 3)["current_stage"] is None
    assert batch_video(a_run(phase="receiving", stage=None), 3)["current_stage"] == "uploading"
    assert batch_video(a_run(phase="failed", failure={"message": "No sound."}), 3)["error_message"] == "No sound."


def test_an_uploaded_video_is_known_by_its_upload_and_any_other_by_its_address() -> None:
    uploaded = a_run(source="/var/storage/uploads/0123456789abcdef/talk.mp4")
    assert batch_video(uploaded, 3)["video_id"] == "0123456789abcdef"
    for other in ("/videos/uploads/talk.mp4", "https://example.org/talk", "/uploads/0123456789abcdef/a/b.mp4"):
        assert batch_video(a_run(source=other), 3)["video_id"] == "s_1"


def test_a_finished_video_names_its_files_and_the_video_that_most_was_done_to() -> None:
    files = [
        {"name": name, "stage": stage, "size": 1, "sha256": "0"}
        for stage, name in (("download", "media.mp4"), ("remove_silence", "cuts.json"), ("export", "export.mp4"))
    ]
    done = batch_video(a_run(phase="completed"), 3, files)
    assert done["processing_result"]["files"][0]["url"] == "/api/runs/r_1/files/download/media.mp4"
    assert done["output_video_url"] == "/api/runs/r_1/files/export/export.mp4"
    assert batch_video(a_run(phase="completed"), 3, files[:2])["output_video_url"].endswith("/download/media.mp4")
    assert batch_video(a_run(), 3, files)["processing_result"] is None


def test_only_what_is_finished_is_at_a_hundred() -> None:
    assert [percentage(share) for share in (0.0, 0.009, 0.29, 0.9999, 1.0)] == [0, 0, 29, 99, 100]


def test_a_filter_by_a_word_finds_the_phases_behind_it() -> None:
    assert phases("pending") == {"draft"}
    assert phases("processing") == {"running"}


def test_an_export_is_fetched_only_while_it_is_ready() -> None:
    export = {
        "export_id": "e_1",
        "batch_id": "b_1",
        "format": "zip",
        "status": "ready",
        "progress": 1.0,
        "size": 5,
        "expires_at": None,
        "created_at": "2026-11-22T12:00:00Z",
        "failure": None,
    }
    ready = batch_export(export, "/x")
    assert ready.keys() == {*seeds.BATCH_EXPORT, "error_message"}
    assert (ready["status"], ready["progress"], ready["download_url"]) == ("completed", 100, "/x")
    expired = batch_export(export | {"status": "expired"}, "/x")
    assert (expired["status"], expired["download_url"]) == ("expired", None)


def test_settings_of_s1_are_ours_in_capitals_or_not_and_who_names_a_format_wants_it_made() -> None:
    assert settings_from({"export_format": "MP4", "export_quality": "4k"}) == {
        "export_format": "mp4",
        "export_quality": "4K",
        "export": True,
    }
    assert settings_from({"export_format": "mov", "export": False})["export"] is False
    assert settings_from({"transcribe": True}) == {"transcribe": True}


def test_a_video_whose_retry_was_asked_for_waits_though_no_service_has_seen_that() -> None:
    asked = a_run(phase="failed", intent="retry", failure={"message": "No sound."})
    video = batch_video(asked, 3)
    assert (video["status"], video["error_message"]) == ("pending", None)
    assert batch_job(a_batch(failed=2, runs=[asked, a_run(phase="failed")]))["failed_videos"] == 1
