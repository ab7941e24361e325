"""Streams of what happens: of a batch (S1), and of one run."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from core.api.caller import Reader
from core.api.event_stream import EventStream
from core.api.progress_words import batch_job_event, batch_job_snapshot, run_event
from core.bootstrap import Manager

router = APIRouter(tags=["live"])
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events without end. `Last-Event-ID` takes up where a stream broke off.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 42\ndata: {"type":"progress","batch_id":"b_…","video_id":"s_…","progress":41,'
                '"current_stage":"transcribing"}\n\n',
            }
        },
    },
    429: {"description": "Too many streams are open; `Retry-After` says when to ask again."},
}


@router.get(
    "/api/batch-jobs/{id}/progress", summary="What happens to a batch, live", responses=EVENTS, response_class=Response
)
async def batch_progress(id: str, request: Request, manager: Reader) -> Response:  # noqa: A002 - as S1 names it
    """`batch` and a `status` of each video at first; then `progress`, `status` and `completed` as they happen.

    An id is a position in the journal: who comes back with `Last-Event-ID` hears all of them that were missed.
    """
    del manager  # who may not look is refused by asking for it

    def snapshot(manager: Manager) -> list[dict[str, Any]]:
        return batch_job_snapshot(manager.views.live_batch(id))

    return EventStream(request, f"batch:{id}", batch_job_event, snapshot)


@router.get(
    "/api/runs/{run_id}/events", summary="What happens to a run, live", responses=EVENTS, response_class=Response
)
async def run_events(run_id: str, request: Request, manager: Reader) -> Response:
    """The `run` itself at first; then each event that `history` would have of it, and `progress`."""
    del manager

    def snapshot(manager: Manager) -> list[dict[str, Any]]:
        return [{"type": "run", **manager.views.run(run_id)}]

    return EventStream(request, f"run:{run_id}", run_event, snapshot)
