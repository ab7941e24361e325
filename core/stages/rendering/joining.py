"""Groups and sound become one file without being coded again."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.spec import Spec, timescale
from core.stages.rendering.tool import FORMATS, Ran, file_input, file_output, run_ffmpeg

LIST = "joined.txt"


class Part(msgspec.Struct, frozen=True):
    """One file of a join, and how long it is, in seconds."""

    path: Path
    seconds: Fraction


def join(
    pictures: Sequence[Part],
    sound: Path | None,
    spec: Spec,
    target: Path,
    *,
    rate: Fraction,
    check: Callable[[], None],
    log: Callable[[str], None] | None = None,
) -> Ran:
    """Write `pictures`, one after another, and `sound` to `target` in the container of `spec`; nothing is coded again.

    All pictures are MP4 files of one encoder. Raises `StageError` as `run_ffmpeg` does.
    """
    streams: list[Any] = []
    if len(pictures) == 1:
        streams.append(file_input(pictures[0].path, "mp4")["v:0"])
    elif pictures:
        listing = written_list(pictures, target.with_name(LIST))
        streams.append(listed(listing)["v:0"])
    if sound is not None:
        streams.append(file_input(sound, "matroska" if spec.audio == "opus" else "mp4")["a:0"])
    expected = sum((part.seconds for part in pictures), Fraction(0))
    output = file_output(*streams, target, **muxing(spec, rate if pictures else None))
    return run_ffmpeg(
        output, doing="Joining the parts", check=check, expected_s=float(expected) if pictures else None, log=log
    )


def require_copied(
    pictures: Sequence[Part], joined: Path, *, check: Callable[[], None], log: Callable[[str], None] | None = None
) -> None:
    """Raise `StageError(POSTPROCESS)` unless the picture of `joined` is that of `pictures`, packet by packet."""
    whole = [Part(joined, sum((part.seconds for part in pictures), Fraction(0)))]
    told = []
    for parts in (pictures, whole):
        listing = written_list(parts, joined.with_name(LIST))
        target = joined.with_name("packets.hash")
        output = file_output(listed(listing)["v:0"], target, f="streamhash", c="copy", hash="murmur3")
        run_ffmpeg(output, doing="Comparing the packets", check=check, expected_s=None, max_bytes=64 * 1024, log=log)
        told.append(target.read_bytes())
    target.unlink()
    if told[0] != told[1]:
        raise StageError(
            ErrorClass.POSTPROCESS, "The rendered file is not as it should be: a part was not copied whole."
        )


def written_list(parts: Sequence[Part], listing: Path) -> Path:
    """The list of `parts` as the concat demuxer reads it, in the file `listing`, with exact lengths."""
    lines = [line for part in parts for line in (f"file {_quoted(part.path)}", f"duration {float(part.seconds):.6f}")]
    listing.write_text("\n".join(["ffconcat version 1.0", *lines]) + "\n")
    return listing


def listed(listing: Path) -> Any:
    """The parts that our own `listing` names, as one input. Never for a list that somebody gave us."""
    return file_input(listing, "concat", safe=0, format_whitelist=f"concat,{FORMATS}")


def _quoted(path: Path) -> str:
    return "'file:" + str(path.absolute()).replace("'", "'\\''") + "'"


def muxing(spec: Spec, rate: Fraction | None) -> dict[str, Any]:
    """How the container of `spec` is written: what comes first is what players need first."""
    options: dict[str, Any] = {"c": "copy", "f": spec.muxer}
    if spec.container != "webm":
        options["movflags"] = "+faststart"
        if rate is not None:
            options["video_track_timescale"] = timescale(rate)
    return options
