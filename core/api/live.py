"""One WebSocket a tab: tells which topics changed, so that a page redraws what shows them."""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from core.api.guard import is_ours
from core.api.process import current

BEAT_S = 5.0
FOREIGN = 4403


async def live(socket: WebSocket) -> None:
    """Sends `{"changed": [topic, …]}` when something did, and an empty list every `BEAT_S` seconds as a sign of life."""
    if not is_ours(socket.headers) or "origin" not in socket.headers:
        await socket.close(FOREIGN)
        return
    await socket.accept()
    hub = current().hub
    gone = asyncio.create_task(_until_gone(socket))
    try:
        with hub.listen() as listener, suppress(WebSocketDisconnect):
            while not gone.done():
                await socket.send_json({"changed": await listener.changes(BEAT_S)})
                await asyncio.wait({gone}, timeout=hub.gap_s)
    finally:
        gone.cancel()


async def _until_gone(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
