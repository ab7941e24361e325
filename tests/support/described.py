"""What the API has: every route of the application, and who is expected to reach it."""

import re
from typing import NamedTuple

from fastapi.routing import APIRoute
from starlette.routing import Route

from core.api.app import ROUTERS, build_app

# Whoever asks here needs no token: probes, and what is the same for all and stands in the repository.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/start.js", "/docs/{name}"})
# Here a signed address says what it is good for.
SIGNED = frozenset(
    {"/api/exports/{export_id}/download", "/api/exports/{export_id}/files/{number}", "/api/uploads/slots/{slot}"}
)
SAFE = frozenset({"GET", "HEAD"})
_PART = re.compile(r"\{(\w+)\}")


class Door(NamedTuple):
    """One method of one route."""

    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parts(self) -> list[str]:
        """The names of what stands in its path."""
        return _PART.findall(self.path)

    @property
    def changes(self) -> bool:
        """Whether it does something."""
        return self.method not in SAFE

    def at(self, **given: str) -> str:
        """A path that leads there; parts that are not `given` name nothing."""
        return _PART.sub(lambda part: given.get(part[1], "1" if part[1] == "number" else "x_1"), self.path)


def doors() -> list[Door]:
    """Every method of every HTTP route that the application has."""
    routes = [*build_app().router.routes, *(route for router in ROUTERS for route in router.routes)]
    http = [route for route in routes if isinstance(route, APIRoute | Route)]
    return sorted({Door(route.path, method) for route in http for method in route.methods or ()})


def sockets() -> list[str]:
    """The path of every WebSocket."""
    routes = [*build_app().router.routes, *(route for router in ROUTERS for route in router.routes)]
    return sorted(route.path for route in routes if hasattr(route, "path") and not isinstance(route, APIRoute | Route))


def bodies() -> list[Door]:
    """Every described operation that takes JSON."""
    paths = build_app().openapi()["paths"]
    return [
        Door(path, method.upper())
        for path in paths
        for method, said in paths[path].items()
        if "application/json" in said.get("requestBody", {}).get("content", {})
    ]
