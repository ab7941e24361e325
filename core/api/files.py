"""Published results and media: only what a receipt lists, by name, with Range so that a player can seek."""

import asyncio
import re

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core.api.process import current

# Shown in the page; everything else is only ever saved.
INLINE = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/mp4",
    "webm": "video/webm",
    "mkv": "video/webm",
    "ogv": "video/ogg",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "jpg": "image/jpeg",
}
_UNFIT = re.compile(r"[^\w .()-]+")


async def result(request: Request) -> Response:
    """`/runs/{run_id}/files/{name}`: the file as it was published; with `?save` as a download named after the video."""
    run_id, name = request.path_params["run_id"], request.path_params["name"]
    manager = current().manager
    found = manager.results.find(run_id, name)
    path = found.path
    if found.stage != "download":  # small enough to be compared with its checksum each time
        path = await asyncio.to_thread(manager.results.check, found, run_id)
    kind = INLINE.get(path.suffix.lstrip(".").lower())
    saved = "save" in request.query_params or kind is None
    return FileResponse(
        path,
        media_type=kind or "application/octet-stream",
        filename=saved_name(manager.views.record(run_id).title, found.name) if saved else None,
        content_disposition_type="attachment",
        headers={"Cache-Control": "private, no-cache", "ETag": f'"{found.sha256}"'},
    )


def saved_name(title: str, name: str) -> str:
    """The name a result is saved under: the video's title without anything a file system minds, then its own name."""
    kept = " ".join(_UNFIT.sub(" ", title).split())[:80].strip(" .")
    return f"{kept} - {name}" if kept else name
