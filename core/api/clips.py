"""Clips from the browser: asked for, looked after while they are made, and saved."""

import asyncio
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from core.api.caller import manager_of
from core.domain.access import Scope
from core.domain.errors import Refused
from core.manager.clip_order import Asked, Order
from core.manager.clips import Clips

KINDS = {".mp4": "video/mp4", ".m4a": "audio/mp4"}


async def ask(request: Request) -> Response:
    """`POST /runs/{run_id}/clips/{clip}`: begins it if need be; `{status: making|ready|failed, share, waits, url, name, …}`."""
    order, asked = await asyncio.to_thread(
        _asked, manager_of(request, Scope.OPERATE).clips, request.path_params["run_id"], request.path_params["clip"]
    )
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
    return JSONResponse(told, {"making": 202, "ready": 200, "failed": 200}[asked.status])


async def fetch(request: Request) -> Response:
    """`GET /runs/{run_id}/clips/{clip}`: the file of a clip that is made; it is made by asking for it with POST."""
    clips = manager_of(request).clips
    order = await asyncio.to_thread(clips.order, request.path_params["run_id"], request.path_params["clip"])
    path = await asyncio.to_thread(clips.made, order)
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
