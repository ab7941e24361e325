"""Requests: each has an id, is counted by its route, and stands in the log if that is wanted."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.process import current
from core.domain.access import Actor
from core.system.logs import Log, bound_facts

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_CUT_OFF = 499  # nobody waited for the answer
# What an answer says that says nothing else: it is for whoever asked, and nothing but what it is called.
USUAL = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
log = Log("api")


class Traced:
    """ASGI middleware around the API. A caller's own `X-Request-ID` is kept if it is a plain word."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and say what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        process = current()
        traffic, clock = process.traffic, process.manager.storage.clock
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status, sent, began_s = _CUT_OFF, 0, clock.monotonic()

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, usual in USUAL.items():
                    headers.setdefault(name, usual)
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        traffic.begun()
        try:
            with bound_facts(request_id=request_id):
                await self._app(scope, receive, counted)
        except Exception:
            status = 500 if status == _CUT_OFF else status
            raise
        finally:
            took_s = clock.monotonic() - began_s
            method = scope["method"] if scope["method"] in METHODS else "other"
            traffic.ended(method, route_of(scope), status, took_s)
            if process.config.access_log and not (status < 400 and scope["path"] in PROBES):
                _say(scope, status, sent, took_s, request_id)


def _say(scope: Scope, status: int, sent: int, took_s: float, request_id: str) -> None:
    actor: Actor | None = scope["state"].get("actor")
    log.info(
        "request",
        method=scope["method"],
        path=scope["path"],  # without the query: it may hold a signature
        status=status,
        ms=round(1000 * took_s, 1),
        bytes=sent,
        actor=actor.name if actor is not None else None,
        client=(scope.get("client") or (None,))[0],
        request_id=request_id,
        **{name: value for name, value in scope.get("path_params", {}).items() if name in ("run_id", "batch_id")},
    )


def route_of(scope: Scope) -> str:
    """The pattern that the path of a request fits, such as `/api/runs/{run_id}`: there are few of these. `other`: none."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return "other"
    root = scope.get("root_path", "")
    return f"{root}{path}" if root and not path.startswith(root) else path
