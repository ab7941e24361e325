"""Small real media files, made by the ffmpeg of `imageio-ffmpeg` and kept for the whole test session."""

import atexit
import functools
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

_VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_AUDIO = ("-c:a", "aac", "-b:a", "64k")


@functools.cache
def media_folder() -> tempfile.TemporaryDirectory[str]:
    """Where the files of this session lie; gone with it."""
    folder = tempfile.TemporaryDirectory(prefix="media-files-")
    atexit.register(folder.cleanup)
    return folder


def ffmpeg(*words: str) -> None:
    """Run the bundled ffmpeg; fails with what it said."""
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-nostdin", "-v", "error", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@functools.cache
def media_file(
    name: str,
    *,
    seconds: float = 2.0,
    video: bool = True,
    audio: bool = True,
    size: str = "320x180",
    codecs: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    noise: bool = False,
) -> Path:
    """A test picture and a tone of `seconds` as the file `name`, whose suffix chooses the container.

    `noise` makes it large (about 1 MB a second); `options` go before the output's name.
    """
    path = Path(media_folder().name) / f"{abs(hash((seconds, video, audio, size, codecs, options, noise)))}-{name}"
    words: list[str] = []
    if video:
        words += ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"]
    if audio:
        words += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    if noise:
        words += ["-vf", "noise=alls=80:allf=t"]
    if not codecs:
        codecs = (*(_VIDEO if video else ()), *(_AUDIO if audio else ()))
    ffmpeg(*words, *codecs, *options, str(path))
    return path


def mp4(**how: object) -> Path:
    """A fast-start MP4 with H.264 and AAC."""
    return media_file("video.mp4", options=("-movflags", "+faststart"), **how)


@functools.cache
def hls_folder(seconds: float = 10.0) -> Path:
    """A folder with `index.m3u8` and MPEG-TS segments of 1 s."""
    folder = Path(media_folder().name) / f"hls-{seconds:g}"
    folder.mkdir()
    source = media_file("source.mp4", seconds=seconds, options=("-g", "25"))
    ffmpeg(
        "-i",
        str(source),
        "-c",
        "copy",
        "-f",
        "hls",
        "-hls_time",
        "1",
        "-hls_list_size",
        "0",
        str(folder / "index.m3u8"),
    )
    return folder


@functools.cache
def dash_folder(seconds: float = 4.0) -> Path:
    """A folder with `index.mpd`, picture and sound in separate segments of 1 s."""
    folder = Path(media_folder().name) / f"dash-{seconds:g}"
    folder.mkdir()
    source = media_file("source.mp4", seconds=seconds, options=("-g", "25"))
    split = ("-seg_duration", "1", "-adaptation_sets", "id=0,streams=v id=1,streams=a")
    ffmpeg("-i", str(source), "-c", "copy", "-f", "dash", *split, str(folder / "index.mpd"))
    return folder
