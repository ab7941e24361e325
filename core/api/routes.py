"""The routes below /api for files and news: what they send is no JSON document, so they are no part of the described API."""

from collections.abc import Awaitable, Callable

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from core.api import clips, uploads
from core.api.exports import download, member
from core.api.files import listed, result
from core.api.guard import Guard
from core.api.live import live


def routes() -> list[BaseRoute]:
    """Each guarded: what it sends may be shown and saved, never run."""
    return [
        WebSocketRoute("/api/live", live),
        _route("/api/runs/{run_id}/files", listed),
        _route("/api/runs/{run_id}/files/{name}", result),
        _route("/api/runs/{run_id}/clips/{clip}", clips.fetch),
        _route("/api/runs/{run_id}/clips/{clip}", clips.ask, "POST"),
        _route("/api/uploads", uploads.listed),
        _route("/api/uploads", uploads.announce, "POST"),
        _route("/api/uploads/slots/{slot}", uploads.receive_slot, "PUT"),
        _route("/api/uploads/{id}", uploads.told),
        _route("/api/uploads/{id}", uploads.receive, "PATCH"),
        _route("/api/uploads/{id}", uploads.cancel, "DELETE"),
        _route("/api/runs/{run_id}/files/{stage}/{name}", result),
        _route("/api/exports/{export_id}/download", download),
        _route("/api/exports/{export_id}/files/{number:int}", member),
    ]


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response] | Response], method: str = "GET") -> Route:
    return Route(path, endpoint, methods=[method], middleware=[Middleware(Guard)])
