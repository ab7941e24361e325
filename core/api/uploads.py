"""Files that are sent to us: announced, sent piece by piece, gone on with where they broke off.

`POST /uploads` announces one, `PATCH /uploads/{id}?offset=N` brings bytes, `GET` tells how far it is and `DELETE` takes
it back. Sending and asking need no token at the signed address that the announcement gives (`upload_url`, good for a
quarter of an hour); `PUT /uploads/slots/{slot}` is the signed address of a file that a batch waits for, of which nothing
is known before it comes. What is allowed is decided by `core.manager.receiving`; here are only requests.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.api.caller import Operator, manager_of
from core.api.digests import sha256_of
from core.api.guard import Guarded
from core.api.process import current
from core.api.requests import Strict, answer
from core.domain.access import Scope
from core.domain.errors import BadInput
from core.manager.receiving import Intaking, Kind, Receiving, Sent
from core.manager.upload_links import span

# Bytes are gathered up to so many, in so many pieces, before a thread writes them.
PIECE_BYTES, MOST_PIECES = 2**21, 1000
LONGEST_NUMBER = 18
router = APIRouter(prefix="/api/uploads", tags=["uploads"], route_class=Guarded)
Word = Annotated[str, Field(max_length=1000)]
Id = Annotated[str, Path(alias="id")]
Until = Annotated[str, Query(description="Of a signed address.")]
Signature = Annotated[str, Query(description="Of a signed address; without one a token is needed.")]
# Of what was sent, as read from the headers of the request.
Digest = Annotated[str | None, Header(description="`sha-256=:BASE64:` of the body.")]
# Bytes as they are; and known by a token, or by nothing but the address.
BYTES = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}
EITHER: dict[str, Any] = {"security": [{"HTTPBearer": []}, {}]}


class Announcement(Strict):
    """What is said of a file before it is sent; under the same `mark` one that broke off is found again."""

    name: Word = Field(examples=["talk.mp4"])
    size: Annotated[int, Field(ge=1, le=2**53, description="In bytes.")]
    group: Word = Field("", description="What else is sent together with it.")
    mark: Word = Field("", description="How its sender knows the file again.")
    sha256: Annotated[
        str, Field(pattern="^([0-9a-fA-F]{64})?$", description="Of the whole, which is compared with it.")
    ] = ""


class Upload(Strict):
    """A file on its way; its `id` is the `video_id` that a batch is given. `path` is told to who is known, once it is whole."""

    id: str
    name: str
    kind: Kind
    size: int
    received: int
    complete: bool
    path: str | None


class Announced(Upload):
    """The same, and an address to which the rest may be sent without a token, until then."""

    upload_url: str
    upload_url_expires_at: datetime


class Uploads(Strict):
    """Those of one group that are in no batch yet."""

    uploads: list[Upload]


@router.post("", summary="Announce a file", status_code=201, response_model=Announced)
def announce(manager: Operator, body: Announcement) -> Response:
    """Begin an upload, or find the one that broke off: how far it is."""
    about = {"group": body.group, "mark": body.mark, "sha256": body.sha256}
    return _with_address(manager.receiving.begin(body.name, body.size, **about), 201)


@router.get("", summary="List uploads that are in no batch", response_model=Uploads)
def listed(manager: Operator, group: Annotated[str, Query(max_length=1000)] = "") -> Response:
    """What was sent together under one `group`."""
    return answer({"uploads": [_told(one) for one in manager.receiving.waiting(group)]})


@router.get("/{id}", summary="How far an upload is", response_model=Announced | Upload, openapi_extra=EITHER)
def told(request: Request, id_: Id, until: Until = "", signature: Signature = "") -> Response:
    """And where the rest of it may be sent; a signed address says the first alone, to anybody."""
    receiving = _receiving(request, id_, until, signature)
    return answer(_told(receiving.find(id_), to_stranger=True)) if signature else _with_address(receiving.find(id_))


@router.delete("/{id}", summary="Take an upload back", status_code=204, response_class=Response)
def cancel(manager: Operator, id_: Id) -> Response:
    """It is removed; one that is gone already is as good, and one that a run reads is kept."""
    manager.receiving.cancel(id_)
    return Response(status_code=204)


@router.patch("/{id}", summary="Send bytes of a file", response_model=Upload, openapi_extra=BYTES | EITHER)
async def receive(
    request: Request,
    id_: Id,
    offset: Annotated[
        int | None, Query(ge=0, lt=10**LONGEST_NUMBER, description="How many bytes were received.")
    ] = None,
    until: Until = "",
    signature: Signature = "",
    content_digest: Digest = None,
) -> Response:
    """Append the body to an upload at `offset`; however the request ends, what came is kept.

    With a `Content-Digest` it is kept only if it is what was sent.
    """
    receiving = await asyncio.to_thread(_receiving, request, id_, until, signature)
    if offset is None:
        raise BadInput("The offset is missing.", hint="Add ?offset=, the number of bytes that were received.")
    return await _append(request, receiving, id_, offset, sha256_of(content_digest), to_stranger=bool(signature))


@router.put("/slots/{slot}", summary="Send a file that a batch waits for", response_model=Upload, openapi_extra=BYTES)
async def receive_slot(
    request: Request,
    slot: str,
    until: Until = "",
    signature: Signature = "",
    name: Annotated[str, Query(max_length=1000, description="What the file is called, such as talk.mp4.")] = "",
    content_range: Annotated[str | None, Header(description="`bytes 0-1048575/5000000`: which part it is.")] = None,
    content_digest: Digest = None,
) -> Response:
    """Take the file that a batch waits for: whole, or in pieces one after the other (`Content-Range`).

    The answer is the upload; its `id` is the `video_id` that the batch is given.
    """
    receiving = await asyncio.to_thread(current().manager.upload_links.of_slot, slot, until, signature)
    length = _length(request)
    if length is None:
        raise BadInput("How long the body is has to be said.", hint="Send a Content-Length.", code="length_required")
    begin, end, size = span(content_range) if content_range is not None else (0, length, length)
    if end - begin != length:
        raise BadInput("The Content-Range and the Content-Length disagree.")
    digest = sha256_of(content_digest)
    sent = await asyncio.to_thread(receiving.begin_in, slot, name, size, group=slot.partition(".")[0])
    return await _append(request, receiving, sent.id, begin, digest, to_stranger=True)


async def _append(
    request: Request, receiving: Receiving, id_: str, offset: int, digest: bytes | None, *, to_stranger: bool
) -> Response:
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
    return answer(_told(closing[0], to_stranger=to_stranger))


def _length(request: Request) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) <= LONGEST_NUMBER else None


async def _take(request: Request, taking: Intaking) -> None:
    behind, gathered, there = _Behind(taking), list[bytes](), 0
    try:
        async for piece in request.stream():
            if not piece:
                continue
            gathered.append(piece)
            there += len(piece)
            if there >= PIECE_BYTES or len(gathered) >= MOST_PIECES:
                await behind.idle()
                behind.write(gathered)
                gathered, there = [], 0
    finally:  # the connection may have broken: what came last counts too
        await behind.rest(gathered)


class _Behind:
    """Writes one piece in a thread while the next one comes; after an error nothing more."""

    def __init__(self, taking: Intaking) -> None:
        self._taking, self._failed = taking, False
        self._writing: asyncio.Future[None] | None = None

    async def idle(self) -> None:
        """Wait until what was begun is written; raises what that raised."""
        writing, self._writing = self._writing, None
        if writing is not None:
            try:
                await _ended(writing)
            finally:  # also when this request was cancelled meanwhile: behind a hole nothing may be written
                self._failed = writing.exception() is not None

    def write(self, pieces: Sequence[bytes]) -> None:
        """Begin to write these; nothing else is being written."""
        self._writing = _in_a_thread(self._taking.write, *pieces)

    async def rest(self, pieces: Sequence[bytes]) -> None:
        """Write what is left, and end with it."""
        await self.idle()
        if pieces and not self._failed:
            self.write(pieces)
            await self.idle()


async def _whole(step: Callable[[], object]) -> None:
    """Do `step` in a thread, and end when it has."""
    await _ended(_in_a_thread(step))


def _in_a_thread(step: Callable[..., Any], *given: Any) -> "asyncio.Future[Any]":
    """Not as a task: who ends all tasks, as the end of a loop does, would take it for done while it still writes."""
    call = partial(copy_context().run, step, *given)
    return asyncio.get_running_loop().run_in_executor(None, call)


async def _ended(doing: "asyncio.Future[Any]") -> None:
    """Wait for what a thread does: who is cancelled meanwhile must not close what it still writes to."""
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({doing})
        with suppress(Exception):
            doing.result()  # nobody asks for it any more
        raise


def _receiving(request: Request, id_: str, until: str, signature: str) -> Receiving:
    """Who takes bytes for the owner of a signed address, or for whoever asks."""
    if signature:
        return current().manager.upload_links.of_upload(id_, until, signature)
    return manager_of(request, Scope.OPERATE).receiving


def _with_address(sent: Sent, status: int = 200) -> Response:
    """The answer to somebody known, who may hand the address on."""
    address = current().manager.upload_links.address(sent.id)
    where = {"upload_url": address.url, "upload_url_expires_at": address.expires_at.isoformat().replace("+00:00", "Z")}
    return answer(_told(sent) | where, status)


def _told(sent: Sent, *, to_stranger: bool = False) -> dict[str, Any]:
    """How far it is; where it lies is told to those who may look around here, not to who was given an address."""
    said: dict[str, Any] = msgspec.to_builtins(sent)
    return said | {"complete": sent.path is not None} | ({"path": None} if to_stranger else {})
