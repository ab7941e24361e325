"""What every request below /api has to pass: it comes from a page of ours, and ends when the server does."""

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import problem
from core.api.process import current

HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
# What is served was made from other people's videos: it may be shown, never run, and by nobody else's page.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


def is_ours(headers: Headers) -> bool:
    """Whether the host is this machine (else somebody rebinds DNS), and the page, if there is one, from that host."""
    host = headers.get("host", "")
    origin = headers.get("origin")
    name = urlsplit(f"//{host}").hostname or ""
    return name in HOSTS and (origin is None or urlsplit(origin).netloc == host)


class Guard:
    """ASGI middleware. Changing requests need an Origin and a header that no form of another page can send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        changing = scope["method"] not in SAFE_METHODS
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if (
            not is_ours(headers)
            or foreign
            or (changing and not ("origin" in headers and "x-requested-with" in headers))
        ):
            refusal = problem(403, "foreign_origin", "This request does not come from the dashboard.")
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        task, process = asyncio.current_task(), current()
        assert task is not None
        process.requests.add(task)
        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if not process.closing:
                raise
        finally:
            process.requests.discard(task)
