"""What a highlight is, which of those found are taken, and the cut list they make. Pure.

A highlight is a passage of a recording with a score, which tells how far it stands out, and a reason in words.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Literal

import msgspec

from core.domain.cuts import CutList, Span
from core.domain.errors import Damaged
from core.domain.sentences import Text

# A clip begins a breath before the first word and ends a little after the last one, but never inside another word.
BEFORE_S, AFTER_S = 0.25, 0.4
_SAME_S = 0.0006  # times in published files are rounded to milliseconds

Source = Literal["llm", "extractive", "sound"]
Status = Literal["verified", "repaired", "measured"]


class Highlight(msgspec.Struct, frozen=True, kw_only=True):
    """One highlight as `highlights.json` holds it; times in seconds, `score` from 0 to 1.

    `status` tells how it was checked: its words stand in the transcript (`verified`), do so once corrected
    (`repaired`), or there are none, only its sound (`measured`).
    """

    highlight_id: str
    start: float
    end: float
    text: str
    segment_ids: tuple[int, ...]
    score: float
    reason: str
    keywords: tuple[str, ...] = ()
    status: Status
    source: Source


class Highlights(msgspec.Struct, frozen=True, kw_only=True):
    """`highlights.json`: the highlights in the order of the recording, and what a reel of them keeps of it."""

    highlights: tuple[Highlight, ...]
    rejected: int = 0
    sensitivity: str = "medium"
    note: str = ""
    transcript_sha256: str | None = None
    cuts: CutList


class Sensitivity(msgspec.Struct, frozen=True):
    """What is taken: from which score, at most which share of the recording, and at most how many."""

    score: float
    share: float
    most: int


SENSITIVITIES = {
    "low": Sensitivity(0.75, 0.06, 6),
    "medium": Sensitivity(0.62, 0.12, 12),
    "high": Sensitivity(0.48, 0.25, 30),
    "max": Sensitivity(0.35, 0.50, 80),
}


def highlight_id(content: str, start: float, end: float) -> str:
    """The name of the span of what has this content (a checksum): the same for the same span, another for any other."""
    return "h_" + hashlib.sha256(f"{content}:{start:.3f}:{end:.3f}".encode()).hexdigest()[:20]


def taken(found: Iterable[Highlight], sensitivity: str, duration: float) -> list[Highlight]:
    """Those of `found` that are highlights at this sensitivity, in the order of the recording.

    What a lower sensitivity takes, a higher one takes too; the best is taken always, also when little stands out.
    """
    limit = SENSITIVITIES[sensitivity]
    kept: list[Highlight] = []
    length = 0.0
    for one in sorted(found, key=lambda one: (-one.score, one.start, one.end)):
        if any(one.start < other.end and other.start < one.end for other in kept):
            continue
        length += one.end - one.start
        if kept and (one.score < limit.score or length > limit.share * duration or len(kept) == limit.most):
            break
        kept.append(one)
    return sorted(kept, key=lambda one: (one.start, one.end))


def clip_span(start: float, end: float, duration: float, text: Text | None = None) -> Span:
    """What a clip of `start` to `end` shows: with a margin, which ends half way to a word of `text` beside it."""
    left, right = start - BEFORE_S, end + AFTER_S
    if text is not None:
        before = bisect_right(text.words, start + _SAME_S, key=lambda word: word.end)
        if before > 0:
            left = max(left, min(start, (text.words[before - 1].end + start) / 2))
        after = bisect_left(text.words, end - _SAME_S, key=lambda word: word.start)
        if after < len(text.words):
            right = min(right, max(end, (text.words[after].start + end) / 2))
    return Span(round(max(0.0, left), 3), round(min(max(duration, end), right), 3))


def cut_list(highlights: Iterable[Highlight], duration: float, text: Text | None = None) -> CutList:
    """What a reel of the highlights keeps of the recording."""
    return CutList.keeping(duration, (clip_span(one.start, one.end, duration, text) for one in highlights))


def read_highlights(content: bytes) -> Highlights:
    """The highlights in the bytes of a `highlights.json`. Raises `Damaged` when it has another shape."""
    try:
        return msgspec.json.decode(content, type=Highlights)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"The highlights cannot be read: {error}.") from None
