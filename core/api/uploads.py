"""Files from the browser, beside the pages: announced, sent piece by piece, gone on with where they broke off.

`POST /uploads` announces one, `PATCH /uploads/{id}?offset=N` brings bytes, `GET` tells how far it is and `DELETE` takes
it back. What is allowed is decided by `core.manager.receiving`; here are only requests.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.api.caller import manager_of
from core.domain.access import Scope
from core.domain.errors import BadInput
from core.manager.receiving import Intaking, Receiving, Sent

PIECE_BYTES = 2**20  # bytes are gathered up to so many before a thread writes them
MAX_ANNOUNCEMENT_BYTES = 4096
LONGEST_NUMBER = 20


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says of a file before it sends it."""

    name: str
    size: int
    group: str = ""
    mark: str = ""


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
    sent = await asyncio.to_thread(receiving.begin, said.name, said.size, group=said.group, mark=said.mark)
    return _answer(sent, 201)


async def listed(request: Request) -> Response:
    """What was sent from one page (`?group=`) and is in no batch yet."""
    found = await asyncio.to_thread(_receiving(request).waiting, request.query_params.get("group", ""))
    return JSONResponse({"uploads": msgspec.to_builtins(found)})


async def told(request: Request) -> Response:
    """How far an upload is."""
    return _answer(await asyncio.to_thread(_receiving(request).find, request.path_params["id"]))


async def cancel(request: Request) -> Response:
    """Remove an upload; one that is gone already is as good."""
    await asyncio.to_thread(_receiving(request).cancel, request.path_params["id"])
    return Response(status_code=204)


async def receive(request: Request) -> Response:
    """Append the body to an upload at `?offset=`; however the request ends, what came is kept."""
    receiving = _receiving(request)
    offset, length = request.query_params.get("offset", ""), request.headers.get("content-length", "")
    if not (offset.isdecimal() and len(offset) < LONGEST_NUMBER):
        raise BadInput("The offset is missing.", hint="Add ?offset=, the number of bytes that were received.")
    announced = int(length) if length.isdecimal() and len(length) < LONGEST_NUMBER else None
    taking = await asyncio.to_thread(receiving.open, request.path_params["id"], int(offset), announced)
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


def _answer(sent: Sent, status: int = 200) -> JSONResponse:
    return JSONResponse(msgspec.to_builtins(sent), status)
