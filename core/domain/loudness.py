"""How loud a recording is from when to when, and what stands out from what is around it. Pure."""

from array import array
from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from statistics import median

from core.domain.levels import NOTHING, STEP_S, Levels, decibels

SILENT_DB = -100.0
REACH = 30  # so many neighbours on each side say what is usual at a place
STEPS = 5  # of the levels are taken together

_POWER = [10 ** (decibels(byte) / 10) if byte < NOTHING else 0.0 for byte in range(NOTHING + 1)]


class Loudness:
    """How loud a recording is, made of its levels; every look-up takes constant time, an hour about 300 kB."""

    def __init__(self, levels: Levels) -> None:
        self.duration_s = levels.duration
        self._step_s = STEPS * STEP_S
        self._before = array("d", _sums(levels.loudness))

    def between(self, start: float, end: float) -> float:
        """The level from `start` to `end` as a whole, in dB; `SILENT_DB` where nothing is to be heard."""
        last = len(self._before) - 1
        left = min(max(floor(start / self._step_s + 1e-6), 0), last)
        right = min(max(ceil(end / self._step_s - 1e-6), 0), last)
        power = (self._before[right] - self._before[left]) / (right - left) if right > left else 0.0
        return round(10 * log10(power), 2) if power > 1e-10 else SILENT_DB


def standing_out(values: Sequence[float | None], least: float) -> list[float]:
    """How far each value lies above what is usual among its neighbours, in multiples of their usual spread.

    The spread counts as `least` where it is smaller, so that small differences in an even recording stay small. What
    has no value neither stands out nor counts.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    found = [0.0] * len(values)
    for number, (place, value) in enumerate(known):
        around = [other for _, other in known[max(0, number - REACH) : number + REACH + 1]]
        usual = median(around)
        spread = 1.4826 * median([abs(other - usual) for other in around])
        found[place] = round((value - usual) / max(spread, least), 4)
    return found


def _sums(loudness: bytes) -> Iterator[float]:
    """The power from the beginning to after each few steps; the last few may be fewer."""
    total = 0.0
    yield total
    for at in range(0, len(loudness), STEPS):
        some = loudness[at : at + STEPS]
        total += sum(_POWER[byte] for byte in some) / len(some)
        yield total
