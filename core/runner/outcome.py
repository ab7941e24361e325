"""How an attempt ended, as values: what a worker tells the service."""

from typing import Any

import msgspec

from core.domain.errors import ErrorClass
from core.domain.run import Work
from core.stages.stage import Entry


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to make: which stage of which run, under which epoch."""

    attempt_id: str
    run_id: str
    stage: str
    epoch: int


class Committed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The stage is published under `key`; `reused` when it was there already."""

    key: str
    reused: bool = False
    work: Work | None = None
    title: str = ""
    duration_s: float | None = None
    units: int = 0


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The stage failed for a reason of a known class."""

    error_class: ErrorClass
    message: str
    hint: str
    retry_after_s: float | None = None
    units: int = 0


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The attempt ended at a unit boundary because it was asked to."""

    units: int = 0


class Shared(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another run is making exactly this; wait for it."""

    key: str


class Playlist(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The source is a playlist of these videos."""

    title: str
    entries: tuple[Entry, ...]
    total: int | None = None


class InputDamaged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The artifact of an earlier stage is missing or no longer what was published."""

    stage: str


class Stale(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The attempt is not the run's open one any more; nothing was done."""


Outcome = Committed | Failed | Ended | Shared | Playlist | InputDamaged | Stale


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One line from a worker to the service."""

    attempt_id: str
    outcome: Outcome


def encode_line(message: Any) -> bytes:
    """`message` as one JSON line."""
    return msgspec.json.encode(message) + b"\n"
