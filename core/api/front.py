"""The API before the pages, on one port: each has its paths, and neither sees those of the other."""

from starlette.types import ASGIApp, Receive, Scope, Send

from core.api.app import PREFIXES, build_app
from core.api.caller import SignedIn


class Front:
    """ASGI middleware around the dashboard: what is the API's goes there, everything else to the pages."""

    def __init__(self, app: ASGIApp, *, signed_in: SignedIn) -> None:
        self._app, self._api = app, build_app(signed_in)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on to the one it is for."""
        path = scope.get("path", "")
        ours = any(path == prefix or path.startswith(f"{prefix}/") for prefix in PREFIXES)
        await (self._api if ours and scope["type"] != "lifespan" else self._app)(scope, receive, send)
