"""One run of ffmpeg: the command built with ffmpeg-python, run by our own `Program`, and judged by more than its exit code.

Every input is a file of ours or one already examined: the one demuxer of its content, the decoders people need, no
protocol but `file`, a bound on the picture's size. A run counts only if it ended with 0, said `progress=end` and wrote
about as much as was expected; everything is written beside its final place, so what is cut off is never taken for whole.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.opening import MAX_PIXELS
from core.stages.rendering.media import Media
from core.stages.whitelists import PICTURES, SOUNDS
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Finished, Limits, run_program, signal_name

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,wav,flac,mp3,aac,ogg,mpegts"
CODECS = f"{SOUNDS},{PICTURES}"
# Fixed, so that a machine with more cores makes the same bytes; x264's output depends on their number.
ENCODER_THREADS = 6
STRAND_THREADS = 1  # several strands keep a machine busy by themselves
OPEN_FILES = 128
GLOBAL = (
    "-nostdin",
    "-hide_banner",
    "-v",
    "error",
    "-nostats",
    "-progress",
    "pipe:1",
    "-stats_period",
    "0.5",
)
TOLERANCE_S = 0.5
_SPARE_BYTES = 64 * 1024**2
_BYTES_PER_S = 40 * 1000**2
_SAID_LINES = 3
# Subtitles that we do not read: their decoders are closed.
_OF_NO_CONCERN = "not on whitelist"
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_XFSZ = -25  # killed by SIGXFSZ


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A run that succeeded: how long its output is, its frames, and how many complaints ffmpeg printed about the input."""

    out_s: float
    frames: int
    complaints: int


def source(media: Media, **options: Any) -> Any:
    """The file `media` as an ffmpeg-python input that can lead nowhere else."""
    return file_input(media.path, media.demuxer, **options)


def file_input(path: Any, demuxer: str, **options: Any) -> Any:
    """The file `path`, read by `demuxer` and nothing else, as an ffmpeg-python input."""
    import ffmpeg

    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": FORMATS,
        "codec_whitelist": CODECS,
        "max_pixels": MAX_PIXELS,
    }
    return ffmpeg.input(f"file:{path}", f=demuxer, **{**guards, **options})


def file_output(*streams_and_path: Any, **options: Any) -> Any:
    """An ffmpeg-python output of streams into the file named last, without tags, clock or versions in it."""
    import ffmpeg

    *streams, path = streams_and_path
    plain = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact", "dn": None, "sn": None}
    return ffmpeg.output(*streams, f"file:{path}", **{**plain, **options})


def command(output: Any, *, file_times: bool = False) -> list[str]:
    """The argument list of an ffmpeg-python output; with `file_times` times of inputs stay as they are in the file."""
    import ffmpeg

    words = [str(word) for word in ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True)]
    return [words[0], *GLOBAL, *(["-copyts"] if file_times else []), *words[1:]]


def run_ffmpeg(
    output: Any,
    *,
    doing: str,
    check: Callable[[], None],
    expected_s: float | None,
    tolerance_s: float = TOLERANCE_S,
    on_progress: Callable[[float], None] | None = None,
    log: Callable[[str], None] | None = None,
    max_bytes: int | None = None,
    file_times: bool = False,
) -> Ran:
    """Run ffmpeg for an ffmpeg-python `output` to its end; `doing` is what it does, for messages (`Cutting the video`).

    `expected_s` is how long the output has to be (None: not known); `on_progress` gets the seconds written so far;
    `log` each complaint. `max_bytes` bounds every file it writes. With `file_times` times are those of the input file, and
    what is told of the output's length is only good for progress. Raises `StageError`: TOOLING, DISK_FULL,
    LIMIT_EXCEEDED, NOT_MEDIA (its input cannot be read), OUT_OF_MEMORY, POSTPROCESS with its last words.
    """
    told: dict[str, str] = {}
    complaints = 0

    def hear(line: str) -> None:
        name, _, value = line.partition("=")
        told[name.strip()] = value.strip()
        if name == "progress" and on_progress is not None:
            on_progress(_seconds(told))

    def complain(line: str) -> None:
        nonlocal complaints
        line = plain(line)
        if not line or _OF_NO_CONCERN in line:
            return
        complaints += 1
        if log is not None and complaints <= _SAID_LINES * 10:
            log(line)

    bytes_allowed = room_for(expected_s or 0.0) if max_bytes is None else max_bytes
    ended = run_program(
        command(output, file_times=file_times),
        check=check,
        on_line=hear,
        on_error_line=complain,
        limits=Limits(file_size_bytes=bytes_allowed, open_files=OPEN_FILES),
    )
    if ended.returncode != 0:
        raise failure(ended, doing)
    out_s = _seconds(told)
    if told.get("progress") != "end":
        raise StageError(ErrorClass.POSTPROCESS, f"{doing} stopped before its end.")
    if expected_s is not None and abs(out_s - expected_s) > tolerance_s:
        raise StageError(
            ErrorClass.POSTPROCESS, f"{doing} gave {out_s:.2f} seconds instead of {expected_s:.2f}.{_words(ended)}"
        )
    return Ran(out_s=out_s, frames=int(told.get("frame") or 0), complaints=complaints)


def room_for(seconds: float) -> int:
    """More bytes than so much rendered video takes."""
    return _SPARE_BYTES + int(seconds * _BYTES_PER_S)


def plain(line: str) -> str:
    """A line of ffmpeg without the places in memory that differ each time, and not too long."""
    return _ADDRESS.sub("", line).strip()[:300]


def failure(ended: Finished, doing: str) -> StageError:
    """Why ffmpeg failed, as the class of error that decides what is done about it."""
    said = "\n".join(ended.tail_stderr)
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return StageError(ErrorClass.DISK_FULL, f"{doing} failed: the disk is full.")
    if ended.returncode == _XFSZ or "File too large" in said:
        return StageError(ErrorClass.LIMIT_EXCEEDED, f"{doing} would take more space than such a file should.")
    if "Cannot allocate memory" in said:
        return StageError(ErrorClass.OUT_OF_MEMORY, f"{doing} needs more memory than there is.")
    if "Unknown encoder" in said or "No such filter" in said:
        return StageError(ErrorClass.TOOLING, f"{doing} failed: this ffmpeg lacks a part.{_words(ended)}")
    if "Decode error rate" in said:
        return StageError(ErrorClass.NOT_MEDIA, f"{doing} failed: the file is damaged; most of it cannot be decoded.")
    if "Error opening input" in said or "moov atom not found" in said:
        return StageError(ErrorClass.NOT_MEDIA, f"{doing} failed: the file cannot be read.{_words(ended)}")
    how = "" if ended.tail_stderr else f" ({signal_name(ended.returncode)})"
    return StageError(ErrorClass.POSTPROCESS, f"{doing} failed{how}.{_words(ended)}")


def _words(ended: Finished) -> str:
    """The last words of ffmpeg, as the end of a sentence's paragraph."""
    last: Sequence[str] = [words for line in ended.tail_stderr if (words := plain(line))][-_SAID_LINES:]
    return f" ffmpeg said: {' / '.join(last)}" if last else ""


def _seconds(told: dict[str, str]) -> float:
    value = told.get("out_time_us", "")
    return int(value) / 1_000_000 if value.lstrip("-").isdigit() else 0.0
