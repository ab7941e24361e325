"""The picture of one strand: the frames of its pieces, each exactly once, as a file that can be joined without coding."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.media import Media, Picture
from core.stages.rendering.plan import Plan, Strand
from core.stages.rendering.spec import Spec, size_for, video_options
from core.stages.rendering.tool import Ran, file_output, room_for, run_ffmpeg, source

# Containers find a frame before the one asked for, most of them; a second more lets all of them.
EARLIER_S = 1
# Containers with an index, which find a frame that can be decoded by itself. The others are read from their beginning for
# every strand, unless they are given an index first.
INDEXED = frozenset({"mov", "matroska", "avi"})


class Piecework(msgspec.Struct, frozen=True):
    """What every strand of one group is made by; `threads` is how many decoder and encoder have, whatever the machine."""

    media: Media
    picture: Picture | None
    spec: Spec
    rate: Fraction
    threads: int


def draw(
    job: Piecework,
    strand: Strand,
    target: Path,
    *,
    check: Callable[[], None],
    on_progress: Callable[[float], None],
    log: Callable[[str], None],
) -> Ran:
    """Write the frames of `strand`, each of them, to the MP4 file `target`. Raises `StageError` as `run_ffmpeg` does."""
    ran = run_ffmpeg(
        _output(job, strand, target),
        doing="Rendering the picture",
        check=check,
        expected_s=None,
        on_progress=on_progress,
        log=log,
        max_bytes=room_for(float(strand.frames / job.rate)),
        file_times=True,
    )
    if ran.frames != strand.frames:
        raise StageError(
            ErrorClass.POSTPROCESS, f"Rendering the picture gave {ran.frames} frames instead of {strand.frames}."
        )
    return ran


def lacks_index(media: Media, plan: Plan) -> bool:
    """Whether `media` would be read from its beginning again and again for `plan`."""
    strands = sum(len(group.strands) for group in plan.groups)
    return media.picture is not None and media.demuxer not in INDEXED and strands > 1


def index(
    media: Media,
    picture: Picture,
    target: Path,
    *,
    check: Callable[[], None],
    on_progress: Callable[[float], None],
    log: Callable[[str], None],
) -> None:
    """Copy the picture of `media` into the Matroska file `target`, where frames can be found; times stay as they are.

    Raises `StageError` as `run_ffmpeg` does.
    """
    run_ffmpeg(
        file_output(source(media)[str(picture.index)], target, f="matroska", c="copy"),
        doing="Copying the picture into a file with an index",
        check=check,
        expected_s=None,
        on_progress=on_progress,
        log=log,
        max_bytes=room_for(media.duration),
        file_times=True,
    )


def indexed(media: Media, picture: Picture, path: Path) -> Media:
    """`media` read from the file `path` that `index` made of it."""
    return msgspec.structs.replace(
        media, path=str(path), demuxer="matroska", picture=msgspec.structs.replace(picture, index=0)
    )


def _output(job: Piecework, strand: Strand, target: Path) -> Any:
    stream = _black(job) if job.picture is None else _kept(job, job.picture, strand)
    options = video_options(job.spec, job.rate, job.threads)
    return file_output(stream, target, f="mp4", fps_mode="cfr", **options, **{"frames:v": strand.frames})


def _black(job: Piecework) -> Any:
    import ffmpeg

    return ffmpeg.input(f"color=black:s={job.spec.width}x{job.spec.height}:r={job.rate}", f="lavfi")


def _kept(job: Piecework, picture: Picture, strand: Strand) -> Any:
    start, end = strand.pieces[0][0], strand.pieces[-1][1]
    # Where the picture has ended before the sound, its last frame stands still: at least that one has to be read.
    first = max(0, min(start, int(picture.last * job.rate)) - round(EARLIER_S * job.rate))
    first = first if job.media.demuxer in INDEXED else 0
    stream = _frames_from(job, picture, first)
    stream = stream.filter("tpad", stop_mode="clone", stop=-1).filter("trim", end_frame=end - first)
    chosen = "+".join(f"between(n,{left - first},{right - 1 - first})" for left, right in strand.pieces)
    stream = stream.filter("select", chosen).filter("setpts", f"N/({job.rate.numerator}/{job.rate.denominator}*TB)")
    return fitted(stream, picture, job.spec)


def _frames_from(job: Piecework, picture: Picture, first: int) -> Any:
    """The frames of the picture at the output's rate, from frame `first` of the medium on."""
    begin = first / job.rate
    # Fixed too: pictures that are damaged are mended in another way by several threads.
    reading: dict[str, Any] = {"threads": job.threads}
    if first > 0:
        reading |= {"ss": _decimal(begin + Fraction(job.media.start)), "seek_timestamp": 1, "noaccurate_seek": None}
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
