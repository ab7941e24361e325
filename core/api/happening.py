"""Something that happened to a run or batch that somebody listens to, and how it goes over the wire."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """A `line` of the journal, or else news of how far the run, or the whole batch, is.

    `run` is how far the run is that it is about, as `Views.moving` tells it; `batch` the batch, as `Views.standing` does.
    """

    line: Mapping[str, Any] | None = None
    run: Mapping[str, Any] | None = None
    batch: Mapping[str, Any] | None = None


# What listeners are told of a happening; None: nothing.
Shape = Callable[[Happening], dict[str, Any] | None]


def event(document: Mapping[str, Any], seq: int | None = None) -> bytes:
    """A message of a stream; with `seq`, a client that comes back says that it has everything up to this."""
    name = f"id: {seq}\n".encode() if seq is not None else b""
    return name + b"data: " + msgspec.json.encode(document) + b"\n\n"


def said(happening: Happening, shape: Shape) -> bytes | None:
    """The message for a happening in one shape."""
    document = shape(happening)
    if document is None:
        return None
    return event(document, happening.line["seq"] if happening.line is not None else None)
