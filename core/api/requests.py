"""What every request may bring beside its path and body: which version it is for, and a key under which it may come twice."""

from collections.abc import Callable, Hashable
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from core.api.process import current
from core.bootstrap import Manager
from core.domain.errors import BadInput
from core.domain.versions import ANY

MAX_KEY = 200
JSON = "application/json"


class Strict(BaseModel):
    """A body or an answer: no field that is not named, nothing taken for what it is not (`true` is not 1, nor "5")."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _key(
    idempotency_key: Annotated[
        str | None,
        Header(description="Any text of yours; the same request under the same key is done once.", max_length=MAX_KEY),
    ] = None,
) -> str | None:
    if idempotency_key is None:
        return None
    if not idempotency_key or not all("!" <= char <= "~" for char in idempotency_key):
        raise BadInput("An Idempotency-Key is 1 to 200 visible characters of ASCII, without spaces.")
    return idempotency_key


def _expected(
    if_match: Annotated[
        str | None, Header(description="The ETag of what you looked at; it is only changed if it still is that.")
    ] = None,
) -> tuple[str, ...] | None:
    if if_match is None:
        return None
    tags = [tag.strip() for tag in if_match.split(",")]
    # A weak tag says that something like it was seen, which is not enough for a change.
    return tuple(ANY if tag == ANY else tag.strip('"') for tag in tags if tag == ANY or tag.startswith('"'))


Key = Annotated[str | None, Depends(_key)]
Expected = Annotated[tuple[str, ...] | None, Depends(_expected)]


def answer_again(manager: Manager, what: Hashable, view: Callable[[], Any]) -> Response:
    """What `view` gives, made once for all who ask `what` while nothing changes."""
    made = current().remembered.get(manager, what, lambda: msgspec.json.encode(view()))
    return Response(made, headers={"Cache-Control": "private, no-cache"}, media_type=JSON)


def answer(content: Any, status: int = 200, *, version: str | None = None) -> Response:
    """JSON as it is, with its ETag; private, and to be asked for again each time."""
    headers = {"Cache-Control": "private, no-cache"}
    if version is not None:
        headers["ETag"] = f'"{version}"'
    return Response(msgspec.json.encode(content), status, headers, media_type=JSON)
