"""What is known of the sound of one medium: how loud it is and where somebody speaks, each found out once and kept.

Both are kept as files of one folder, so that a second attempt, or another look with other settings, decides at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from core.domain.cuts import Span
from core.domain.levels import Levels
from core.stages.sound.levels import measure_levels
from core.stages.sound.recording import NAME, Recording, extract
from core.stages.sound.voice import speech_probabilities, speech_spans
from core.system import files

FORMAT = 1  # raised when levels or voices are found in another way
LEVELS, VOICES = f"levels.{FORMAT}", f"voices.{FORMAT}"
MAX_BYTES = 64 * 1024**2
Progress = Callable[[float], None]
Kept = TypeVar("Kept")


class Ear:
    """Listens to the first track of sound of `media`; what it finds is kept in `folder`.

    Its methods raise `StageError` (NO_AUDIO, INPUT_LOST, NOT_MEDIA, LIMIT_EXCEEDED, DISK_FULL), and `Stop` when
    `check` does.
    """

    def __init__(self, media: Path, folder: Path, *, check: Callable[[], None], log: Callable[[str], None]) -> None:
        self._media, self._folder, self._check, self._log = media, folder, check, log

    def levels(self, progress: Progress = lambda seconds: None) -> Levels:
        """How loud it is; `progress` is told how many seconds were heard."""
        known = kept_levels(self._folder)
        if known is None:
            known = measure_levels(self._media, check=self._check, log=self._log, progress=progress)
            files.write_durably(self._folder / LEVELS, msgspec.msgpack.encode(known))
        return known

    def voices(self, progress: Progress = lambda share: None) -> tuple[Span, ...]:
        """Where somebody speaks, in seconds; `progress` is told the share that was listened to."""
        known = kept_voices(self._folder)
        if known is None:
            known = self._listen(progress)
            files.write_durably(self._folder / VOICES, msgspec.msgpack.encode(known))
        return known

    def _listen(self, progress: Progress) -> tuple[Span, ...]:
        samples = self._folder / NAME
        extract(self._media, samples, check=self._check, log=self._log)
        recording = Recording(samples)
        try:
            threads = len(os.sched_getaffinity(0))
            return speech_spans(speech_probabilities(recording, threads, self._check, progress))
        finally:
            recording.close()
            files.remove(samples)


def kept_levels(folder: Path) -> Levels | None:
    """The levels that an `Ear` kept there, if they can be read."""
    return _kept(folder / LEVELS, Levels)


def kept_voices(folder: Path) -> tuple[Span, ...] | None:
    """The voices that an `Ear` kept there, if they can be read."""
    return _kept(folder / VOICES, tuple[Span, ...])


def _kept(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return msgspec.msgpack.decode(files.read_regular(path, MAX_BYTES), type=kind)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
