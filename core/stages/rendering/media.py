"""What a media file is, as one who renders it must know: sizes as seen, rates, and when each stream begins.

All times are seconds from the beginning of the file, where its first stream begins; that is the time line of
transcripts and cut lists too.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages import examining
from core.stages.container import recognise


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """The first video stream. `width` and `height` are as seen: after rotation, with square pixels.

    `fps` is the rate its frames have (of a stream that `varies`: the commonest distance), as `30000/1001`.
    """

    index: int
    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int  # degrees: 0, 90, 180 or 270
    sar: str
    fps: str
    varies: bool
    frames: int
    start: float
    last: float  # when its last frame begins
    end: float
    interlaced: bool
    timescale: int
    transfer: int  # how light is coded, by ITU-T H.273: 16 and 18 are HDR
    config: str  # a checksum of what its decoder has to know before the first frame
    hidden: int = 0  # frames that are there but never shown (an edit list)

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps)


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """The first audio stream."""

    index: int
    codec: str
    profile: str
    channels: int
    layout: str
    sample_rate: int
    start: float
    end: float
    timescale: int
    config: str


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """The file `path` as it is; `start` is the time its container gives to the moment that we call 0."""

    path: str
    container: str
    demuxer: str
    duration: float
    start: float
    picture: Picture | None = None
    sound: Sound | None = None


def look(path: Path, check: Callable[[], None]) -> Media:
    """What the media file `path` is, judged by its content in a child process with limits; reads it to its end.

    Raises `StageError`: NOT_MEDIA, LIMIT_EXCEEDED, INPUT_LOST. `check` is polled meanwhile.
    """
    if not path.is_file():
        raise StageError(ErrorClass.INPUT_LOST, f"The media file {path.name} is not there any more.")
    recognise(path)
    facts = examining.ask("core.stages.rendering.looking", [str(path.absolute())], check=check)
    return msgspec.convert(facts, Media)
