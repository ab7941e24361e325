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


class Questions(Strict):
    """What stands behind the `?` of an address: no other word, and numbers as an address has them, in letters."""

    model_config = ConfigDict(strict=False)


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


def answer_again(manager: Manager, what: Hashable, view: Callable[[], Any], *, version: str | None = None) -> Response:
    """What `view` gives, made once for all who ask `what` while nothing changes; `version` was found before."""
    made = current().remembered.get(manager, what, lambda: msgspec.json.encode(view()))
    return Response(made, headers=_headers(version), media_type=JSON)


def answer(content: Any, status: int = 200, *, version: str | None = None) -> Response:
    """JSON as it is, with its ETag; private, and to be asked for again each time."""
    return Response(msgspec.json.encode(content), status, _headers(version), media_type=JSON)


def _headers(version: str | None) -> dict[str, str]:
    return {"Cache-Control": "private, no-cache"} | ({"ETag": f'"{version}"'} if version is not None else {})
