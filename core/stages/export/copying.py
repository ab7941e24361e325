"""An export whose picture stays as it is: another wrapping, and at most the sound coded anew. One run of ffmpeg, seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.domain.rendition import Rendition
from core.stages.rendering.media import Media
from core.stages.rendering.sounds import HOLE_S
from core.stages.rendering.spec import Spec, audio_options, layout_for
from core.stages.rendering.tool import file_output, run_ffmpeg, source
from core.stages.rendering.verify import verify

MUXERS = {"mp4": "mp4", "mov": "mov", "m4a": "ipod", "webm": "webm"}
# Players of Apple know HEVC by this name only.
TAGS = {"hevc": "hvc1"}
# The last packet of a stream may say of itself that it is shorter or longer, and each wrapping believes it differently.
TOLERANCE_S = 0.25
# A wrapping takes a few bytes a frame; sound that is coded anew may take more than it did.
SPARE_SHARE, SPARE_BYTES, SOUND_BYTES_PER_S = 1.1, 4 * 1024**2, 64 * 1000


def copy(
    media: Media,
    made_of: Rendition,
    spec: Spec,
    target: Path,
    *,
    check: Callable[[], None],
    progress: Callable[[float, str], None],
    log: Callable[[str], None],
) -> None:
    """Write `media` in the wrapping of `made_of` as `target`, and prove that all of it is there and can be decoded.

    `progress` gets how many seconds of it are done, out of twice its length. Raises `StageError`: POSTPROCESS when what
    was written is not what was there or is damaged, and what `run_ffmpeg` raises.
    """
    run_ffmpeg(
        _output(media, made_of, spec, target),
        doing="Copying the video",
        check=check,
        expected_s=None,  # compared below with what is in the file; of a copy ffmpeg says when its last frame begins
        on_progress=lambda at: progress(min(at, media.duration), "copying"),
        log=log,
        max_bytes=largest(media),
    )
    made = verify(
        target,
        seconds=media.duration,
        picture=made_of.video is not None,
        sound=made_of.audio is not None,
        frames=media.picture.frames if media.picture is not None and made_of.video is not None else None,
        tolerance_s=TOLERANCE_S,
        decode="nothing",
        check=check,
    )
    _prove(made, check=check, on_progress=lambda at: progress(media.duration + min(at, media.duration), "checking"))


def largest(media: Media) -> int:
    """How many bytes a copy of `media` may take."""
    return int(Path(media.path).stat().st_size * SPARE_SHARE + media.duration * SOUND_BYTES_PER_S) + SPARE_BYTES


def _output(media: Media, made_of: Rendition, spec: Spec, target: Path) -> Any:
    inputs, streams = source(media), []
    options: dict[str, Any] = {"f": MUXERS[made_of.suffix], "threads": 1}
    if made_of.suffix != "webm":
        options["movflags"] = "+faststart"
    if media.picture is not None and made_of.video is not None:
        streams.append(inputs[str(media.picture.index)])
        options["c:v"] = "copy"
        if media.picture.codec in TAGS:
            options["tag:v"] = TAGS[media.picture.codec]
    if media.sound is not None and made_of.audio is not None:
        streams.append(inputs[str(media.sound.index)])
        options |= {"c:a": "copy"} if made_of.audio == "copy" else _sound_coded(media.sound.channels, spec)
    return file_output(*streams, target, **options)


def _sound_coded(channels: int, spec: Spec) -> dict[str, Any]:
    layout = layout_for(channels, spec)
    # Holes in the sound become silence, the small ones too, so that it stays with the picture.
    filters = f"aresample={spec.sample_rate}:async=1:min_hard_comp={HOLE_S},aformat=channel_layouts={layout}"
    return audio_options(spec, layout) | {"af": filters}


def _prove(made: Media, *, check: Callable[[], None], on_progress: Callable[[float], None]) -> None:
    """Decode the sound and the whole pictures of a copy.

    The pictures between these are, byte for byte, those of the source; decoding a long film takes nearly as long as
    coding it, which is what a copy saves.
    """
    file = source(made, **({"skip_frame": "nokey"} if made.picture is not None else {}))
    streams = [file[str(one.index)] for one in (made.picture, made.sound) if one is not None]
    output = file_output(*streams, "-", f="null", fps_mode="passthrough")
    ran = run_ffmpeg(
        output, doing="Checking the copy", check=check, expected_s=None, max_bytes=0, on_progress=on_progress
    )
    if ran.complaints:
        raise StageError(
            ErrorClass.POSTPROCESS, f"The copy does not decode cleanly: {ran.complaints} complaints of the decoder."
        )
