"""Server-sent events on the wire: what was missed, then what happens, then silence with signs of life, until somebody goes."""

import asyncio
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.api.channel import Channel
from core.api.happening import Shape, event
from core.api.process import current
from core.api.standing import allowed
from core.bootstrap import Manager
from core.domain.errors import RepriseError

BEAT_S = 15.0
# A reader that takes nothing for so long is dropped.
STUCK_S = 20.0
# How long the end of a stream may take when the server ends.
LAST_WORDS_S = 0.2
BEGIN_S = 10.0
# So many messages are sent at once at most.
AT_ONCE = 64
HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy is to pass on what comes
    "X-Content-Type-Options": "nosniff",
    "Content-Type": "text/event-stream; charset=utf-8",
}
_POSITION = re.compile(r"[0-9]{1,18}\Z", re.ASCII)
# How things are for whoever asks, as documents; raises `NotFound` when there is nothing any more.
Snapshot = Callable[[Manager], list[dict[str, Any]]]


class EventStream(Response):
    """What happens to one thing: to who comes back with `Last-Event-ID` all of it since then, to others how it stands first."""

    def __init__(self, connection: HTTPConnection, topic: str, shape: Shape, snapshot: Snapshot) -> None:
        super().__init__()
        self._connection, self._topic, self._shape, self._snapshot = connection, topic, shape, snapshot
        self._process = current()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the other side goes, may listen no more, or takes nothing; raises before it begins what a route would."""
        feed = self._process.feed
        actor = self._connection.state.actor.name
        with self._process.streams.place(actor), feed.channel(self._topic, self._shape) as channel:
            async with asyncio.timeout(BEGIN_S):
                await feed.begun()
            cursor, first = await self._first(channel, _position(self._connection))
            start = {"type": "http.response.start", "status": 200, "headers": _raw(HEADERS)}
            gone = asyncio.create_task(_until_gone(receive))
            talking = asyncio.create_task(self._talk(send, start, channel, cursor, first))
            try:
                await asyncio.wait({gone, talking}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                talking.cancel()
                stuck = not await self._ended(send, talking) and not gone.done()
                if stuck and _abort(receive):
                    await asyncio.wait({gone}, timeout=LAST_WORDS_S)
                gone.cancel()

    async def _talk(self, send: Send, start: dict[str, Any], channel: Channel, cursor: int, first: list[bytes]) -> None:
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(STUCK_S):
            await send(start)
        # Not all at once when a server comes back.
        await _say(send, [b"retry: %d\n\n" % (1000 + secrets.randbelow(2000)), *first])
        beat_at = now() + BEAT_S
        while True:
            messages = channel.since(cursor)
            if messages is None:
                cursor, messages = await self._first(channel, None)
                await _say(send, messages)
            elif messages:
                await _say(send, messages[:AT_ONCE])
                cursor += len(messages[:AT_ONCE])
            else:
                await channel.more(cursor, max(0.0, beat_at - now()))
            if now() >= beat_at:
                beat_at = now() + BEAT_S
                try:
                    await run_in_threadpool(self._snapshot, await allowed(self._connection))
                except RepriseError as error:
                    await _say(send, [event({"type": "end", "code": error.code, "message": error.message})])
                    return
                await _say(send, [b": beat\n\n"])

    async def _first(self, channel: Channel, after: int | None) -> tuple[int, list[bytes]]:
        """Where to go on in the channel, and what comes before that.

        The snapshot is taken first also for who comes back: it alone tells whether the thing is theirs.
        """
        feed, cursor = self._process.feed, channel.count
        seq = feed.seq
        documents = await run_in_threadpool(self._snapshot, await allowed(self._connection))
        if after is not None:
            begun = channel.count
            if (missed := await feed.replay(self._topic, self._shape, after)) is not None:
                return begun, missed
        return cursor, [event(document, seq) for document in documents]

    async def _ended(self, send: Send, talking: "asyncio.Task[None]") -> bool:
        """Whether the end of the response could be sent, after whatever ended it."""
        await asyncio.wait({talking})
        if not talking.cancelled() and isinstance(talking.exception(), TimeoutError):
            return False
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(LAST_WORDS_S):
                await send({"type": "http.response.body", "body": b""})
            return True
        return False


async def _say(send: Send, messages: list[bytes]) -> None:
    message = {"type": "http.response.body", "body": b"".join(messages), "more_body": True}
    async with asyncio.timeout(STUCK_S):  # not `wait_for`, which may swallow a cancellation
        await send(message)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _position(connection: HTTPConnection) -> int | None:
    """The position in the journal up to which a client that comes back has everything."""
    given = connection.headers.get("last-event-id", "").strip()
    return int(given) if _POSITION.match(given) else None


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _abort(receive: Receive) -> bool:
    """Close the connection with what was not read of it, where the server lets us: uvicorn keeps it at hand."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        return False
    transport.abort()
    return True
