"""Who may go on listening: a stream lasts longer than a token may, so it is asked for again and again."""

import logging

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from core.api.caller import manager_of
from core.api.problems import answer_for
from core.bootstrap import Manager
from core.domain.access import Scope
from core.domain.errors import RepriseError

# uvicorn takes a WebSocket that was refused with an answer for one that was forgotten; anybody could fill the log with it.
_FORGOTTEN = "ASGI callable returned without completing handshake."
logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg != _FORGOTTEN)


async def allowed(connection: HTTPConnection, scope: Scope = Scope.READ) -> Manager:
    """The manager of whoever is connected, as the doorkeeper knows them now; raises what `manager_of` does."""
    if connection.state.actor is not None:
        connection.state.actor = await connection.state.who()
    return manager_of(connection, scope)


async def refuse(socket: WebSocket, error: RepriseError) -> None:
    """The answer to a WebSocket that is not taken: the problem, where the server can say it, else a bare refusal."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(answer_for(error))
    else:
        await socket.close(1008)
