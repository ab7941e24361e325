"""Whether a rendered file is what it should be: judged by what is in it, not by what its maker said."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.media import Media, look
from core.stages.rendering.tool import file_output, run_ffmpeg, source

LENGTH_S = 0.1

Decode = Literal["everything", "keys", "nothing"]


def verify(
    path: Path,
    *,
    seconds: float,
    picture: bool,
    sound: bool,
    check: Callable[[], None],
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    tolerance_s: float = LENGTH_S,
    decode: Decode = "everything",
    on_progress: Callable[[float], None] | None = None,
) -> Media:
    """What the file `path` is, if it lasts `seconds`, has exactly the streams it should have and decodes without errors.

    `frames` and `size` are compared too when given. `decode` is how much is decoded: everything, `keys` as
    `prove` says, or nothing. Raises `StageError(POSTPROCESS)` naming what is wrong.
    """
    media = look(path, check)
    for name, wanted, found in (("picture", picture, media.picture), ("sound", sound, media.sound)):
        if wanted != (found is not None):
            raise _wrong(f"it has {'no' if wanted else 'a'} {name}")
    if abs(media.duration - seconds) > tolerance_s:
        raise _wrong(f"it lasts {media.duration:.2f} seconds instead of {seconds:.2f}")
    if media.picture is not None:
        if frames is not None and media.picture.frames != frames:
            raise _wrong(f"it has {media.picture.frames} frames instead of {frames}")
        if size is not None and (media.picture.width, media.picture.height) != size:
            raise _wrong(f"its picture has {media.picture.width}x{media.picture.height} pixels")
    if decode != "nothing":
        prove(media, check, on_progress, decode=decode)
    return media


def prove(
    media: Media,
    check: Callable[[], None],
    on_progress: Callable[[float], None] | None = None,
    *,
    decode: Decode = "everything",
) -> None:
    """Decode all of `media`; raises `StageError(POSTPROCESS)` at the first error in it.

    With `keys` only the pictures that are coded by themselves are, and all of the sound: enough where frames are counted
    and every packet is known to be as our own encoder wrote it (`joining.require_copied`).
    """
    quick = {"skip_frame": "nokey"} if decode == "keys" and media.picture is not None else {}
    file = source(media, err_detect="explode", xerror=None, **quick)
    streams = [file[str(one.index)] for one in (media.picture, media.sound) if one is not None]
    output = file_output(*streams, "-", f="null", fps_mode="passthrough")
    ran = run_ffmpeg(
        output, doing="Reading the result again", check=check, expected_s=None, max_bytes=0, on_progress=on_progress
    )
    if ran.complaints:
        raise _wrong("it does not decode without errors")


def _wrong(what: str) -> StageError:
    return StageError(ErrorClass.POSTPROCESS, f"The rendered file is not as it should be: {what}.")
