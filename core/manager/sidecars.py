"""Which transcript belongs to which medium: one that was given with it, or lies beside it under the same name."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from core.domain.captions import FORMATS, read_captions
from core.domain.errors import BadInput
from core.domain.run import Transcript
from core.stages.download.source import absolute_file
from core.stages.transcribe.imported import MAX_BYTES, language_of
from core.system import files


class Sidecars:
    """The transcripts for the sources of one batch.

    `given` are files named for it: each goes to the medium of the same name, or to the only one there is (`alone`). With
    `beside`, what lies beside a medium under its name counts too; `language` chooses among `talk.en.srt` and `talk.de.srt`.
    """

    def __init__(self, given: Sequence[str], *, alone: bool, beside: bool, language: str) -> None:
        self._left = {Path(text).expanduser().absolute(): text for text in given}
        self._alone, self._beside, self._language = alone and len(given) == 1, beside, language

    def of(self, name: str) -> Transcript | None:
        """The transcript of the medium at the path, or address, `name`.

        Raises `BadInput` (code `transcript`) when one that was given cannot be used; what only lies beside it is then
        left alone.
        """
        medium = Path(name)
        mine = [path for path in self._left if self._alone or belongs(path.name, medium.name)]
        if mine:
            path = min(mine, key=self._rank)
            for one in mine:
                del self._left[one]
            return taken(path)
        if not self._beside or not medium.is_absolute():
            return None
        for path in sorted(self._siblings(medium), key=self._rank):
            try:
                return taken(path)
            except BadInput:
                continue
        return None

    def unused(self) -> list[str]:
        """What was given and belongs to no medium."""
        return list(self._left.values())

    def _siblings(self, medium: Path) -> list[Path]:
        try:
            return [path for path in medium.parent.iterdir() if path != medium and belongs(path.name, medium.name)]
        except OSError:
            return []  # what is wrong with the folder is said of the medium

    def _rank(self, path: Path) -> tuple[bool, int, str]:
        """The wanted language first, then names without one, then the format that says most."""
        language = language_of(path)
        other = language is not None if self._language == "auto" else language not in (None, self._language)
        return other, (".json", ".vtt", ".srt").index(path.suffix.lower()), path.name


def belongs(transcript: str, medium: str) -> bool:
    """Whether the one file is named after the other: `talk.srt`, `talk.en.vtt`, `talk.mp4.json` after `talk.mp4`."""
    path = Path(transcript)
    if path.suffix.lower() not in FORMATS:
        return False
    stem = path.stem
    bare = Path(stem).stem if language_of(path) is not None else stem
    return medium in (stem, bare) or Path(medium).stem in (stem, bare)


def taken(path: Path) -> Transcript:
    """The transcript in the file `path`, read once to see that it is one. Raises `BadInput` (code `transcript`)."""
    absolute_file(str(path), "transcript")
    if path.suffix.lower() not in FORMATS:
        raise BadInput(f"{path.name} is no transcript.", hint=f"Give one of {', '.join(FORMATS)}.", code="transcript")
    try:
        data = files.read_regular(path, MAX_BYTES)
        read_captions(data, path.suffix.lower())
    except OSError as error:
        raise BadInput(f"The transcript {path.name} cannot be read: {error.strerror}.", code="transcript") from error
    except BadInput as error:
        raise BadInput(f"{path.name}: {error.message}", hint=error.hint, code="transcript") from None
    return Transcript(path=str(path), sha256=hashlib.sha256(data).hexdigest())
