"""How loud a medium is, moment by moment: one byte a step, so that two hours are 360 kB. Pure."""

from itertools import pairwise

import msgspec

STEP_S = 0.02
NOTHING = 255  # the byte of a step in which there is nothing to hear at all
PER_DB = 2


class Levels(msgspec.Struct, frozen=True, kw_only=True):
    """Peak and loudness of every step of 20 ms; a byte is how many half decibels it lies below full scale.

    `peaks` is the loudest sample of any channel, as `silencedetect` of ffmpeg judges; `loudness` the mean power of
    about every fourth sample. Both are as long as the sound from the beginning of the medium on.
    """

    peaks: bytes
    loudness: bytes

    @property
    def duration(self) -> float:
        """How long the sound is, in seconds."""
        return round(len(self.peaks) * STEP_S, 6)


def decibels(byte: int) -> float:
    """What a byte stands for, in dB; `NOTHING` is -127.5."""
    return -byte / PER_DB


def byte_of(db: float) -> int:
    """The byte that stands for so many dB."""
    return min(NOTHING, max(0, round(-db * PER_DB)))


def coarse(levels: bytes, columns: int) -> list[float]:
    """At most so many columns of a picture of `levels`: the loudest of each stretch, in dB."""
    count = min(columns, len(levels))
    borders = [len(levels) * at // count for at in range(count + 1)] if count else []
    return [decibels(min(levels[first:last])) for first, last in pairwise(borders)]
