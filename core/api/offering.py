"""Answers that are files: GET with any range of them, HEAD, and how they are described."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.responses import Response

from core.api.guard import Guarded

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": _BYTES},
    206: {"description": "The range of it that was asked for.", "content": _BYTES},
    416: {"description": "There is no such range of it."},
}


def files_router(prefix: str) -> APIRouter:
    """Of routes that send files; each may be shown and saved, never run."""
    return APIRouter(prefix=prefix, tags=["files"], route_class=Guarded)


def offered(router: APIRouter, path: str, summary: str, **said: Any) -> Callable[[Endpoint], Endpoint]:
    """Makes the function below the answer to GET and HEAD of `path`."""

    def add(endpoint: Endpoint) -> Endpoint:
        about = {"summary": summary, "responses": _ANSWERS, "response_class": Response, **said}
        router.add_api_route(path, endpoint, methods=["GET"], **about)
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False, **about)
        return endpoint

    return add
