"""Which stretches of a recording go into which window: pure functions, and the plan that is durable before any window.

Speech is packed without its pauses into windows of at most 30 s, the length Whisper was trained on: fewer windows are
decoded, and no text is lost in pauses. `Window.real_time` is the map back.
"""

import bisect
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from core.stages.sound.recording import RATE
from core.stages.sound.voice import FRAME, speech_runs

FORMAT = 1
LIMIT = 30 * RATE  # samples in a window

BEFORE, AFTER = 9, 9  # frames kept round speech, because its soft beginnings and ends are missed
# A pause of a second is as good a place to end a window as any. What a bad place costs, in windows:
GOOD_PAUSE, BAD_CUT = 31, 0.2

Piece = tuple[int, int]


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a window is decoded: the width of the beam search, and whether its halves are decoded each alone."""

    beam: int
    halves: bool = False


# A beam of 2 costs a tenth more than none and took noisy speech from 11.4 to 9.4 % of words wrong (bench/transcription.py).
FIRST = Recipe(beam=2)
SECOND = Recipe(beam=5, halves=True)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that the text depends on beside the weights and the samples. `windows` holds pieces in samples.

    `first_unit` is the number of the first window's unit: a later plan of the same work uses numbers of its own.
    """

    format: int
    environment: dict[str, str]
    model: str
    model_sha256: str
    compute_type: str
    recipes: tuple[Recipe, ...]
    language: str | None
    samples: int
    audio_sha256: str
    windows: tuple[tuple[Piece, ...], ...]
    first_unit: int = 0

    @property
    def id(self) -> str:
        """What tells the units of this plan from those of another."""
        bare = msgspec.structs.replace(self, first_unit=0)
        return hashlib.sha256(msgspec.json.encode(bare)).hexdigest()[:16]


def seconds(pieces: Sequence[Piece]) -> float:
    """How much speech some pieces hold."""
    return sum(end - start for start, end in pieces) / RATE


def real_time(pieces: Sequence[Piece], start_s: float, end_s: float) -> tuple[float, float]:
    """Where in the recording a stretch of the joined `pieces` lies; it is kept inside the piece that holds its middle."""
    ends, total = [], 0
    for first, last in pieces:
        total += last - first
        ends.append(total)
    index = min(bisect.bisect_right(ends, (start_s + end_s) / 2 * RATE), len(pieces) - 1)
    first, last = pieces[index]
    shift = first - (ends[index] - (last - first))
    begin = min(max(start_s * RATE + shift, first), last)
    return begin / RATE, min(max(end_s * RATE + shift, begin), last) / RATE


class _Atom(NamedTuple):
    """Speech that no window divides: its samples, and how many frames of pause lie before it."""

    start: int
    end: int
    pause: int


def make_windows(probabilities: Sequence[float], samples: int) -> tuple[tuple[Piece, ...], ...]:
    """The windows of a recording of `samples` samples, from the probability of speech in each of its frames."""
    return tuple(_merge(group) for group in _pack(_atoms(probabilities, samples)))


def _atoms(probabilities: Sequence[float], samples: int) -> list[_Atom]:
    runs = speech_runs(probabilities)
    atoms: list[_Atom] = []
    begin = max(0, runs[0][0] - BEFORE) if runs else 0
    for index, (first, last) in enumerate(runs):
        pause = first - runs[index - 1][1] if index else GOOD_PAUSE
        following = runs[index + 1][0] if index + 1 < len(runs) else len(probabilities) + BEFORE
        gap = following - last
        # In a short pause the two neighbours meet and nothing is cut out; from a long one only its edges are kept.
        end = last + AFTER if gap > BEFORE + AFTER else last + gap // 2
        limit = min(end * FRAME, samples)
        atoms += _divide(begin * FRAME, limit, pause, probabilities)
        begin = following - BEFORE if gap > BEFORE + AFTER else end
    return [atom for atom in atoms if atom.end > atom.start]


def _divide(start: int, end: int, pause: int, probabilities: Sequence[float]) -> list[_Atom]:
    """An atom, or several when it is longer than a window: cut where speech is least likely."""
    atoms: list[_Atom] = []
    while end - start > LIMIT:
        low, high = (start + LIMIT // 2) // FRAME, (start + LIMIT) // FRAME - 1
        cut = min(range(low, high), key=lambda index: (sum(probabilities[index - 2 : index + 3]), -index))
        atoms.append(_Atom(start, cut * FRAME, pause))
        start, pause = cut * FRAME, 0
    return [*atoms, _Atom(start, end, pause)]


def _pack(atoms: Sequence[_Atom]) -> list[Sequence[_Atom]]:
    """Groups of atoms that fit into a window: as few as possible, ending in long pauses where that costs no more."""
    cost = [0.0] * (len(atoms) + 1)
    back = [0] * (len(atoms) + 1)
    for end in range(1, len(atoms) + 1):
        cost[end] = float("inf")
        held = 0
        for start in range(end - 1, -1, -1):
            held += atoms[start].end - atoms[start].start
            if held > LIMIT:
                break
            cut = BAD_CUT * (1 - min(atoms[start].pause, GOOD_PAUSE) / GOOD_PAUSE) if start else 0.0
            if cost[start] + 1 + cut < cost[end]:
                cost[end], back[end] = cost[start] + 1 + cut, start
    groups: list[Sequence[_Atom]] = []
    end = len(atoms)
    while end:
        groups.append(atoms[back[end] : end])
        end = back[end]
    return groups[::-1]


def _merge(atoms: Sequence[_Atom]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for atom in atoms:
        if pieces and pieces[-1][1] == atom.start:
            pieces[-1] = (pieces[-1][0], atom.end)
        else:
            pieces.append((atom.start, atom.end))
    return tuple(pieces)
