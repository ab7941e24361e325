"""What every request has to pass: it comes to a server of ours under its name, and what it fetches is never run here."""

from urllib.parse import urlsplit

from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from core.api.problems import problem
from core.system.network import is_this_machine

FOREIGN = 4403
ELSEWHERE = problem(
    403,
    "not_this_machine",
    "The dashboard has no sign-in and answers this machine only.",
    "Use an SSH tunnel, or set up a sign-in: docs/security.md.",
)
FOREIGN_HOST = problem(403, "foreign_host", "This host name is not ours.", "REPRISE_PUBLIC_URL says what it is.")
# What is served was made from other people's videos: it may be shown, never run, and by nobody else's page.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


def is_served(headers: Headers, public_url: str = "") -> bool:
    """Whether the host that is asked for is this machine or our public name; any other means that somebody rebinds DNS."""
    host = headers.get("host", "")
    if public_url and host == urlsplit(public_url).netloc:
        return True
    try:
        return is_this_machine(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def is_ours(headers: Headers, public_url: str = "") -> bool:
    """Whether the host is ours, and the page, if there is one, from that host."""
    origin = headers.get("origin")
    return is_served(headers, public_url) and (origin is None or urlsplit(origin).netloc == headers["host"])


class Reach:
    """ASGI middleware around a whole server: whom it answers at all.

    Without a `public_url` that is this machine only. Whoever starts the server chooses where it listens, and
    `uvicorn app:app --host 0.0.0.0` asks nobody; so each request is judged by the address that it came to, which is
    that of the connection's own socket. With one, it is whoever asks for that name: there is a sign-in then.
    """

    def __init__(self, app: ASGIApp, *, public_url: str = "") -> None:
        self._app, self._public_url = app, public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        came_to = (scope.get("server") or ("", None))[0]
        reached = bool(self._public_url) or is_this_machine(came_to)
        if reached and is_served(Headers(scope=scope), self._public_url):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(FOREIGN)
        else:
            await (FOREIGN_HOST if reached and self._public_url else ELSEWHERE)(scope, receive, send)


class Guarded(APIRoute):
    """A route of files and of what else a page of ours fetches: its answer goes out with `HEADERS`."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await super().handle(scope, receive, send_with_headers)
