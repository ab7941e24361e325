"""`/api/batch-jobs` as S1 has it: batches are looked at, made and filled here; `batch_job_commands` moves them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from core.api.batch_job_models import BatchJobs, BatchJobWithVideos, MadeBatchJob, MoreVideos, NewBatchJob
from core.api.caller import Operator, Reader
from core.api.requests import Expected, Key, Questions, answer, answer_again
from core.bootstrap import Manager
from core.domain import idempotency
from core.domain.batch import BatchRecord
from core.domain.batch_job_words import BatchStatus, batch_job, batch_video, phases
from core.domain.errors import BadInput, NotFound, NotUsable
from core.domain.settings import parse_settings
from core.domain.states import BatchPhase, Phase
from core.domain.versions import version_of
from core.system.clock import rfc3339

MAX_PAGE = 100
router = APIRouter(prefix="/api/batch-jobs", tags=["batch jobs"])


class Page(Questions):
    """Which batches, in which order, and how many of them."""

    status: BatchStatus | None = None
    sort: Literal["created_at", "priority", "name", "status"] = "created_at"
    order: Literal["asc", "desc"] | None = None
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0


@router.get("", summary="List batches", response_model=BatchJobs)
def listed(manager: Reader, page: Annotated[Page, Query()]) -> Response:
    """Yours, or everybody's for an administrator: the newest first, by name or status from A, or the highest priority first."""
    return answer_again(manager, ("batch_jobs", page.model_dump_json()), lambda: _page(manager, page))


@router.get("/{batch_id}", summary="One batch with its videos", response_model=BatchJobWithVideos)
def one(manager: Reader, batch_id: str) -> Response:
    """All of it as it is now. The ETag is another one when somebody changed the batch; progress alone leaves it."""
    record, batch = shown(manager, batch_id)
    retries = record.settings.max_retries
    videos = [batch_video(run, retries, _files(manager, run)) for run in batch["runs"]]
    return answer(batch_job(batch) | {"videos": videos}, version=version_of(record))


@router.post("", summary="Make a batch", status_code=201, response_model=MadeBatchJob)
def made(manager: Operator, body: NewBatchJob, key: Key = None) -> Response:
    """Without videos yet: send them to the upload URLs, add them, then start it."""
    said = body.model_dump(exclude_unset=True)
    given: dict[str, Any] = {
        name: said[name] for name in ("name", "description", "priority", "concurrency") if said.get(name) is not None
    }
    record = manager.intake.draft(
        manager.actor,
        **given,
        settings=parse_settings(body.settings, strict=True),
        videos=body.video_count,
        stamp=idempotency.stamp(key, "create", said) if key is not None else None,
    )
    record, batch = shown(manager, record.batch_id)
    slots = manager.upload_links.slots(record.batch_id, body.video_count)
    content = {
        "batch_job_id": record.batch_id,
        "batch_job": batch_job(batch),
        "upload_urls": [slot.url for slot in slots],
        "uploads": [{"url": slot.url, "expires_at": rfc3339(slot.expires_at)} for slot in slots],
    }
    return answer(content, 201, version=version_of(record))


@router.post("/{batch_id}/videos", summary="Add videos to a batch", response_model=BatchJobWithVideos)
def filled(manager: Operator, batch_id: str, body: MoreVideos, key: Key = None, expected: Expected = None) -> Response:
    """Before it is started: all of them, or none when one cannot be taken."""
    record, _ = shown(manager, batch_id)
    stamp = idempotency.stamp(key, "videos", body.model_dump()) if key is not None else None
    if stamp is not None and idempotency.is_repeated(stamp, record.commands):
        return one(manager, batch_id)  # by now its uploads may be taken in, and gone
    sources = [*(_uploaded(manager, video_id) for video_id in body.video_ids), *map(_address, body.urls)]
    if not sources:
        raise NotUsable("There is nothing to add.", hint="Give video_ids or urls.")
    manager.intake.fill(record.batch_id, sources, manager.actor, stamp=stamp, expected=expected)
    return one(manager, batch_id)


def shown(manager: Manager, batch_id: str) -> tuple[BatchRecord, dict[str, Any]]:
    """A batch, and what is shown of it; raises `NotFound`, also for one that was deleted."""
    batch = manager.views.batch(batch_id)
    record = manager.views.batch_record(batch_id)
    if record.phase == BatchPhase.DELETED:
        raise NotFound(f"Batch {batch_id} was deleted.", hint=f"./reprise restore {batch_id} brings it back.")
    return record, batch


def _page(manager: Manager, page: Page) -> dict[str, Any]:
    order = page.order or ("asc" if page.sort in ("name", "status") else "desc")
    found = manager.views.batches(
        phases=phases(page.status) if page.status is not None else None,
        sort=page.sort,
        descending=order == "desc",
        offset=page.offset,
        limit=page.limit,
    )
    jobs = [batch_job(batch) for batch in found["batches"]]
    return {"batch_jobs": jobs, "total": found["total"], "limit": page.limit, "offset": page.offset}


def _files(manager: Manager, run: dict[str, Any]) -> list[dict[str, Any]]:
    if run["phase"] != Phase.COMPLETED:
        return []
    return [
        {"name": file.name, "stage": file.stage, "size": file.size, "sha256": file.sha256}
        for file in manager.results.all(run["run_id"])
    ]


def _uploaded(manager: Manager, video_id: str) -> str:
    sent = manager.receiving.find(video_id)
    if sent.path is None:
        raise NotUsable(
            f"Video {video_id} is not whole yet: {sent.received} of {sent.size} bytes have come.",
            hint="Send the rest first.",
            code="not_uploaded",
        )
    return sent.path


def _address(url: str) -> str:
    """Only addresses: the files of this machine are not named from outside."""
    if not url.lower().startswith(("http://", "https://")):
        raise BadInput("A URL begins with https:// or http://.", code="unsupported_url")
    return url
