"""Published results and media: only what a receipt lists, by name, with Range so that a player can seek."""

import asyncio
import hashlib
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from core.api.caller import manager_of
from core.manager.results import Document, Result

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
# These publish media; a file of theirs is not read as a whole before it is sent.
LARGE = ("download", "remove_silence", "export")


async def listed(request: Request) -> Response:
    """`/runs/{run_id}/files`: what was published so far and what can be made of it, with the names they are saved under.

    Sizes and checksums of what is made on demand are null: it is not made before somebody asks for it.
    """
    run_id, results = request.path_params["run_id"], manager_of(request).results
    found: list[Result | Document] = [*results.all(run_id), *results.documents(run_id)]
    files = [
        {
            "name": one.name,
            "stage": one.stage,
            "size": one.size if isinstance(one, Result) else None,
            "sha256": one.sha256 if isinstance(one, Result) else None,
            "saved_as": results.saved_name(run_id, one),
        }
        for one in found
    ]
    return JSONResponse({"files": files}, headers={"Cache-Control": "private, no-cache"})


async def result(request: Request) -> Response:
    """`/runs/{run_id}/files/{name}`, `…/files/{stage}/{name}`: the file as it was published, or made of what was.

    With `?save` it is a download named after the video.
    """
    run_id, stage, name = (request.path_params.get(part, "") for part in ("run_id", "stage", "name"))
    results = manager_of(request).results
    found = results.find(run_id, f"{stage}/{name}" if stage else name)
    kind = INLINE.get(found.name.rpartition(".")[2].lower())
    saved = "save" in request.query_params or kind is None
    headers = {"Cache-Control": "private, no-cache"}
    if saved:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(results.saved_name(run_id, found))}"
    if isinstance(found, Document):
        content = await asyncio.to_thread(results.make, found, run_id)
        headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
        return Response(content, media_type=kind or "application/octet-stream", headers=headers)
    path = found.path
    if found.stage not in LARGE:  # small enough to be compared with its checksum each time
        path = await asyncio.to_thread(results.check, found, run_id)
    headers["ETag"] = f'"{found.sha256}"'
    return FileResponse(path, media_type=kind or "application/octet-stream", headers=headers)
