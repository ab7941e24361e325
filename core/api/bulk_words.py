"""A batch in the words of the bulk API (seed 2): a job over a folder, its state and its checkpoint. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["running", "paused", "stopped", "completed", "error"]
Status = Literal["processing", "paused", "cancelled", "completed", "error"]
STATES: dict[str, State] = {
    "draft": "paused",
    "running": "running",
    "paused": "paused",
    "completed": "completed",
    "failed": "error",
    "cancelled": "stopped",
    "deleted": "stopped",
}
STATUSES: dict[State, Status] = {
    "running": "processing",
    "paused": "paused",
    "stopped": "cancelled",
    "completed": "completed",
    "error": "error",
}
DONE = ("completed", "skipped")
ENDED = (*DONE, "failed", "cancelled")


class Checkpoint(BaseModel):
    """How far a job is: files that ended, with a result or an error; computed, so that it is never out of date.

    `consecutive_errors` counts since the last success or resume; `retry_count` how often each file failed that is not done.
    """

    processed_count: int
    results_count: int
    errors_count: int
    consecutive_errors: int
    retry_count: dict[str, int]
    state: State


class JobState(BaseModel):
    """Where a job is."""

    job_id: str
    state: State
    is_paused: bool
    is_stopped: bool
    checkpoint: Checkpoint


class FileError(BaseModel):
    """A file that failed, why, and what to do."""

    file: str
    error: str
    hint: str
    retry_count: int


class ResultFile(BaseModel):
    """A file that was made, and where it is fetched."""

    name: str
    size: int
    sha256: str
    url: str


class FileResult(BaseModel):
    """What was made of one file so far."""

    run_id: str
    title: str
    status: str
    files: list[ResultFile]


class JobProgress(BaseModel):
    """Everything about a job; `progress` is from 0 to 1, `results` are by file, also while it is under way."""

    job_id: str
    user_id: str
    status: Status
    state: State
    created_at: str
    updated_at: str
    completed_at: str | None
    folder_path: str
    provider: str
    parallel: bool
    max_workers: int
    total_files: int
    progress: float
    estimated_time_remaining: float | None = Field(description="Seconds, at the most likely; null when unknown.")
    current_files: list[str]
    pause_reason: str | None
    checkpoint: Checkpoint
    errors: list[FileError]
    results: dict[str, FileResult]
    download_url: str


class JobChanged(BaseModel):
    """The answer to a command."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "success": True,
                "message": "Job paused successfully",
                "job_id": "b_00000000000000000000000000000000",
                "state": "paused",
            }
        }
    )

    success: bool = True
    message: str
    job_id: str
    state: State


def checkpoint(batch: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a batch, which is the document of the outside contract."""
    runs, state = batch["runs"], STATES[batch["phase"]]
    tries = {} if state == "completed" else {run["source"]: retries(run) for run in runs if run["phase"] not in DONE}
    return Checkpoint(
        processed_count=sum(run["phase"] in ENDED for run in runs),
        results_count=sum(run["phase"] in DONE for run in runs),
        errors_count=sum(run["phase"] == "failed" for run in runs),
        consecutive_errors=batch["consecutive_failures"],
        retry_count={source: count for source, count in tries.items() if count},
        state=state,
    )


def job_state(batch: Mapping[str, Any]) -> JobState:
    """The state of a batch."""
    state = STATES[batch["phase"]]
    return JobState(
        job_id=batch["batch_id"],
        state=state,
        is_paused=state == "paused",
        is_stopped=state == "stopped",
        checkpoint=checkpoint(batch),
    )


def job_progress(batch: Mapping[str, Any], files: Mapping[str, Sequence[ResultFile]]) -> JobProgress:
    """Everything about a batch; `files` are those that were published, by the id of their run."""
    found, runs, eta = job_state(batch), batch["runs"], batch["eta_s"]
    return JobProgress(
        job_id=batch["batch_id"],
        user_id=batch["owner"],
        status=STATUSES[found.state],
        state=found.state,
        created_at=batch["created_at"],
        updated_at=batch["updated_at"],
        completed_at=batch["completed_at"],
        folder_path=folder_of([run["source"] for run in runs]),
        provider=batch["template"],
        parallel=batch["concurrency"] > 1,
        max_workers=batch["concurrency"],
        total_files=batch["total"],
        progress=batch["progress"],
        estimated_time_remaining=(eta["low"] + eta["high"]) / 2 if eta is not None else None,
        current_files=[run["source"] for run in runs if run["phase"] == "running"],
        pause_reason=(batch["pause"] or {}).get("why") or None,
        checkpoint=found.checkpoint,
        errors=[
            FileError(
                file=run["source"],
                error=run["failure"]["message"],
                hint=run["failure"]["hint"],
                retry_count=retries(run),
            )
            for run in runs
            if run["phase"] == "failed" and run["failure"] is not None
        ],
        results={
            run["source"]: FileResult(
                run_id=run["run_id"], title=run["title"], status=run["phase"], files=list(files[run["run_id"]])
            )
            for run in runs
            if files.get(run["run_id"])
        },
        download_url=f"/api/bulk/download/{batch['batch_id']}",
    )


def job_changed(batch_id: str, phase: str, done: str) -> JobChanged:
    """The answer to a command after which the batch is in `phase`: that was `done`."""
    return JobChanged(message=f"Job {done} successfully", job_id=batch_id, state=STATES[phase])


def retries(run: Mapping[str, Any]) -> int:
    """How often a run failed in this round, over all its stages."""
    return sum(run["attempts"].values())


def folder_of(sources: Sequence[str]) -> str:
    """The folder that all these files lie in; empty when they are not all files of one machine's folder."""
    folders = {str(PurePosixPath(source).parent) if source.startswith("/") else "" for source in sources}
    return folders.pop() if len(folders) == 1 else ""
