"""Cut lists: which spans of a medium are kept, and where a moment of it stands once the rest is gone. Pure.

Analysis makes a cut list, rendering consumes it; all times are seconds from the beginning of the medium.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import accumulate

import msgspec

DIGITS = 6  # cut lists are kept in whole microseconds, so that they read the same wherever they are written down
_NEAR = 0.01  # of a frame: as near as that to a border of frames is on it


class Span(msgspec.Struct, frozen=True, order=True):
    """What lies between two moments, in seconds; `end` itself does not belong to it."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """How long it is, in seconds; never negative."""
        return max(0.0, self.end - self.start)


class CutList(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a medium of `duration` seconds: spans in order that neither overlap, touch nor leave it.

    Make one with `keeping`, `removing` or `whole`, which bring any spans into that form.
    """

    duration: float
    kept: tuple[Span, ...]

    @classmethod
    def keeping(cls, duration: float, spans: Iterable[Span]) -> "CutList":
        """Keep `spans` and nothing else: cut to the medium, sorted, joined where they overlap; what is no time is left out."""
        length = round(duration, DIGITS) if math.isfinite(duration) and duration > 0 else 0.0
        return cls(duration=length, kept=tuple(joined(spans, length)))

    @classmethod
    def removing(cls, duration: float, spans: Iterable[Span]) -> "CutList":
        """Keep everything but `spans`, which may overlap, be in any order and reach beyond the medium."""
        away = cls.keeping(duration, spans)
        return cls(duration=away.duration, kept=away.removed)

    @classmethod
    def whole(cls, duration: float) -> "CutList":
        """Keep everything."""
        return cls.removing(duration, ())

    @property
    def removed(self) -> tuple[Span, ...]:
        """The spans between those that are kept."""
        borders = [0.0, *(at for span in self.kept for at in (span.start, span.end)), self.duration]
        return tuple(Span(left, right) for left, right in zip(borders[::2], borders[1::2], strict=True) if right > left)

    @property
    def kept_s(self) -> float:
        """How long the medium is once it is cut."""
        return round(math.fsum(span.length for span in self.kept), DIGITS)

    @property
    def removed_s(self) -> float:
        """How much is cut away."""
        return round(self.duration - self.kept_s, DIGITS)

    def snapped(self, fps: Fraction | float, origin: float = 0.0) -> "CutList":
        """The same cuts on borders of frames: what is kept grows by less than a frame at each end, never shrinks.

        A frame begins at every `origin + n / fps` seconds. The end of the medium counts as a border.
        """

        def grown() -> Iterator[Span]:
            for span in self.kept:
                first = math.floor((span.start - origin) * fps + _NEAR)
                last = math.ceil((span.end - origin) * fps - _NEAR)
                yield Span(float(origin + first / fps), float(origin + max(last, first + 1) / fps))

        return CutList.keeping(self.duration, grown())

    def timeline(self) -> "Timeline":
        """Where moments of the medium stand once it is cut."""
        return Timeline(self)


class Timeline:
    """The way between times of a medium and times of what is left of it; each look-up takes logarithmic time."""

    def __init__(self, cuts: CutList) -> None:
        self._kept = cuts.kept
        self._starts = [span.start for span in cuts.kept]
        self._before = [0.0, *accumulate(span.length for span in cuts.kept)]

    def cut(self, at: float) -> float:
        """The moment `at` of the medium on the cut timeline; one that was cut away stands at the join."""
        number = bisect_right(self._starts, at) - 1
        if number < 0:
            return 0.0
        span = self._kept[number]
        return round(self._before[number] + min(at, span.end) - span.start, DIGITS)

    def source(self, at: float) -> float:
        """The moment of the medium that is seen at `at` of the cut timeline; at a join, that which comes after it."""
        if not self._kept:
            return 0.0
        number = min(max(bisect_right(self._before, at) - 1, 0), len(self._kept) - 1)
        span = self._kept[number]
        return round(min(max(span.start + at - self._before[number], span.start), span.end), DIGITS)

    def holds(self, at: float) -> bool:
        """Whether the moment `at` of the medium is kept."""
        number = bisect_right(self._starts, at) - 1
        return number >= 0 and at < self._kept[number].end

    def span(self, wanted: Span) -> Span | None:
        """What is left of a span, on the cut timeline; None if nothing is."""
        found = Span(self.cut(wanted.start), self.cut(wanted.end))
        return found if found.end > found.start else None

    def __len__(self) -> int:
        """How many pieces the cut timeline is made of."""
        return len(self._kept)


def joined(spans: Iterable[Span], duration: float = math.inf, gap: float = 0.0) -> Iterator[Span]:
    """`spans` cut to `[0, duration]`, in order, those at most `gap` seconds apart made one; empty and senseless ones left out."""
    clipped = (Span(_within(span.start, duration), _within(span.end, duration)) for span in spans)
    current: Span | None = None
    for span in sorted(span for span in clipped if span.end > span.start):
        if current is not None and span.start - current.end <= gap:
            current = Span(current.start, max(current.end, span.end))
            continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


def _within(at: float, duration: float) -> float:
    return at if math.isnan(at) else round(min(max(at, 0.0), duration), DIGITS)
