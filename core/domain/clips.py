"""Which clip is meant: of a highlight, of a quote, of any stretch of a recording, or a reel of all highlights. Pure."""

import re
from collections.abc import Sequence

import msgspec

from core.domain.cuts import CutList, Span
from core.domain.errors import BadInput, NotFound
from core.domain.highlights import Highlights, clip_span
from core.domain.quotes import Quote
from core.domain.sentences import Text

REEL = "reel"
MOST_S = 30 * 60.0  # a longer one is no clip; the export renders whole videos
LEAST_S = 0.1

_NUMBER = re.compile(r"([hq]?)(\d{1,4})", re.IGNORECASE | re.ASCII)
_ID = re.compile(r"[hq]_[0-9a-f]{20}")
_TIME = r"(?:(?:\d{1,2}:)?\d{1,3}:)?\d{1,6}(?:\.\d{1,3})?"
_SPAN = re.compile(f"({_TIME})-({_TIME})", re.ASCII)


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """What a clip shows of a recording, and what it is called: `highlight 3`, `quote 2`, `reel`, `clip 1.05-1.20`."""

    name: str
    kept: CutList

    @property
    def seconds(self) -> float:
        """How long it is, before it grows to whole frames."""
        return self.kept.kept_s


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a recording of `duration` seconds: what was found in it, None where that is not made."""

    duration: float
    highlights: Highlights | None = None
    quotes: tuple[Quote, ...] | None = None
    text: Text | None = None


def clip_of(wanted: str, recorded: Recorded) -> Clip:
    """The clip that `wanted` means: `3` or `h3` the third highlight, `q2` the second quote, an id of either, `reel`, or
    a stretch like `65-80.5` or `1:05-1:20`.

    Raises `NotFound` when there is no such highlight or quote, `BadInput` for what means nothing or is too long.
    """
    wanted = wanted.strip()
    if wanted.lower() == REEL:
        found = recorded.highlights
        if found is None or not found.cuts.kept:
            raise NotFound("There are no highlights to make a reel of.", hint=_MAKE)
        return Clip(name=REEL, kept=_bounded(found.cuts))
    if (span := _SPAN.fullmatch(wanted)) is not None:
        return _stretch(seconds_of(span[1]), seconds_of(span[2]), recorded.duration)
    if (number := _NUMBER.fullmatch(wanted)) is not None:
        kind, place = number[1].lower() or "h", int(number[2])
    elif _ID.fullmatch(wanted):
        kind, place = wanted[0], _place(wanted, recorded)
    else:
        raise BadInput(
            f"“{wanted[:40]}” is no clip.",
            hint="Give the number of a highlight (3), of a quote (q2), a stretch (1:05-1:20), or reel.",
        )
    what = "highlight" if kind == "h" else "quote"
    there = _listed(kind, recorded)
    if not 1 <= place <= len(there):
        raise NotFound(
            f"There is no {what} {place or wanted}; there are {len(there)}.", hint=_MAKE if kind == "h" else None
        )
    start, end = there[place - 1]
    span_ = clip_span(start, end, recorded.duration, recorded.text)
    return Clip(name=f"{what} {place}", kept=_bounded(CutList.keeping(recorded.duration, [span_])))


def seconds_of(text: str) -> float:
    """A time of a player (`80`, `1:20.5`, `1:01:20`) in seconds."""
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return total


_MAKE = "./reprise retry RUN --set detect_highlights=true finds highlights."


def _listed(kind: str, recorded: Recorded) -> Sequence[tuple[float, float]]:
    if kind == "h":
        found = recorded.highlights.highlights if recorded.highlights is not None else ()
        return [(one.start, one.end) for one in found]
    return [(quote.start, quote.end) for quote in recorded.quotes or ()]


def _place(id_: str, recorded: Recorded) -> int:
    """The number of the highlight or quote with this id, 0 when there is none."""
    if id_.startswith("h"):
        ids = [one.highlight_id for one in recorded.highlights.highlights] if recorded.highlights is not None else []
    else:
        ids = [quote.quote_id for quote in recorded.quotes or ()]
    return ids.index(id_) + 1 if id_ in ids else 0


def _stretch(start: float, end: float, duration: float) -> Clip:
    kept = CutList.keeping(duration, [Span(start, end)])
    if kept.kept_s < LEAST_S:
        raise BadInput(
            f"Nothing of the recording lies between {start:g} and {end:g} seconds; it lasts {duration:.1f} seconds.",
            hint="Give a beginning and a later end, like 1:05-1:20.",
        )
    return Clip(name=f"clip {_said(start)}-{_said(end)}", kept=_bounded(kept))


def _bounded(kept: CutList) -> CutList:
    if kept.kept_s > MOST_S:
        raise BadInput(
            f"A clip has at most {MOST_S / 60:.0f} minutes; this would have {kept.kept_s / 60:.0f}.",
            hint="Ask for less; ./reprise retry RUN --set export=true renders the whole video.",
        )
    return kept


def _said(seconds: float) -> str:
    """A time in a file's name: `1.05` is a minute and five seconds."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}.{minutes:02d}.{whole % 60:02d}" if hours else f"{minutes}.{whole % 60:02d}"
