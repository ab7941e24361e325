"""Which frames of a medium go into which group: pure, so that every attempt finds the same groups.

Cuts fall between frames of the output's rate, counted from the beginning of the medium. A group is at most 50 pieces and
two minutes of output: small enough to be made again, large enough for the encoder. It is drawn in strands that can be drawn
at once, as many as the picture's size allows and never the machine. Every length is counted in whole frames and the
sound follows them, so nothing adds up however many cuts there are.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction

import msgspec

from core.domain.cuts import CutList, Span
from core.stages.rendering.media import Media
from core.stages.rendering.spec import Spec, has_picture, rate_for, size_for

FORMAT = 5  # raised when the same plan must give another result
GROUP_PIECES = 50
GROUP_S = 60
# A strand shorter than this spends its time on finding its first picture; one longer makes its group too much to lose.
STRAND_S, SHORTEST_STRAND_S = 30, 8
# Encoders beside each other need memory each: four of them for pictures up to this, else two.
STRANDS, FEWER_STRANDS, FEW_PIXELS = 4, 2, 1280 * 720
# Over more than this the encoder's input is not read through but begun anew.
LEAP_S = 20
# Sound alone is cut in hundredths of a second.
SOUND_RATE = Fraction(100)

Piece = tuple[int, int]  # from a first to before a last frame of the medium


class Strand(msgspec.Struct, frozen=True):
    """Some pieces of the medium, in order, that one encoder makes into one file."""

    pieces: tuple[Piece, ...]

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return sum(end - start for start, end in self.pieces)


class Group(msgspec.Struct, frozen=True):
    """What is made as one unit: strands, in order; `cuts` is how many kept spans end in it."""

    number: int
    strands: tuple[Strand, ...]
    cuts: int

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces of all strands."""
        return tuple(piece for strand in self.strands for piece in strand.pieces)

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return sum(strand.frames for strand in self.strands)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made of one medium: the frames kept, at `rate`, and the groups they are made in (none: sound alone)."""

    id: str
    rate: Fraction
    kept: tuple[Piece, ...]
    cuts: CutList
    groups: tuple[Group, ...]

    @property
    def frames(self) -> int:
        """How many frames the output has."""
        return sum(end - start for start, end in self.kept)

    @property
    def seconds(self) -> float:
        """How long the output is."""
        return float(self.frames / self.rate)


def make_plan(media: Media, kept: Iterable[Span], spec: Spec) -> Plan:
    """The plan for `kept` of `media`; spans are brought into order and grow to whole frames.

    Raises `ValueError` when nothing is kept.
    """
    picture = has_picture(media, spec)
    rate = rate_for(media.picture, spec) if picture else SOUND_RATE
    cuts = CutList.keeping(media.duration, kept).snapped(rate)
    frames = tuple(dict.fromkeys(_frames(cuts, rate)))
    if not frames:
        raise ValueError("nothing is kept")
    facts = msgspec.structs.replace(media, path="")
    groups = tuple(_groups(frames, rate, _most_strands(media, spec))) if picture else ()
    named = msgspec.json.encode(
        [FORMAT, facts, frames, spec, [[strand.pieces for strand in one.strands] for one in groups]]
    )
    spans = tuple(Span(float(start / rate), float(end / rate)) for start, end in frames)
    return Plan(
        id=hashlib.sha256(named).hexdigest()[:16],
        rate=rate,
        kept=frames,
        cuts=CutList(duration=max(media.duration, spans[-1].end), kept=spans),
        groups=groups,
    )


def _frames(cuts: CutList, rate: Fraction) -> Iterator[Piece]:
    """Each span as frames: at least one, none twice."""
    last = 0
    for span in cuts.kept:
        start = max(last, round(span.start * rate))
        end = max(start + 1, round(span.end * rate))
        last = end
        yield start, end


def _most_strands(media: Media, spec: Spec) -> int:
    """In how many strands a group is drawn at most; VP9 is coded in threads of its own."""
    if spec.video == "vp9":
        return 1
    picture = media.picture
    sizes = (
        [(spec.width, spec.height)] if picture is None else [size_for(picture, spec), (picture.width, picture.height)]
    )
    return STRANDS if max(width * height for width, height in sizes) <= FEW_PIXELS else FEWER_STRANDS


def _groups(frames: Iterable[Piece], rate: Fraction, most_strands: int) -> Iterator[Group]:
    longest, leap = round(rate * max(GROUP_S, STRAND_S * most_strands)), round(rate * LEAP_S)
    shortest = round(rate * SHORTEST_STRAND_S)
    pieces: list[Piece] = []
    cuts = length = number = 0
    for start, end, ends_span in _pieces(frames, longest):
        full = len(pieces) >= GROUP_PIECES or length + end - start > longest
        if pieces and (full or start - pieces[-1][1] > leap):
            yield Group(number, _strands(pieces, min(most_strands, length // shortest)), cuts)
            pieces, cuts, length, number = [], 0, 0, number + 1
        pieces.append((start, end))
        cuts += ends_span
        length += end - start
    yield Group(number, _strands(pieces, min(most_strands, length // shortest)), cuts)


def _strands(pieces: Iterable[Piece], count: int) -> tuple[Strand, ...]:
    """`pieces` in `count` strands of as many frames, or one strand; where it has to be a piece is divided."""
    left = list(pieces)
    strands: list[Strand] = []
    for remaining in range(count, 1, -1):
        wanted = sum(end - start for start, end in left) // remaining
        own: list[Piece] = []
        while wanted > 0:
            start, end = left.pop(0)
            middle = min(end, start + wanted)
            own.append((start, middle))
            wanted -= middle - start
            if middle < end:
                left.insert(0, (middle, end))
        strands.append(Strand(tuple(own)))
    return (*strands, Strand(tuple(left)))


def _pieces(frames: Iterable[Piece], longest: int) -> Iterator[tuple[int, int, bool]]:
    """`frames`, those longer than a group cut into equal parts; and whether a part is the last of its span."""
    for start, end in frames:
        parts = -(-(end - start) // longest)
        borders = [start + (end - start) * part // parts for part in range(parts + 1)]
        for part, (left, right) in enumerate(itertools.pairwise(borders), 1):
            yield left, right, part == parts
