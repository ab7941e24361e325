"""Clips from the browser: asked for, looked after while they are made, and saved."""

from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core.api.caller import Operator, Reader
from core.api.offering import files_router, offered
from core.api.requests import Strict, answer
from core.domain.errors import Refused
from core.manager.clip_order import Asked, Order
from core.manager.clips import Clips

KINDS = {".mp4": "video/mp4", ".m4a": "audio/mp4"}
router = files_router("/api/runs")


class ClipAsked(Strict):
    """How far a clip of `seconds` is: a `share` of it is made, or why it waits; where it is once it is ready."""

    status: Literal["making", "ready", "failed"]
    share: float
    waits: str | None
    name: str
    seconds: float
    url: str | None
    error: str | None
    hint: str | None


@router.post(
    "/{run_id}/clips/{clip}",
    summary="Have a clip made",
    response_model=ClipAsked,
    responses={202: {"model": ClipAsked}},
)
def ask(request: Request, manager: Operator, run_id: str, clip: str) -> Response:
    """Of a highlight, by its number, or `reel` for all of them; asked again, it tells how far it is."""
    order, asked = _asked(manager.clips, run_id, clip)
    told = {
        "status": asked.status,
        "share": round(asked.share, 3),
        "waits": asked.waits or None,
        "name": order.saved_name,
        "seconds": order.clip.seconds,
        "url": str(request.url.path) if asked.status == "ready" else None,
        "error": asked.error.message if asked.error is not None else None,
        "hint": asked.error.hint if asked.error is not None else None,
    }
    return answer(told, {"making": 202, "ready": 200, "failed": 200}[asked.status])


@offered(router, "/{run_id}/clips/{clip}", "A clip that is made", name="fetch_clip")
def fetch(manager: Reader, run_id: str, clip: str) -> Response:
    """It is made by asking for it with POST."""
    order = manager.clips.order(run_id, clip)
    path = manager.clips.made(order)
    if path is None:
        raise Refused(f"The {order.clip.name} is not rendered yet.", hint="Ask for it first.", code="not_made_yet")
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f"attachment; filename*=utf-8''{quote(order.saved_name)}",
    }
    return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)


def _asked(clips: Clips, run_id: str, wanted: str) -> tuple[Order, Asked]:
    order = clips.order(run_id, wanted)
    return order, clips.ask(order)
