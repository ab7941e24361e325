"""Media that have to be refused: cut, encrypted, too much, wrong inside, or playlists in disguise."""

import functools
from collections.abc import Callable
from pathlib import Path

from tests.support.awkward_media import new_file
from tests.support.media_files import ffmpeg, media_file, mp4


def cut_short(share: float = 0.6) -> Path:
    """A fast-start MP4 of 20 s of which only `share` was copied; ffmpeg by itself ends well on it."""
    path = new_file(f"cut-{share:g}.mp4")
    whole = mp4(seconds=20.0).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path


def without_index() -> Path:
    """An MP4 whose writing was never finished: there is no `moov`."""
    path = new_file("without-index.mp4")
    whole = media_file("index-at-end.mp4", seconds=3.0).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@functools.cache
def huge_picture() -> Path:
    """One frame of 16000x16000 pixels in an AVI of about 3 MB."""
    return media_file("huge.avi", seconds=0.04, audio=False, size="16000x16000", codecs=("-c:v", "mjpeg"))


@functools.cache
def many_streams(count: int = 100) -> Path:
    """So many tracks of sound."""
    path = new_file(f"many-streams-{count}.mkv")
    maps = [word for _ in range(count) for word in ("-map", "0:a")]
    sound = media_file("short.wav", seconds=0.2, video=False, codecs=("-c:a", "pcm_s16le"))
    ffmpeg("-i", str(sound), *maps, "-c", "copy", str(path))
    return path


@functools.cache
def only_subtitles() -> Path:
    """Matroska with neither picture nor sound: subtitles alone."""
    lines = new_file("only.srt")
    lines.write_text("1\n00:00:00,500 --> 00:00:02,000\nHello there.\n")
    path = new_file("only-subtitles.mkv")
    ffmpeg("-i", str(lines), "-c", "copy", str(path))
    return path


@functools.cache
def rare_codec() -> Path:
    """A picture coded in a way that hardly anybody uses, whose decoder had a hole that let strangers in."""
    return media_file("rare.avi", seconds=0.4, audio=False, codecs=("-c:v", "magicyuv"))


@functools.cache
def encrypted() -> Path:
    """An MP4 encrypted by its publisher (CENC)."""
    path = new_file("encrypted.mp4")
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00" * 16, "-encryption_kid", "00" * 16)
    ffmpeg("-i", str(mp4()), "-c", "copy", *key, str(path))
    return path


BAD_ONES: dict[str, Callable[[], Path]] = {
    one.__name__: one
    for one in (cut_short, without_index, huge_picture, many_streams, only_subtitles, rare_codec, encrypted)
}


# --- playlists in disguise ----------------------------------------------------------------------------------------


def hls_in_disguise(folder: Path, target: str) -> Path:
    """An HLS playlist named like an upload that points at `target` (a `file://` or `http://` address)."""
    path = folder / "upload.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n")
    return path


def concat_in_disguise(folder: Path, target: str) -> Path:
    """An ffconcat script named like a video that points at `target`: absolute, `../` or a file beside it."""
    path = folder / "script.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{target}'\n")
    return path
