"""Where ffmpeg is: the one home of the package that ships it."""

from core.domain.errors import ErrorClass, StageError


def ffmpeg_path() -> str:
    """The ffmpeg that comes with `imageio-ffmpeg`. Raises `StageError(TOOLING)` when there is none."""
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        raise StageError(ErrorClass.TOOLING, "The package imageio-ffmpeg brings no ffmpeg for this machine.") from None
