"""Batches and runs in the words of S1: batch jobs and batch videos, with just its fields and states. Pure.

What it has no word for keeps ours out of sight: `/api/runs` tells all of it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from core.domain.packing import VIDEO_STAGES
from core.domain.states import BatchPhase, Phase

BatchStatus = Literal["pending", "processing", "paused", "completed", "failed", "cancelled"]
VideoStatus = Literal["pending", "uploading", "processing", "completed", "failed", "cancelled"]
Stage = Literal["uploading", "transcribing", "removing_silence", "detecting_highlights", "exporting"]
ExportStatus = Literal["pending", "processing", "completed", "failed", "cancelled", "expired"]

BATCH: dict[str, BatchStatus] = {
    BatchPhase.DRAFT: "pending",
    BatchPhase.RUNNING: "processing",
    BatchPhase.PAUSED: "paused",
    BatchPhase.COMPLETED: "completed",
    BatchPhase.FAILED: "failed",
    BatchPhase.CANCELLED: "cancelled",
}
VIDEO: dict[str, VideoStatus] = {
    Phase.RECEIVING: "uploading",
    Phase.QUEUED: "pending",
    Phase.RETRY_WAIT: "pending",
    Phase.PAUSED: "pending",  # its batch says paused
    Phase.RUNNING: "processing",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "cancelled",
    Phase.SKIPPED: "cancelled",
}
# Quotes and a summary are made of the transcript, and S1 knows only what they are made of.
STAGE: dict[str, Stage] = {
    "download": "uploading",
    "transcribe": "transcribing",
    "quotes": "transcribing",
    "summary": "transcribing",
    "remove_silence": "removing_silence",
    "detect_highlights": "detecting_highlights",
    "export": "exporting",
}
EXPORT: dict[str, ExportStatus] = {
    "queued": "pending",
    "running": "processing",
    "cancelling": "processing",
    "ready": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
_UPLOADED = re.compile(r"/uploads/([0-9a-f]{16})/[^/]+\Z")


def batch_job(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The batch job for what is shown of a batch."""
    eta, runs = batch["eta_s"], batch.get("runs", ())
    return {
        "id": batch["batch_id"],
        "user_id": batch["owner"],
        "name": batch["name"],
        "description": batch["description"],
        "settings": batch["settings"],
        "status": BATCH[batch["phase"]],
        "total_videos": batch["total"],
        "completed_videos": batch["completed"],
        "failed_videos": batch["failed"] - sum(map(_is_tried_again, runs)),
        "cancelled_videos": batch["cancelled"] + batch["skipped"],
        "total_duration_seconds": batch["total_duration_s"],
        "processed_duration_seconds": batch["processed_duration_s"],
        "estimated_time_remaining": round((eta["low"] + eta["high"]) / 2) if eta is not None else None,
        "progress_percentage": percentage(batch["progress"]),
        "priority": batch["priority"],
        "concurrency": batch["concurrency"],
        "created_at": batch["created_at"],
        "started_at": batch["started_at"],
        "completed_at": batch["completed_at"],
        "updated_at": batch["updated_at"],
    }


def batch_video(run: Mapping[str, Any], max_retries: int, files: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The batch video for what is shown of a run; `files` are those it has published: name, stage, size, sha256."""
    again = _is_tried_again(run)
    status, failure = "pending" if again else VIDEO[run["phase"]], None if again else run["failure"]
    named = [{**file, "url": file_url(run["run_id"], file["stage"], file["name"])} for file in files]
    return {
        "id": run["run_id"],
        "batch_job_id": run["batch_id"],
        "video_id": video_id(run),
        "name": run["title"],
        "duration_seconds": run["duration_s"],
        "position": run["position"],
        "status": status,
        "progress_percentage": percentage(run["progress"]),
        "current_stage": current_stage(run),
        "error_message": failure["message"] if failure is not None else None,
        "retry_count": run["retry_count"],
        "max_retries": max_retries,
        "processing_result": {"files": named} if status == "completed" else None,
        "output_video_url": _output(named) if status == "completed" else None,
        "created_at": run["created_at"],
        "started_at": run["started_at"],
        "completed_at": run["completed_at"],
        "updated_at": run["updated_at"],
    }


def _is_tried_again(run: Mapping[str, Any]) -> bool:
    """Whether it failed and a retry was asked for, which a service has not seen yet: S1 has no state between the two."""
    return bool(run["phase"] == Phase.FAILED and run["intent"] == "retry")


def video_id(run: Mapping[str, Any]) -> str:
    """What S1 calls the video: the upload it came as, so that its sender knows it again, else what it is by its address."""
    uploaded = _UPLOADED.search(run["source"])
    return uploaded.group(1) if uploaded else str(run["space_id"])


def current_stage(run: Mapping[str, Any]) -> Stage | None:
    """The stage that is being worked on, None while nothing is."""
    if run["phase"] == Phase.RECEIVING:
        return "uploading"
    return STAGE.get(run["stage"] or "") if run["phase"] == Phase.RUNNING else None


def phases(status: BatchStatus) -> frozenset[str]:
    """The phases of batches that are called so."""
    return frozenset(phase for phase, word in BATCH.items() if word == status)


def batch_export(export: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """The batch export for what is shown of an export, fetched from `url` once it is ready."""
    failure = export["failure"]
    return {
        "id": export["export_id"],
        "batch_job_id": export["batch_id"],
        "format": export["format"],
        "status": EXPORT[export["status"]],
        "progress": percentage(export["progress"]),
        "download_url": url if export["status"] == "ready" else None,
        "file_size": export["size"],
        "expires_at": export["expires_at"],
        "created_at": export["created_at"],
        "error_message": failure["message"] if failure is not None else None,
    }


def settings_from(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as S1 gives them in ours: a format may be in capitals, and who names one wants the video exported."""
    settings = dict(given)
    if isinstance(word := settings.get("export_format"), str):
        settings["export_format"] = word.lower()
    if settings.get("export_quality") == "4k":
        settings["export_quality"] = "4K"
    if "export" not in settings and ("export_format" in settings or "export_quality" in settings):
        settings["export"] = True
    return settings


def percentage(share: float) -> int:
    """A share from 0 to 1 as a whole number; 100 is only what is finished."""
    return min(100, int(share * 100 + 1e-9))


def file_url(run_id: str, stage: str, name: str) -> str:
    """Where a published file is fetched; all have plain names of ours."""
    return f"/api/runs/{run_id}/files/{stage}/{name}"


def _output(files: Sequence[Mapping[str, Any]]) -> str | None:
    videos = {file["stage"]: file["url"] for file in files if _is_video(file)}
    return next((videos[stage] for stage in VIDEO_STAGES if stage in videos), None)


def _is_video(file: Mapping[str, Any]) -> bool:
    return str(file["name"]).partition(".")[0] in ("media", "silence_removed", "export")
