"""The picture of one group: the frames of its pieces, each exactly once, as a file that can be joined without coding."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.media import Media, Picture
from core.stages.rendering.plan import Group
from core.stages.rendering.spec import Spec, size_for, video_options
from core.stages.rendering.tool import ENCODER_THREADS, Ran, file_output, room_for, run_ffmpeg, source

# Containers find a frame before the one asked for, most of them; a second more lets all of them.
EARLIER_S = 1
# Containers with an index, which find a frame that can be decoded by itself; the others are read from their beginning.
INDEXED = frozenset({"mov", "matroska", "avi"})


class Piecework(msgspec.Struct, frozen=True):
    """What every group of one medium is made by."""

    media: Media
    picture: Picture | None
    spec: Spec
    rate: Fraction


def draw(
    job: Piecework,
    group: Group,
    target: Path,
    *,
    check: Callable[[], None],
    on_progress: Callable[[float], None],
    log: Callable[[str], None],
) -> Ran:
    """Write the frames of `group`, each of them, to the MP4 file `target`. Raises `StageError` as `run_ffmpeg` does."""
    ran = run_ffmpeg(
        _output(job, group, target),
        doing="Rendering the picture",
        check=check,
        expected_s=None,
        on_progress=on_progress,
        log=log,
        max_bytes=room_for(float(group.frames / job.rate)),
        file_times=True,
    )
    if ran.frames != group.frames:
        raise StageError(
            ErrorClass.POSTPROCESS, f"Rendering the picture gave {ran.frames} frames instead of {group.frames}."
        )
    return ran


def _output(job: Piecework, group: Group, target: Path) -> Any:
    stream = _black(job) if job.picture is None else _kept(job, job.picture, group)
    options = video_options(job.spec, job.rate, ENCODER_THREADS)
    return file_output(stream, target, f="mp4", fps_mode="cfr", **options, **{"frames:v": group.frames})


def _black(job: Piecework) -> Any:
    import ffmpeg

    return ffmpeg.input(f"color=black:s={job.spec.width}x{job.spec.height}:r={job.rate}", f="lavfi")


def _kept(job: Piecework, picture: Picture, group: Group) -> Any:
    start, end = group.pieces[0][0], group.pieces[-1][1]
    # Where the picture has ended before the sound, its last frame stands still: at least that one has to be read.
    first = max(0, min(start, int(picture.last * job.rate)) - round(EARLIER_S * job.rate))
    first = first if job.media.demuxer in INDEXED else 0
    stream = _frames_from(job, picture, first)
    stream = stream.filter("tpad", stop_mode="clone", stop=-1).filter("trim", end_frame=end - first)
    chosen = "+".join(f"between(n,{left - first},{right - 1 - first})" for left, right in group.pieces)
    stream = stream.filter("select", chosen).filter("setpts", f"N/({job.rate.numerator}/{job.rate.denominator}*TB)")
    return fitted(stream, picture, job.spec)


def _frames_from(job: Piecework, picture: Picture, first: int) -> Any:
    """The frames of the picture at the output's rate, from frame `first` of the medium on."""
    begin = first / job.rate
    reading: dict[str, Any] = {}
    if first > 0:
        reading = {"ss": _decimal(begin + Fraction(job.media.start)), "seek_timestamp": 1, "noaccurate_seek": None}
    stream = source(job.media, **reading)[str(picture.index)]
    if picture.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    if job.media.start:
        stream = stream.filter("setpts", f"PTS-({job.media.start})/TB")
    rate = f"{job.rate.numerator}/{job.rate.denominator}"
    return stream.filter("fps", fps=rate, start_time=_decimal(begin), round="near")


def fitted(stream: Any, picture: Picture, spec: Spec) -> Any:
    """`stream` in the size `spec` asks for, with square pixels, as every player shows it."""
    width, height = size_for(picture, spec)
    factor = min(Fraction(width, picture.width), Fraction(height, picture.height))
    bars = bool(spec.width and spec.height)
    inner = [max(2, round(side * factor / 2) * 2) for side in (picture.width, picture.height)] if bars else []
    wide, high = (min(inner[0], width), min(inner[1], height)) if bars else (width, height)
    turned = picture.rotation % 180 != 0
    coded = (picture.coded_height, picture.coded_width) if turned else (picture.coded_width, picture.coded_height)
    if (wide, high) != coded:
        stream = stream.filter("scale", wide, high, flags="bicubic")
    if (wide, high) != (width, height):
        stream = stream.filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2")
    return stream.filter("setsar", "1").filter("format", "yuv420p")


def _decimal(seconds: Fraction) -> str:
    return f"{float(seconds):.6f}"
