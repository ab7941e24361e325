"""The OpenAPI document: what FastAPI knows of the routes, and with each the problems that it may answer."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from core.api.problems import PROBLEM_JSON

TAGS = [
    {"name": "batch jobs", "description": "Batches of videos: made, filled, started, held, exported."},
    {"name": "runs", "description": "Each video by itself, with everything that can be asked of it."},
    {"name": "files", "description": "Results, media, clips and exports, each with any range of it."},
    {"name": "uploads", "description": "Files that are sent here, in pieces, gone on with where they broke off."},
    {"name": "bulk", "description": "A folder of the server as one job."},
    {"name": "jobs", "description": "The pool of workers as one session."},
    {"name": "account", "description": "Who asks, and what is left to them."},
    {"name": "health", "description": "For probes and monitoring."},
]
MEANINGS = {
    400: "It cannot be read, or names something that is not possible.",
    401: "Nobody who is known asks.",
    403: "Who asks is known, and may not do this.",
    404: "There is no such thing for whoever asks.",
    408: "The body does not come.",
    409: "It does not fit the present state, which is named.",
    410: "The time of this address is over.",
    412: "It was changed since it was looked at.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A field is not what it has to be; each is named.",
    429: "More than is granted for now; Retry-After says when to ask again.",
    503: "There is no service, and none could be started.",
    507: "The disk is full, or the storage cannot be used.",
}
_METHODS = ("get", "put", "post", "patch", "delete")


class WrongField(BaseModel):
    """One field that is not what it has to be."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong (RFC 9457): a stable code, one sentence, and what to do about it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="A stable code.", examples=["not_found"])
    status: int
    detail: str
    hint: str = ""
    errors: list[WrongField] = Field(default_factory=list)


def describe(app: FastAPI) -> None:
    """Let `app` name, with every operation, the problems it may answer."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(plain())
        return app.openapi_schema

    app.openapi_tags = TAGS
    app.openapi = described  # type: ignore[method-assign]


def operation_id(route: APIRoute) -> str:
    """What a function made from the document is called: the part of the API, and what its route is called there."""
    return f"{route.tags[0]}_{route.name}".replace(" ", "_")


def _without_null(body: dict[str, Any]) -> None:
    """A body that may be left out is left out, not null."""
    for content in body.get("content", {}).values():
        kinds = [kind for kind in content["schema"].get("anyOf", []) if kind != {"type": "null"}]
        if len(kinds) == 1:
            content["schema"] = kinds[0]


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    parts = document.setdefault("components", {})
    components = parts.setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    schema = Problem.model_json_schema(ref_template=template)
    components.update(schema.pop("$defs"))
    components["Problem"] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    content = {PROBLEM_JSON: {"schema": {"$ref": template.format(model="Problem")}}}
    parts["responses"] = {
        f"Problem{status}": {"description": said, "content": content} for status, said in MEANINGS.items()
    }
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                _without_null(operations[method].get("requestBody", {}))
                answers = operations[method].setdefault("responses", {})
                answers.pop("422", None)
                for status in _possible(path, method, operations[method]):
                    answers.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    return document


def _possible(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    names = [parameter["name"].lower() for parameter in operation.get("parameters", [])]
    if "signature" in names:
        yield 410
    elif not operation.get("security"):
        return
    yield from (400, 401, 403, 422, 429, 507)
    if any(name.endswith("_id") or name in ("id", "slot") for name in names) or "requestBody" in operation:
        yield 404
    if method != "get" or "{" in path:
        yield 409
    if method != "get":
        yield 503
    if "if-match" in names:
        yield 412
    if "application/json" in operation.get("requestBody", {}).get("content", {}):
        yield from (408, 413, 415)
