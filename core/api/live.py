"""One WebSocket a tab: tells which topics changed, so that a page redraws what shows them."""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from core.api.guard import FOREIGN
from core.api.process import current
from core.api.standing import allowed
from core.bootstrap import Manager
from core.domain.access import Scope
from core.domain.errors import RepriseError

BEAT_S = 2.0
# So often it is asked whether whoever listens still may.
ASKED_S = 15.0


async def live(socket: WebSocket) -> None:
    """Sends `{"changed": [topic, …], "server": id}` when something did, and every `BEAT_S` seconds as a sign of life.

    Topics that name a record of somebody else are left out. It ends when its listener may look no more.
    """
    process = current()
    hub = process.hub
    gone: asyncio.Task[None] | None = None
    try:
        manager = await allowed(socket)
        with process.streams.place(manager.actor):
            await socket.accept()
            gone = asyncio.create_task(until_gone(socket))
            with hub.listen() as listener, suppress(WebSocketDisconnect):
                # A page that goes rings too: a server that ends waits until nobody is listening any more.
                gone.add_done_callback(lambda _: listener.tell(frozenset()))
                now = asyncio.get_running_loop().time
                asked_at, topics = now(), list[str]()
                while not gone.done():
                    await socket.send_json({"changed": own(manager, topics), "server": process.id})
                    await asyncio.wait({gone}, timeout=hub.gap_s)
                    topics = await listener.changes(BEAT_S)
                    if now() - asked_at >= ASKED_S:
                        manager, asked_at = await allowed(socket), now()
    except RepriseError:
        await socket.close(FOREIGN)
    finally:
        if gone is not None:
            gone.cancel()


def own(manager: Manager, topics: list[str]) -> list[str]:
    """Those of the topics that name nothing of somebody else; exports are told of without their ids."""
    if manager.acts_for.may(Scope.ADMIN):
        return topics
    index = manager.storage.index
    known = {"run": index.runs, "batch": index.batches}
    return [
        topic
        for topic in topics
        if ":" not in topic or topic.partition(":")[2] in known.get(topic.partition(":")[0], ())
    ]


async def until_gone(socket: WebSocket) -> None:
    """Returns when the other side has gone; what it says until then is of no interest."""
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
