"""`/api/bulk/…`: a folder of this machine as one job, with pause, resume, stop and its results so far (seed 2)."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from core.api.bulk_words import (
    JobChanged,
    JobProgress,
    JobState,
    ResultFile,
    job_changed,
    job_progress,
    job_state,
)
from core.api.caller import Operator, Reader
from core.api.exports import answer
from core.api.guard import HEADERS
from core.api.requests import Strict
from core.manager.bulk import FolderOrder

router = APIRouter(prefix="/api/bulk", tags=["bulk"])


class NewJob(Strict):
    """A folder, and how it is to be worked on."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"folder_path": "talks", "parallel": True, "max_workers": 4}},
    )

    folder_path: Annotated[
        str,
        Field(
            min_length=1, max_length=4096, description="A folder of the server; a name without / is one in the inbox."
        ),
    ]
    provider: Annotated[
        str, Field(max_length=100, description="The name of a template of settings; without one, your defaults.")
    ] = ""
    parallel: bool = True
    max_workers: Annotated[
        int | None, Field(ge=1, le=1000, description="How many files go at once: at most 5, which is then said.")
    ] = None


class Rejected(BaseModel):
    """A file that was not taken, and why."""

    file: str
    code: str
    message: str
    hint: str


class JobCreated(BaseModel):
    """The job that was made and started; `notices` say what is done otherwise than asked."""

    job_id: str
    progress_url: str
    folder_path: str
    total_files: int
    rejected: list[Rejected]
    notices: list[str]


@router.post("/process", summary="Work on a folder")
def process(new: NewJob, manager: Operator) -> JobCreated:
    """Makes a batch of the media files in a folder, and starts it. Every file is read once to know its content."""
    taken = manager.bulk.add(
        FolderOrder(folder=new.folder_path, template=new.provider, parallel=new.parallel, max_workers=new.max_workers)
    )
    batch_id = taken.added.batch_id or ""
    return JobCreated(
        job_id=batch_id,
        progress_url=f"/api/bulk/progress/{batch_id}",
        folder_path=taken.folder,
        total_files=len(taken.added.runs),
        rejected=[
            Rejected(file=one.source, code=one.code, message=one.message, hint=one.hint) for one in taken.added.rejected
        ],
        notices=list(taken.notices),
    )


@router.get("/progress/{job_id}", summary="How far a job is, with its results so far")
def progress(job_id: str, manager: Reader) -> JobProgress:
    """Also of a job that is paused, stopped or over."""
    batch = manager.views.batch(job_id)
    files = {
        run["run_id"]: [
            ResultFile(
                name=one.name,
                size=one.size,
                sha256=one.sha256,
                url=f"/api/runs/{run['run_id']}/files/{one.stage}/{one.name}",
            )
            for one in manager.results.all(run["run_id"])
        ]
        for run in batch["runs"]
    }
    return job_progress(batch, files)


@router.get("/state/{job_id}", summary="The state of a job and its checkpoint")
def state(job_id: str, manager: Reader) -> JobState:
    """Computed of what is on the disk; nothing of it has to be saved or restored."""
    return job_state(manager.views.batch(job_id))


@router.post("/pause/{job_id}", summary="Pause a job")
def pause(job_id: str, manager: Operator) -> JobChanged:
    """Nothing new is begun within a second, and what runs stands still; once more changes nothing."""
    done = manager.commands.batch(job_id, "pause", by=manager.actor)
    return job_changed(job_id, done.phase, "paused")


@router.post("/resume/{job_id}", summary="Resume a job")
def resume(job_id: str, manager: Operator) -> JobChanged:
    """It goes on where it was; after five errors in a row, what failed is tried again first. A draft is started."""
    draft = manager.views.batch(job_id)["phase"] == "draft"
    done = manager.commands.batch(job_id, "start" if draft else "resume", by=manager.actor)
    return job_changed(job_id, done.phase, "resumed")


@router.post("/stop/{job_id}", summary="Stop a job for good")
def stop(job_id: str, manager: Operator) -> JobChanged:
    """Nothing of it is worked on any more; what was made stays. Once more changes nothing."""
    done = manager.commands.batch(job_id, "cancel", by=manager.actor)
    return job_changed(job_id, done.phase, "cancelled")


@router.get(
    "/download/{job_id}",
    summary="The results so far, as a ZIP",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}}, 206: {"description": "The range that was asked for."}},
)
def download(job_id: str, request: Request, manager: Reader) -> Response:
    """Texts of every file that ended, and its video where one was made or nothing else is there; made while it is sent."""
    found = answer(request, manager.bulk.results(job_id))
    found.headers.update(HEADERS)
    return found
