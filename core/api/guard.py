"""What every request has to pass: it comes to this machine, and what it fetches is never run as a page of ours."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from core.api.problems import problem
from core.system.network import is_this_machine

FOREIGN = 4403
ELSEWHERE = problem(
    403, "not_this_machine", "The dashboard has no sign-in yet and answers this machine only.", "Use an SSH tunnel."
)
# What is served was made from other people's videos: it may be shown, never run, and by nobody else's page.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


def names_this_machine(headers: Headers) -> bool:
    """Whether the host that is asked for is this machine; another name for it means that somebody rebinds DNS."""
    try:
        return is_this_machine(urlsplit(f"//{headers.get('host', '')}").hostname or "")
    except ValueError:
        return False


def is_ours(headers: Headers) -> bool:
    """Whether the host is this machine, and the page, if there is one, from that host."""
    origin = headers.get("origin")
    return names_this_machine(headers) and (origin is None or urlsplit(origin).netloc == headers["host"])


class ThisMachine:
    """ASGI middleware around the whole dashboard: there is no sign-in yet, so only this machine is answered.

    Whoever starts the server chooses where it listens, and `uvicorn app:app --host 0.0.0.0` asks nobody; so each
    request is judged by the address that it came to, which is that of the connection's own socket.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        came_to = (scope.get("server") or ("", None))[0]
        if is_this_machine(came_to) and names_this_machine(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(FOREIGN)
        else:
            await ELSEWHERE(scope, receive, send)


class Guard:
    """ASGI middleware around files and what else a page of ours fetches: they may be shown and saved, never run."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
