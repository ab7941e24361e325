"""What S1 lets somebody do with a batch: start it, hold it, end it, retry it, change it, pack it. Twice is as good as once."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from core.api.batch_job_models import (
    AskedExport,
    BatchExport,
    BatchExports,
    BatchJob,
    BatchJobWithVideos,
    Changes,
    NewExport,
    Order,
    Reason,
    Started,
    Stopping,
)
from core.api.batch_jobs import one, shown
from core.api.caller import Operator, Reader
from core.api.requests import Expected, Key, answer
from core.bootstrap import Manager
from core.domain import idempotency
from core.domain.batch_job_words import batch_export, batch_job
from core.domain.errors import NotFound
from core.domain.exports import ExportRecord, parse_options
from core.domain.versions import version_of

router = APIRouter(prefix="/api/batch-jobs", tags=["batch jobs"])


@router.post("/{batch_id}/start", summary="Start a batch", response_model=Started)
def start(manager: Operator, batch_id: str, expected: Expected = None) -> Response:
    """One that runs is left as it is, a paused one goes on; one without videos, or that has ended, is refused."""
    return _moved(manager, batch_id, "start", None, expected)


@router.post("/{batch_id}/pause", summary="Pause a batch", response_model=BatchJob)
def pause(manager: Operator, batch_id: str, body: Stopping | None = None, expected: Expected = None) -> Response:
    """Nothing of it is begun any more; what runs stands still at once, or with `drain` after its stage."""
    return _moved(manager, batch_id, "pause", body, expected)


@router.post("/{batch_id}/resume", summary="Let a paused batch go on", response_model=BatchJob)
def resume(manager: Operator, batch_id: str, expected: Expected = None) -> Response:
    """Where it stood; after a pause because of failures, those are retried."""
    return _moved(manager, batch_id, "resume", None, expected)


@router.post("/{batch_id}/cancel", summary="Cancel a batch", response_model=BatchJob)
def cancel(manager: Operator, batch_id: str, body: Reason | None = None, expected: Expected = None) -> Response:
    """All work on it ends; what was published stays. Uploads of one that never began are removed."""
    return _moved(manager, batch_id, "cancel", body, expected)


@router.post("/{batch_id}/retry-failed", summary="Retry all failed videos", response_model=BatchJobWithVideos)
def retry_failed(manager: Operator, batch_id: str, key: Key = None, expected: Expected = None) -> Response:
    """Each goes on where it failed. Refused when none is failed, unless the same was asked for under this key."""
    shown(manager, batch_id)
    stamp = idempotency.stamp(key, "retry-failed", batch_id) if key is not None else None
    manager.commands.retry_failed(batch_id, by=manager.actor, key=stamp, expected=expected)
    return one(manager, batch_id)


@router.delete("/{batch_id}", summary="Delete a batch", status_code=204, response_class=Response)
def delete(
    manager: Operator,
    batch_id: str,
    hard: Annotated[bool, Query(description="For good, with all its files; else it can be restored.")] = False,
    expected: Expected = None,
) -> Response:
    """One that was never started, is completed, failed or cancelled; again is as good."""
    manager.commands.delete(batch_id, by=manager.actor, hard=hard, expected=expected)
    return Response(status_code=204)


@router.patch("/{batch_id}", summary="Change a batch", response_model=BatchJob)
def change(manager: Operator, batch_id: str, body: Changes, expected: Expected = None) -> Response:
    """Name, description, priority, how many at once, and settings, which hold for videos that have not begun."""
    shown(manager, batch_id)
    manager.commands.edit(
        batch_id,
        by=manager.actor,
        name=body.name,
        description=body.description,
        concurrency=body.concurrency,
        priority=body.priority,
        changes=body.settings,
        expected=expected,
    )
    return _job(manager, batch_id)


@router.post("/{batch_id}/reorder", summary="Put queued videos into another order", response_model=BatchJobWithVideos)
def reorder(manager: Operator, batch_id: str, body: Order, expected: Expected = None) -> Response:
    """Each queued one named once; when one is missing, foreign, doubled or has begun, the order stays as it is."""
    shown(manager, batch_id)
    manager.commands.reorder(batch_id, body.video_order, by=manager.actor, expected=expected)
    return one(manager, batch_id)


@router.post("/{batch_id}/export", summary="Export a batch", status_code=202, response_model=AskedExport)
def export(manager: Operator, batch_id: str, body: NewExport) -> Response:
    """A ZIP and a playlist are ready at once, a merged video when the service has made it. The same again is the same."""
    shown(manager, batch_id)
    options = parse_options(body.model_dump(exclude={"partial"}, exclude_none=True))
    record, _ = manager.exports.asking.ask(batch_id, options, by=manager.actor, partial=body.partial)
    return answer({"export_job_id": record.export_id, **_export(manager, record)}, 202)


@router.get("/{batch_id}/exports", summary="The exports of a batch", response_model=BatchExports)
def exports(manager: Reader, batch_id: str) -> Response:
    """The newest first, also those whose time is over."""
    shown(manager, batch_id)
    found = [_export(manager, record) for record in manager.exports.shelf.of_batch(batch_id)]
    return answer({"exports": found, "total": len(found)})


@router.get("/{batch_id}/export/{export_id}", summary="How far an export is", response_model=BatchExport)
def export_status(manager: Reader, batch_id: str, export_id: str) -> Response:
    """With the address to fetch it from once it is ready."""
    return answer(_export(manager, _of(manager, batch_id, export_id)))


@router.post("/{batch_id}/export/{export_id}/cancel", summary="Cancel an export", response_model=BatchExport)
def cancel_export(manager: Operator, batch_id: str, export_id: str) -> Response:
    """One that is still being made."""
    _of(manager, batch_id, export_id)
    return answer(_export(manager, manager.exports.asking.cancel(export_id, by=manager.actor)))


def _moved(
    manager: Manager, batch_id: str, verb: str, body: Reason | None, expected: tuple[str, ...] | None
) -> Response:
    shown(manager, batch_id)
    why, drain = (body.reason, isinstance(body, Stopping) and body.drain) if body is not None else ("", False)
    manager.commands.batch(batch_id, verb, by=manager.actor, why=why, drain=drain, expected=expected)
    return _job(manager, batch_id, started=verb == "start")


def _job(manager: Manager, batch_id: str, *, started: bool = False) -> Response:
    record, batch = shown(manager, batch_id)
    job = batch_job(batch)
    return answer({"job_id": batch_id, "batch_job": job} if started else job, version=version_of(record))


def _of(manager: Manager, batch_id: str, export_id: str) -> ExportRecord:
    record = manager.exports.shelf.get(export_id)
    if record.batch_id != batch_id:
        raise NotFound(f"Batch {batch_id[:60]} has no export {export_id[:60]}.")
    shown(manager, batch_id)
    return record


def _export(manager: Manager, record: ExportRecord) -> dict[str, object]:
    told = manager.exports.views.of(record)
    return batch_export(told, manager.exports.fetching.link(record) if told["status"] == "ready" else None)
