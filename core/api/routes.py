"""The routes below /api."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from core.api import clips, uploads
from core.api.exports import download, member
from core.api.files import listed, result
from core.api.guard import Guard
from core.api.live import live
from core.api.problems import from_error
from core.domain.errors import RepriseError


def api() -> Starlette:
    """What is mounted at /api of the dashboard; unknown paths below it are 404, never a page."""
    return Starlette(
        routes=[
            WebSocketRoute("/live", live),
            Route("/runs/{run_id}/files", listed),
            Route("/runs/{run_id}/files/{name}", result),
            Route("/runs/{run_id}/clips/{clip}", clips.fetch, methods=["GET"]),
            Route("/runs/{run_id}/clips/{clip}", clips.ask, methods=["POST"]),
            Route("/uploads", uploads.listed, methods=["GET"]),
            Route("/uploads", uploads.announce, methods=["POST"]),
            Route("/uploads/{id}", uploads.told, methods=["GET"]),
            Route("/uploads/{id}", uploads.receive, methods=["PATCH"]),
            Route("/uploads/{id}", uploads.cancel, methods=["DELETE"]),
            Route("/runs/{run_id}/files/{stage}/{name}", result),
            Route("/exports/{export_id}/download", download),
            Route("/exports/{export_id}/files/{number:int}", member),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={RepriseError: from_error},
    )
