"""Which clip is meant, and how far it is."""

from pathlib import Path
from typing import Literal

import msgspec

from core.domain import names
from core.domain.clips import Clip
from core.domain.errors import RepriseError
from core.store.artifacts import Receipt


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One clip of one run: what it shows, the key it is kept under, the video it is cut from, and its name for people."""

    run_id: str
    clip: Clip
    key: str
    media: Path
    source: Receipt
    stem: str

    @property
    def suffix(self) -> str:
        """How its file ends: sound alone is no video."""
        return ".mp4" if self.source.facts.get("has_video", True) else ".m4a"

    @property
    def saved_name(self) -> str:
        """The name it is saved under."""
        return names.file_name(self.stem, self.suffix)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How far a clip is that was asked for: being made (`share` of it is), ready at `path`, or why it cannot be made.

    `waits` says what one that is being made is held by, since everything is paused.
    """

    status: Literal["making", "ready", "failed"]
    share: float = 0.0
    waits: str = ""
    path: Path | None = None
    error: RepriseError | None = None
