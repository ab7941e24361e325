"""Exports, fetched by a signed link until it expires: streamed while they are made, from any byte on."""

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

from fastapi import Path
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from core.api.offering import files_router, offered
from core.api.process import current
from core.domain.exports import Packed
from core.manager.exports.fetching import Fetched
from core.manager.links import WHOLE

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
router = files_router("/api/exports")
KINDS = {".zip": "application/zip", ".m3u8": "application/vnd.apple.mpegurl"}


@offered(router, "/{export_id}/download", "An export, by a signed address", name="download")
def download(request: Request, export_id: str, until: str = "", signature: str = "") -> Response:
    """As a download under its name.

    A ZIP says its size before it begins, so that one that breaks off is known to be broken; it can be taken up again
    where it broke off. A playlist names links of its own, good as long as this one.
    """
    exports = current().manager.exports
    exports.fetching.check(export_id, WHOLE, until, signature)
    record = exports.shelf.get(export_id)
    home = f"{request.url.scheme}://{request.headers.get('host', '')}"

    def where(number: int, member: Packed) -> str:
        del member
        return home + exports.fetching.link(record, number)

    return answer(request, exports.fetching.whole(record, where))


@offered(router, "/{export_id}/files/{number}", "One video of a playlist, by a signed address", name="member")
def member(
    request: Request, export_id: str, number: Annotated[int, Path(ge=0)], until: str = "", signature: str = ""
) -> Response:
    """With Range, so that it can be sought."""
    exports = current().manager.exports
    exports.fetching.check(export_id, str(number), until, signature)
    return answer(request, exports.fetching.member(exports.shelf.get(export_id), number))


def answer(request: Request, fetched: Fetched) -> Response:
    """The whole, or the one range that is asked for of just these bytes; 416 when that begins beyond their end."""
    suffix = fetched.name[fetched.name.rfind(".") :].lower()
    kind = KINDS.get(suffix, "application/octet-stream")
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{fetched.etag}"', "Accept-Ranges": "bytes"}
    if fetched.path is not None:
        return FileResponse(fetched.path, media_type=kind, filename=fetched.name, headers=headers)
    headers["Content-Disposition"] = disposition(fetched.name)
    wanted = _RANGE.match(request.headers.get("range", ""))
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = None  # it is another one now: all of it
    start, end = _span(wanted, fetched.size) if wanted else (0, fetched.size)
    if start >= end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{fetched.size}"})
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{fetched.size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(first(fetched.stream(start), end - start), status, headers, media_type=kind)


def disposition(name: str) -> str:
    """As a download under `name`, whatever letters it has."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=utf-8''{quote(name, safe='')}"


def first(pieces: Iterator[bytes], left: int) -> Iterator[bytes]:
    """The first `left` bytes of what comes in pieces."""
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _span(wanted: re.Match[str], size: int) -> tuple[int, int]:
    begin, last = wanted.groups()
    if not begin:  # the last so many
        return (max(0, size - int(last)), size) if last else (size, size)
    return int(begin), min(size, int(last) + 1 if last else size)
