"""Published results and media: only what a receipt lists, by name, with Range so that a player can seek."""

import asyncio
import hashlib
from typing import Annotated
from urllib.parse import quote

from fastapi import Query
from starlette.responses import FileResponse, Response

from core.api.caller import Reader
from core.api.offering import files_router, offered
from core.api.requests import Strict, answer
from core.bootstrap import Manager
from core.manager.results import Document, Result

router = files_router("/api/runs")
Saving = Annotated[str | None, Query(description="With any value, or none: as a download named after the video.")]

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


class File(Strict):
    """One file of a run. Size and checksum of what is made on demand are null: nobody made it yet."""

    name: str
    stage: str
    size: int | None
    sha256: str | None
    saved_as: str


class Files(Strict):
    """What was published so far, and what can be made of it."""

    files: list[File]


@router.get("/{run_id}/files", summary="The files of a run", response_model=Files)
def listed(manager: Reader, run_id: str) -> Response:
    """With the names that they are saved under."""
    results = manager.results
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
    return answer({"files": files})


@offered(router, "/{run_id}/files/{name}", "A file of a run")
async def result(manager: Reader, run_id: str, name: str, save: Saving = None) -> Response:
    """As it was published, or made of what was."""
    return await _sent(manager, run_id, name, save)


@offered(router, "/{run_id}/files/{stage}/{name}", "A file of a run, of one stage")
async def result_of(manager: Reader, run_id: str, stage: str, name: str, save: Saving = None) -> Response:
    """Where two stages have one of this name."""
    return await _sent(manager, run_id, f"{stage}/{name}", save)


async def _sent(manager: Manager, run_id: str, name: str, save: str | None) -> Response:
    results = manager.results
    found = results.find(run_id, name)
    kind = INLINE.get(found.name.rpartition(".")[2].lower())
    saved = save is not None or kind is None
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
