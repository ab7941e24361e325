"""Requests that may come twice: a key that their sender chose, kept with the record that they changed.

What is kept is a stamp, the key together with a digest of what was said under it: a key that comes again with other words
is a mistake of its sender, and nothing is done.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from core.domain.errors import NotUsable

REMEMBERED = 20
_BETWEEN = " "  # in no key


def stamp(key: str, command: str, said: Any) -> str:
    """`key` with a digest of `command` and what was `said` with it."""
    digest = hashlib.sha256(msgspec.json.encode([command, said], order="sorted")).hexdigest()
    return f"{key}{_BETWEEN}{digest[:24]}"


def is_repeated(stamped: str, known: Collection[str]) -> bool:
    """Whether just this was asked for before; raises `NotUsable` when the key was used for something else."""
    if stamped in known:
        return True
    key = stamped.partition(_BETWEEN)[0] + _BETWEEN
    if any(other.startswith(key) for other in known):
        raise NotUsable(
            "This Idempotency-Key was used for another request.",
            hint="Choose a new key for each thing that is asked for.",
            code="key_reused",
        )
    return False


def remembered(stamped: str | None, known: Sequence[str]) -> list[str]:
    """`known` with what was just asked for, the oldest forgotten."""
    return [*known, stamped][-REMEMBERED:] if stamped else list(known)
