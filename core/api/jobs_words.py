"""The pool in the words of the jobs API (seed 4): fewer phases than ours, and shapes of its own."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Word = Literal["idle", "running", "paused", "completed", "failed"]


class JobStatus(BaseModel):
    """How all videos stand: what is put off or paused is pending, what was cancelled has failed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "running",
                "active_workers": 2,
                "pending": 7,
                "processing": 2,
                "completed": 31,
                "failed": 1,
                "throughput_per_min": 0.8,
            }
        }
    )

    status: Word
    active_workers: int
    pending: int
    processing: int
    completed: int
    failed: int
    throughput_per_min: float


class JobStarted(JobStatus):
    """The same, and how many workers there may be."""

    workers: int


def job_status(pool: Mapping[str, Any], status: Word | None = None) -> JobStatus:
    """What `status` of the outside contract says, in these words; `status` is what a command has just made it."""
    return JobStatus(
        status=status or pool["status"],
        active_workers=pool["active_workers"],
        pending=pool["pending"] + pool["paused"],
        processing=pool["processing"],
        completed=pool["completed"],
        failed=pool["failed"] + pool["cancelled"],
        throughput_per_min=pool["throughput_per_min"],
    )


def job_started(pool: Mapping[str, Any], workers: int) -> JobStarted:
    """The answer to a start."""
    return JobStarted(**job_status(pool, "running").model_dump(), workers=workers)
