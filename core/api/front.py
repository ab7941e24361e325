"""The API before the pages, on one port: each has its paths, and neither sees those of the other."""

from starlette.types import ASGIApp, Receive, Scope, Send

from core.api.app import PREFIXES, build_app
from core.api.caller import SignedIn
from core.api.problems import problem

# What Streamlit offers to whoever opens a page, signed in or not, and no page of ours uses: it keeps in memory each file
# that is sent to it, any number of them, and tells of its sessions.
UNUSED = ("/_stcore/upload_file", "/_stcore/metrics")
NOT_HERE = problem(404, "not_found", "There is nothing here.")


class Front:
    """ASGI middleware around the dashboard: what is the API's goes there, everything else to the pages."""

    def __init__(self, app: ASGIApp, *, signed_in: SignedIn) -> None:
        self._app, self._api = app, build_app(signed_in)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the one it is for."""
        path = scope.get("path", "")
        if scope["type"] == "http" and any(part in path for part in UNUSED):
            await NOT_HERE(scope, receive, send)
            return
        ours = any(path == prefix or path.startswith(f"{prefix}/") for prefix in PREFIXES)
        await (self._api if ours and scope["type"] != "lifespan" else self._app)(scope, receive, send)
