"""How loud a medium is: decoded once by ffmpeg, every channel at its own rate, and never held in memory as a whole."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import ErrorClass, StageError
from core.domain.levels import NOTHING, PER_DB, STEP_S, Levels
from core.stages.sound.recording import ON_TIME, OPEN_FILES, failure
from core.stages.whitelists import reading
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Limits, run_program

if TYPE_CHECKING:
    from numpy import float32, int16
    from numpy.typing import NDArray

MAX_S = 13 * 3600.0
PER_S = round(1 / STEP_S)
BLOCK_S = 4  # so much is looked at at once
EVERY = 4  # of the samples whose power is averaged
# Each step needs a few samples, and a block of steps has to fit into memory.
LEAST_RATE, MOST_RATE = PER_S * EVERY, 768_000
HEADER_BYTES = 4096
FULL = 32768.0


def measure_levels(
    media: Path,
    *,
    check: Callable[[], None],
    log: Callable[[str], None],
    progress: Callable[[float], None] = lambda seconds: None,
) -> Levels:
    """Peak and loudness of the first track of sound of `media`; time 0 is where the medium begins.

    `progress` is told how many seconds were heard. Raises `StageError`: NO_AUDIO, INPUT_LOST, NOT_MEDIA, LIMIT_EXCEEDED.
    """
    if not media.is_file():
        raise StageError(ErrorClass.INPUT_LOST, f"The media file {media.name} is not there any more.")
    meter = Meter(progress)
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", "-vn", *reading(media), "-map", "0:a:0"]
    # Large pieces, since every piece is a write and a wake-up of its own.
    argv += ["-sn", "-dn", "-map_metadata", "-1", "-af", f"aresample={ON_TIME},asetnsamples=n=16384:p=0"]
    argv += ["-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]
    ended = run_program(argv, check=check, on_data=meter.feed, on_error_line=log, limits=Limits(open_files=OPEN_FILES))
    if ended.returncode != 0:
        raise failure(ended.returncode, "\n".join(ended.tail_stderr))
    return meter.levels()


class Meter:
    """Makes levels of a WAV stream that comes in pieces of any size."""

    def __init__(self, progress: Callable[[float], None] = lambda seconds: None) -> None:
        self._progress = progress
        self._held = bytearray()
        self._rate = self._channels = 0
        self._steps = 0
        self._peaks, self._loudness = bytearray(), bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self._held += data
        if not self._rate and not self._read_header():
            return
        while len(self._held) >= (size := self._at(self._steps + BLOCK_S * PER_S) - self._at(self._steps)):
            self._take(size, BLOCK_S * PER_S)
        if self._steps > MAX_S * PER_S:
            raise StageError(ErrorClass.LIMIT_EXCEEDED, f"The sound is longer than {MAX_S / 3600:g} hours.")

    def levels(self) -> Levels:
        """What was measured, once everything was fed; a last step that is not whole counts as one."""
        frame = 2 * self._channels
        while self._rate and len(self._held) >= frame:
            self._take(min(self._at(self._steps + 1) - self._at(self._steps), len(self._held) // frame * frame), 1)
        return Levels(peaks=bytes(self._peaks), loudness=bytes(self._loudness))

    def _at(self, step: int) -> int:
        """How many bytes come before a step."""
        return step * self._rate // PER_S * 2 * self._channels

    def _read_header(self) -> bool:
        """Learn rate and channels; False while the samples have not begun."""
        begin = self._held.find(b"data")
        form = self._held.find(b"fmt ")
        if begin < 0 or form < 0 or len(self._held) < begin + 8:
            if len(self._held) > HEADER_BYTES:
                raise StageError(ErrorClass.TOOLING, "ffmpeg gave no sound that can be read.")
            return False
        self._channels, self._rate = struct.unpack_from("<HI", self._held, form + 10)
        if not LEAST_RATE <= self._rate <= MOST_RATE:
            raise StageError(ErrorClass.NOT_MEDIA, f"Its sound has {self._rate} samples a second, which none has.")
        del self._held[: begin + 8]
        return True

    def _take(self, size: int, steps: int) -> None:
        import numpy as np

        with memoryview(self._held)[:size] as view:
            samples = np.frombuffer(view, "<i2").copy()
        del self._held[:size]
        borders = [(self._at(self._steps + n) - self._at(self._steps)) // 2 for n in range(steps)]
        each = len(samples) // steps
        if all(border == n * each for n, border in enumerate(borders)) and each * steps == len(samples):
            table = samples.reshape(steps, each)
            peaks = np.maximum(table.max(1), -(table.min(1).astype(np.int32)))
        else:
            peaks = np.maximum(
                np.maximum.reduceat(samples, borders), -np.minimum.reduceat(samples, borders).astype(np.int32)
            )
        self._peaks += _bytes(peaks.astype(np.float32) / np.float32(FULL))
        self._loudness += _bytes(_power(samples, self._channels, steps))
        self._steps += steps
        self._progress(self._steps * STEP_S)


def _power(samples: "NDArray[int16]", channels: int, steps: int) -> "NDArray[float32]":
    """The root of the mean power of each of `steps` stretches of about the same length, of the loudest channel."""
    import numpy as np

    some = samples.reshape(-1, channels)[::EVERY].astype(np.float32) / np.float32(FULL)
    borders = np.arange(steps) * len(some) // steps
    sums = np.add.reduceat(some * some, borders, axis=0)
    lengths = np.maximum(np.diff(np.append(borders, len(some))), 1)
    return np.asarray(np.sqrt(sums.max(1) / lengths), np.float32)


def _bytes(shares: "NDArray[float32]") -> bytes:
    """Shares of full scale as bytes of half decibels."""
    import numpy as np

    with np.errstate(divide="ignore"):
        below = -20 * PER_DB * np.log10(shares)
    return bytes(np.clip(np.rint(below), 0, NOTHING).astype(np.uint8))
