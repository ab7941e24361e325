"""Is a file a whole video or sound that we accept? Judged by content, in a child process with limits."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from core.stages import examining
from core.stages.container import recognise
from core.stages.download.facts import Facts


def probe(path: Path, *, max_media_s: float, check: Callable[[], None]) -> Facts:
    """What the media file `path` is.

    Raises `StageError` with NOT_MEDIA, TRUNCATED, LIMIT_EXCEEDED or DRM and one sentence about the file. `check` is
    polled meanwhile.
    """
    # The judgement by the first bytes needs no library and gives the plainest words.
    recognise(path)
    facts = examining.ask("core.stages.download.examine", [str(path), str(max_media_s)], check=check)
    return msgspec.convert(facts, Facts)
