"""The routes below /api."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from core.api.files import result
from core.api.guard import Guard
from core.api.live import live
from core.api.problems import from_error
from core.api.uploads import upload
from core.domain.errors import RepriseError


def api() -> Starlette:
    """What is mounted at /api of the dashboard; unknown paths below it are 404, never a page."""
    return Starlette(
        routes=[
            WebSocketRoute("/live", live),
            Route("/runs/{run_id}/files/{name}", result),
            Route("/uploads/{name}", upload, methods=["PUT"]),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={RepriseError: from_error},
    )
