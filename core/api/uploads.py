"""Files that are sent to us: announced, sent piece by piece, gone on with where they broke off.

`POST /uploads` announces one, `PATCH /uploads/{id}?offset=N` brings bytes, `GET` tells how far it is and `DELETE` takes
it back. Sending and asking need no token at the signed address that the announcement gives (`upload_url`, good for a
quarter of an hour); `PUT /uploads/slots/{slot}` is the signed address of a file that a batch waits for, of which nothing
is known before it comes. What is allowed is decided by `core.manager.receiving`; here are only requests.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.api.caller import manager_of
from core.api.digests import content_digest
from core.api.process import current
from core.domain.access import Scope
from core.domain.errors import BadInput
from core.manager.receiving import Intaking, Receiving, Sent
from core.manager.upload_links import span

PIECE_BYTES = 2**20  # bytes are gathered up to so many before a thread writes them
MAX_ANNOUNCEMENT_BYTES = 4096
LONGEST_NUMBER = 20


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says of a file before it sends it."""

    name: str
    size: int
    group: str = ""
    mark: str = ""
    sha256: str = ""


async def announce(request: Request) -> Response:
    """Begin an upload, or find the one that broke off: how far it is."""
    receiving, body = _receiving(request), bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_ANNOUNCEMENT_BYTES:
            raise BadInput("This is no announcement of a file.")
    try:
        said = msgspec.json.decode(bytes(body), type=Announcement)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadInput("This is no announcement of a file.", hint="Give its name and its size in bytes.") from None
    about = {"group": said.group, "mark": said.mark, "sha256": said.sha256}
    sent = await asyncio.to_thread(receiving.begin, said.name, said.size, **about)
    return await asyncio.to_thread(_with_address, sent, 201)


async def listed(request: Request) -> Response:
    """What was sent from one page (`?group=`) and is in no batch yet."""
    found = await asyncio.to_thread(_receiving(request).waiting, request.query_params.get("group", ""))
    return JSONResponse({"uploads": msgspec.to_builtins(found)})


async def told(request: Request) -> Response:
    """How far an upload is, and where the rest of it may be sent."""
    id_ = request.path_params["id"]
    if "signature" in request.query_params:
        return _answer(await asyncio.to_thread(lambda: _signed(request, id_).find(id_)))
    return await asyncio.to_thread(lambda: _with_address(_receiving(request).find(id_)))


async def cancel(request: Request) -> Response:
    """Remove an upload; one that is gone already is as good."""
    await asyncio.to_thread(_receiving(request).cancel, request.path_params["id"])
    return Response(status_code=204)


async def receive(request: Request) -> Response:
    """Append the body to an upload at `?offset=`; however the request ends, what came is kept.

    With a `Content-Digest` it is kept only if it is what was sent.
    """
    id_, signed = request.path_params["id"], "signature" in request.query_params
    receiving = await asyncio.to_thread(_signed, request, id_) if signed else _receiving(request)
    offset = request.query_params.get("offset", "")
    if not (offset.isdecimal() and len(offset) < LONGEST_NUMBER):
        raise BadInput("The offset is missing.", hint="Add ?offset=, the number of bytes that were received.")
    return await _append(request, receiving, id_, int(offset))


async def receive_slot(request: Request) -> Response:
    """Take the file that a batch waits for, named `?name=`: whole, or in pieces one after the other (`Content-Range`).

    The answer is the upload; its `id` is the `video_id` that the batch is given.
    """
    slot, given = request.path_params["slot"], request.query_params
    links = current().manager.upload_links
    receiving = await asyncio.to_thread(links.of_slot, slot, given.get("until", ""), given.get("signature", ""))
    length = _length(request)
    if length is None:
        raise BadInput("How long the body is has to be said.", hint="Send a Content-Length.", code="length_required")
    begin, end, size = (
        span(request.headers["content-range"]) if "content-range" in request.headers else (0, length, length)
    )
    if end - begin != length:
        raise BadInput("The Content-Range and the Content-Length disagree.")
    sent = await asyncio.to_thread(receiving.begin_in, slot, given.get("name", ""), size, group=slot.partition(".")[0])
    return await _append(request, receiving, sent.id, begin)


async def _append(request: Request, receiving: Receiving, id_: str, offset: int) -> Response:
    digest = content_digest(request.headers)
    taking = await asyncio.to_thread(receiving.open, id_, offset, _length(request), digest)
    try:
        await _take(request, taking)
    except ClientDisconnect:
        await _whole(taking.close)
        return Response(status_code=204)  # nobody reads it
    except BaseException:
        taking.abandon()
        raise
    closing: list[Sent] = []
    await _whole(lambda: closing.append(taking.close()))
    return _answer(closing[0])


def _length(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < LONGEST_NUMBER else None


async def _take(request: Request, taking: Intaking) -> None:
    gathered = bytearray()
    try:
        async for piece in request.stream():
            gathered += piece
            if len(gathered) >= PIECE_BYTES:
                full, gathered = bytes(gathered), bytearray()
                await _whole(taking.write, full)
    finally:
        if gathered:  # the connection broke: what came last counts too
            await _whole(taking.write, bytes(gathered))


async def _whole(step: Callable[..., object], *given: Any) -> None:
    """Do `step` in a thread, and end when it has: who is cancelled meanwhile must not close what it still writes to."""
    doing = asyncio.ensure_future(asyncio.to_thread(step, *given))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({doing})
        with suppress(Exception):
            doing.result()  # nobody asks for it any more
        raise


def _receiving(request: Request) -> Receiving:
    return manager_of(request, Scope.OPERATE).receiving


def _signed(request: Request, id_: str) -> Receiving:
    given = request.query_params
    return current().manager.upload_links.of_upload(id_, given.get("until", ""), given.get("signature", ""))


def _with_address(sent: Sent, status: int = 200) -> JSONResponse:
    """The answer to somebody known, who may hand the address on."""
    address = current().manager.upload_links.address(sent.id)
    told = {"upload_url": address.url, "upload_url_expires_at": address.expires_at.isoformat().replace("+00:00", "Z")}
    return JSONResponse(msgspec.to_builtins(sent) | told, status)


def _answer(sent: Sent, status: int = 200) -> JSONResponse:
    return JSONResponse(msgspec.to_builtins(sent), status)
