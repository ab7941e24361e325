"""What streams say of what happens: of a batch in the words of S1, of a run in ours. Pure."""

from collections.abc import Mapping
from typing import Any

from core.api.happening import Happening
from core.domain.batch_job_words import BATCH, VIDEO, current_stage, percentage, video_id
from core.domain.states import Phase
from core.manager.history import FIELDS

_ENDED = ("completed", "failed", "cancelled")


def batch_job_event(one: Happening) -> dict[str, Any] | None:
    """What listeners to a batch job hear: `progress`, `status` and `completed`, and now and then the whole `batch`."""
    if one.line is None:
        return batch_standing(one.batch) if one.batch is not None else _video("progress", one.run)
    kind, to = str(one.line["type"]).partition(".")[0], one.line.get("to")
    if kind == "run":
        moved = one.line.get("from") != to
        return _video("status" if moved and to in VIDEO else "progress", one.run, to)
    if kind != "batch":
        return None
    batch_id, status = one.line["batch_id"], BATCH.get(str(to))
    if status is None:
        return {"type": "deleted", "batch_id": batch_id}
    why = (one.line.get("data") or {}).get("why") or None
    return {
        "type": "completed" if status in _ENDED else "status",
        "batch_id": batch_id,
        "video_id": None,
        "status": status,
        "message": why,
    }


def batch_job_snapshot(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """How a batch stands with each of its videos; `batch` is its document with its runs."""
    running = [run for run in batch["runs"] if run["phase"] == Phase.RUNNING]
    videos = [_video("status", run) for run in batch["runs"]]
    return [batch_standing({**batch, "running": running}), *(video for video in videos if video is not None)]


def batch_standing(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The progress of a whole batch, with the first of its `running` runs as the current video."""
    eta, running = batch["eta_s"], list(batch["running"])
    first = running[0] if running else None
    ended = sum(batch[phase] for phase in ("completed", "failed", "cancelled", "skipped"))
    return {
        "type": "batch",
        "batch_id": batch["batch_id"],
        "batch_job_id": batch["batch_id"],
        "status": BATCH[batch["phase"]],
        "progress_percentage": percentage(batch["progress"]),
        "current_video_id": video_id(first) if first is not None else None,
        "current_video_name": first["title"] if first is not None else None,
        "current_stage": current_stage(first) if first is not None else None,
        "completed_count": batch["completed"],
        "failed_count": batch["failed"],
        "pending_count": batch["total"] - ended - len(running),
        "estimated_time_remaining": round((eta["low"] + eta["high"]) / 2) if eta is not None else None,
    }


def run_event(one: Happening) -> dict[str, Any] | None:
    """What listeners to a run hear: each line of the journal about it, and `progress`.

    Not from which address somebody gave a command: all listeners are told the same, and others may not know that.
    """
    if one.line is not None:
        said = {name: one.line.get(name) for name in FIELDS if name in one.line}
        return said | {"address": None} if "address" in said else said
    return {"type": "progress", **one.run} if one.run is not None else None


def _video(kind: str, run: Mapping[str, Any] | None, phase: str | None = None) -> dict[str, Any] | None:
    if run is None:
        return None
    there = {**run, "phase": phase} if phase in VIDEO else run
    failure = run.get("failure") or {}
    return {
        "type": kind,
        "batch_id": run["batch_id"],
        "video_id": video_id(run),
        "batch_video_id": run["run_id"],
        "progress": percentage(run["progress"]),
        "current_stage": current_stage(there),
        "status": VIDEO[there["phase"]],
        "error_message": run.get("error") or failure.get("message"),
    }
