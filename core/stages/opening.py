"""Opening a foreign media file with PyAV, for the child processes that look at one: nothing in it may lead elsewhere.

One demuxer, that of its first bytes; no protocol but `file`; only the decoders of codecs that people have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.stages.container import Container

MAX_STREAMS = 64
MAX_SIDE = 8192
MAX_PIXELS = 8192 * 4608

VIDEO_CODECS = frozenset(
    [
        "h264",
        "hevc",
        "vp8",
        "vp9",
        "av1",
        "mpeg4",
        "mpeg1video",
        "mpeg2video",
        "mjpeg",
        "theora",
        "h263",
        "prores",
        "dnxhd",
        "ffv1",
        "msmpeg4v2",
        "msmpeg4v3",
    ]
)
AUDIO_CODECS = frozenset(
    [
        "aac",
        "mp3",
        "mp2",
        "mp3float",
        "mp2float",
        "opus",
        "vorbis",
        "flac",
        "alac",
        "ac3",
        "eac3",
        "wavpack",
        "speex",
        "amr_nb",
    ]
)
PCM_CODECS = frozenset({"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8"})
# What is read while looking at a file may be decoded for a moment by the library; only these decoders are there then.
DECODERS = ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS | PCM_CODECS))


@contextmanager
def opened(path: Path, container: Container, decoders: str = DECODERS) -> Iterator[Any]:
    """The media file `path`, which is a `container`, opened for reading. Raises `av.FFmpegError` when it is damaged."""
    import av

    options = {
        "protocol_whitelist": "file",
        "format_whitelist": formats(container),
        "codec_whitelist": decoders,
        "max_streams": str(MAX_STREAMS + 1),
    }
    with av.open(f"file:{path}", format=container.demuxer, options=options) as media:
        yield media


def formats(container: Container) -> str:
    """The names by which ffmpeg knows the demuxer of `container`."""
    return container.demuxer if container.demuxer != "mov" else "mov,mp4,m4a,3gp,3g2,mj2"


def is_cover(stream: Any) -> bool:
    """Whether it is the picture on a sound file: a video stream of one frame."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def codec_of(stream: Any) -> str | None:
    """The codec of `stream`, None when there is none we know."""
    if stream is None or stream.codec_context is None:
        return None
    # The library names the decoder; mp3float decodes mp3, libdav1d decodes av1.
    name = str(stream.codec_context.name).removesuffix("float")
    return {"libdav1d": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9"}.get(name, name)
