"""The API: one application, served beside the dashboard and by `./reprise serve`."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from core import __version__
from core.api import (
    account,
    batch_job_commands,
    batch_jobs,
    bulk,
    clips,
    exports,
    files,
    health,
    jobs,
    metrics,
    notices,
    progress,
    reference,
    runs,
    uploads,
)
from core.api.bodies import StrictBodies
from core.api.caller import Doorkeeper, SignedIn
from core.api.describing import describe, operation_id
from core.api.live import live
from core.api.problems import from_error, from_http, from_validation
from core.api.tracing import Traced
from core.domain.errors import RepriseError

# Where the API answers on the dashboard's port; every other path is a page.
PREFIXES = ("/api", "/jobs", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
ROUTERS = (
    health.router,
    metrics.router,
    batch_jobs.router,
    batch_job_commands.router,
    runs.router,
    files.router,
    clips.router,
    uploads.router,
    exports.router,
    progress.router,
    bulk.router,
    jobs.router,
    account.router,
    notices.router,
)


def build_app(signed_in: SignedIn | None = None) -> FastAPI:
    """The API; where our pages are too, `signed_in` tells who uses them, and they need no token."""
    app = FastAPI(
        title="Reprise",
        version=__version__,
        summary="A pile of videos becomes transcripts, verified quotes, summaries and cuts.",
        middleware=[Middleware(Traced), Middleware(Doorkeeper, signed_in=signed_in), Middleware(StrictBodies)],
        exception_handlers={
            RepriseError: from_error,
            HTTPException: from_http,
            RequestValidationError: from_validation,
        },
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend([*reference.routes(), WebSocketRoute("/api/live", live)])
    describe(app)
    return app
