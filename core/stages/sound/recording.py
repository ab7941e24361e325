"""The sound of a media file as 16 kHz mono samples on disk, and windows of it in memory.

ffmpeg writes raw little-endian 16-bit samples into a file that survives attempts; nothing ever holds more than the
pieces of one window, so memory does not grow with the length of the talk.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import ErrorClass, StageError
from core.stages.whitelists import reading
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Limits, run_program

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Samples = NDArray[float32]

RATE = 16_000
BYTES_PER_SAMPLE = 2
NAME = "audio.pcm"
# Twelve hours of audio are 1.4 GB; a decompression bomb is stopped by the kernel well before it fills a disk.
MAX_BYTES = 13 * 3600 * RATE * BYTES_PER_SAMPLE
OPEN_FILES = 64
# Late beginnings and holes become silence, so that a time in the samples is a time in the player. ffmpeg leaves holes
# below a tenth of a second alone unless told, and many of them add up; below a hundredth it is rounding of containers.
ON_TIME = "async=1:min_hard_comp=0.01:first_pts=0"


def extract(media: Path, target: Path, *, check: Callable[[], None], log: Callable[[str], None]) -> None:
    """Write the sound of `media` to `target`, whole and on the disk, or raise.

    The sound's own offset inside the file and holes in it become silence, so that a time in the transcript is a time
    in the player. Raises `StageError`: NO_AUDIO when there is no track of sound, INPUT_LOST, NOT_MEDIA, DISK_FULL.
    """
    if not media.is_file():
        raise StageError(ErrorClass.INPUT_LOST, f"The media file {media.name} is not there any more.")
    part = target.with_name(target.name + ".part")
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", "-y"]
    argv += [*reading(media), "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1"]
    argv += ["-af", f"aresample={RATE}:{ON_TIME}", "-ac", "1", "-c:a", "pcm_s16le", "-f", "s16le"]
    argv += [f"file:{part.absolute()}"]
    ended = run_program(
        argv, check=check, on_error_line=log, limits=Limits(file_size_bytes=MAX_BYTES, open_files=OPEN_FILES)
    )
    if ended.returncode != 0:
        part.unlink(missing_ok=True)
        raise failure(ended.returncode, "\n".join(ended.tail_stderr))
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(target)


def failure(returncode: int, said: str) -> StageError:
    """What an ffmpeg that was to unpack sound and ended with `returncode` died of, by its last words."""
    if "No space left on device" in said:
        return StageError(ErrorClass.DISK_FULL, "The disk is full: the sound could not be unpacked.")
    if "matches no streams" in said or "does not contain any stream" in said:
        return StageError(ErrorClass.NO_AUDIO, "The video has no sound.")
    if returncode < 0 or "File too large" in said:
        return StageError(
            ErrorClass.LIMIT_EXCEEDED, "Unpacking the sound took more space than twelve hours of speech do."
        )
    return StageError(ErrorClass.NOT_MEDIA, "The sound of this file cannot be read.")


class Recording:
    """The samples in a file of `extract`, read piece by piece; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.samples = os.fstat(self._fd).st_size // BYTES_PER_SAMPLE

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / RATE

    def read(self, start: int, end: int) -> "Samples":
        """The samples from `start` to before `end` as floats from -1 to 1; fewer at the end of the file."""
        import numpy as np

        raw = os.pread(self._fd, (end - start) * BYTES_PER_SAMPLE, start * BYTES_PER_SAMPLE)
        return np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0

    def join(self, pieces: Sequence[tuple[int, int]]) -> "Samples":
        """Several pieces, each from a first to before a last sample, one after another."""
        import numpy as np

        return np.concatenate([self.read(start, end) for start, end in pieces])

    def sha256(self, check: Callable[[], None]) -> str:
        """The checksum of all samples."""
        digest = hashlib.sha256()
        for block in self._blocks():
            check()
            digest.update(block)
        return digest.hexdigest()

    def _blocks(self, size: int = 4 * 1024 * 1024) -> Iterator[bytes]:
        offset = 0
        while block := os.pread(self._fd, size, offset):
            yield block
            offset += len(block)
