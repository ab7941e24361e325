"""One WebSocket a tab: tells which topics changed, so that a page redraws what shows them."""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from core.api.guard import FOREIGN
from core.api.process import current

BEAT_S = 2.0


async def live(socket: WebSocket) -> None:
    """Sends `{"changed": [topic, …], "server": id}` when something did, and every `BEAT_S` seconds as a sign of life."""
    if socket.state.actor is None:
        await socket.close(FOREIGN)
        return
    await socket.accept()
    process = current()
    hub = process.hub
    gone = asyncio.create_task(until_gone(socket))
    try:
        with hub.listen() as listener, suppress(WebSocketDisconnect):
            # A page that goes rings too: a server that ends waits until nobody is listening any more.
            gone.add_done_callback(lambda _: listener.tell(frozenset()))
            topics: list[str] = []
            while not gone.done():
                await socket.send_json({"changed": topics, "server": process.id})
                await asyncio.wait({gone}, timeout=hub.gap_s)
                topics = await listener.changes(BEAT_S)
    finally:
        gone.cancel()


async def until_gone(socket: WebSocket) -> None:
    """Returns when the other side has gone; what it says until then is of no interest."""
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
