"""What the files of an export are called: `001_name.mp4` or another pattern, safe everywhere and never twice."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.domain import names
from core.domain.errors import BadInput
from core.domain.exports import ExportOptions

FIELDS = ("number", "title", "id", "original", "batch", "date")
_FIELD = re.compile(r"\{([^{}]*)\}")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a video that a name can be made of; `suffixes` are those of all its files (`.mp4`, `.en.srt`)."""

    number: int
    title: str
    id: str
    original: str
    added: datetime
    suffixes: tuple[str, ...]


def check_pattern(pattern: str) -> str:
    """`pattern` as it is; raises `BadInput` for a field that there is not, with those that there are."""
    for name in _FIELD.findall(pattern):
        if name not in FIELDS:
            raise BadInput(f"A file name cannot contain “{{{name[:40]}}}”.", hint=f"There are {_listed()}.")
    if re.search(r"[{}]", _FIELD.sub("", pattern)):
        raise BadInput("The pattern has a brace that opens or closes nothing.", hint=f"There are {_listed()}.")
    if not pattern.strip():
        raise BadInput("The pattern is empty.", hint=f"There are {_listed()}.")
    return pattern


def stems(videos: Sequence[Named], options: ExportOptions, batch: str, *, taken: Sequence[str] = ()) -> list[str]:
    """For each video the beginning of the names of its files, by the options; no two files will be called the same.

    A separator in a title or in the pattern makes no folder, and nothing is hidden. Raises `BadInput` for a pattern
    that cannot be used.
    """
    pattern = "{original}" if options.original_names else check_pattern(options.pattern)
    if options.prefix:
        pattern = "{batch}_" + pattern
    wanted = [(_stem(pattern, video, batch), video.suffixes) for video in videos]
    return names.distinct(wanted, taken)


def package_name(batch: str, suffix: str) -> str:
    """The name of the export itself, after its batch."""
    return names.file_name(names.safe(batch) or "export", suffix)


def _stem(pattern: str, video: Named, batch: str) -> str:
    values = {
        "number": f"{video.number:03d}",
        "title": _cut(video.title),
        "id": names.safe(video.id, names.ID_BYTES),
        "original": _cut(video.original),
        "batch": names.safe(batch, 80),
        "date": video.added.date().isoformat(),
    }
    return names.stem(_FIELD.sub(lambda found: values[found[1]], pattern))


def _cut(text: str) -> str:
    """A title short enough that what stands after it in the pattern is not cut off with it."""
    return names.safe(text, 120)


def _listed() -> str:
    return ", ".join(f"{{{name}}}" for name in FIELDS)
