"""What a media file is, found out in a process of its own: `python -m core.stages.download.examine PATH MAX_S`.

The file is opened with the one demuxer its first bytes ask for (never as a playlist, never another file), read to its
end without being decoded, and what it says of its length is compared with what is there.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages import examining
from core.stages.container import Container, recognise
from core.stages.download.facts import Facts
from core.stages.opening import (
    AUDIO_CODECS,
    MAX_PIXELS,
    MAX_SIDE,
    MAX_STREAMS,
    VIDEO_CODECS,
    codec_of,
    is_cover,
    opened,
)

ENCRYPTED = "The file is encrypted by its publisher (DRM)."
# A stream may end a little before the container says; a cut file misses much more.
TOLERANCE_S = 0.75
TOLERANCE_SHARE = 0.02


def examine(path: Path, max_media_s: float) -> Facts:
    """What the file `path` is; raises as `core.stages.download.probe.probe` does."""
    import av

    container = recognise(path)
    if container.name == "wav":
        _refuse_short_wav(path)
    try:
        with opened(path, container) as media:
            return _facts(media, container, max_media_s)
    except av.FFmpegError as error:
        if _is_bare_mp4(path, container):
            raise StageError(
                ErrorClass.NOT_MEDIA, "The MP4 file has no index (moov); its recording or copying was never finished."
            ) from error
        raise StageError(ErrorClass.NOT_MEDIA, f"The {container.name} file is damaged and cannot be read.") from error


def _facts(media: Any, container: Container, max_media_s: float) -> Facts:
    _refuse_too_much(media)
    videos = [stream for stream in media.streams.video if not is_cover(stream)]
    audios = list(media.streams.audio)
    if not videos and not audios:
        raise StageError(ErrorClass.NOT_MEDIA, "The file holds neither video nor sound.")
    video, audio = (videos or [None])[0], (audios or [None])[0]
    for stream in (video, audio):
        _refuse_codec(stream)
    starts, ends = _read_to_end(media, [stream for stream in (video, audio) if stream is not None])
    if not ends:
        raise StageError(ErrorClass.NOT_MEDIA, "The file has headers but no video or sound in it.")
    # Priming samples before zero are not played; a transport stream begins anywhere.
    duration = max(ends.values()) - max(0.0, min(starts.values()))
    if container.declares_length:
        _refuse_truncated(media, [stream for stream in (video, audio) if stream is not None], starts, ends)
    if duration > max_media_s:
        raise StageError(
            ErrorClass.LIMIT_EXCEEDED, f"It lasts {duration / 3600:.1f} hours; {max_media_s / 3600:.1f} are allowed."
        )
    suffix = container.suffix
    if container.name == "mp4" and video is None:
        suffix = "m4a"
    rate = video.average_rate if video is not None else None
    return Facts(
        container=container.name,
        suffix=suffix,
        duration=round(duration, 3),
        has_audio=audio is not None and audio.index in ends,
        has_video=video is not None and video.index in ends,
        audio_codec=codec_of(audio),
        video_codec=codec_of(video),
        width=video.codec_context.width if video is not None else None,
        height=video.codec_context.height if video is not None else None,
        fps=round(float(rate), 3) if rate else None,
        sample_rate=audio.codec_context.sample_rate if audio is not None else None,
        audio_start=round(starts[audio.index], 3) if audio is not None and audio.index in starts else None,
        video_start=round(starts[video.index], 3) if video is not None and video.index in starts else None,
    )


def _refuse_too_much(media: Any) -> None:
    if len(media.streams) > MAX_STREAMS:
        raise StageError(ErrorClass.LIMIT_EXCEEDED, f"It has more than {MAX_STREAMS} streams.")
    for stream in media.streams.video:
        width, height = stream.codec_context.width, stream.codec_context.height
        if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
            raise StageError(
                ErrorClass.LIMIT_EXCEEDED,
                f"The picture has {width}x{height} pixels; up to {MAX_SIDE}x4608 are accepted.",
            )


def _refuse_codec(stream: Any) -> None:
    if stream is None:
        return
    if _tag(stream) in ("encv", "enca", "drmi", "drms"):
        raise StageError(ErrorClass.DRM, ENCRYPTED)
    name = codec_of(stream)
    allowed = VIDEO_CODECS if stream.type == "video" else AUDIO_CODECS
    if name is None or (name not in allowed and not name.startswith("pcm_")):
        kind = "picture" if stream.type == "video" else "sound"
        raise StageError(
            ErrorClass.NOT_MEDIA, f"The {kind} is coded as {name or 'something unknown'}, which is not accepted."
        )


def _read_to_end(media: Any, streams: list[Any]) -> tuple[dict[int, float], dict[int, float]]:
    """When each stream begins and ends, in seconds, by its packets; nothing is decoded."""
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for packet in media.demux(streams):
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or not packet.size:
            continue
        if packet.has_sidedata("encryption_info"):
            raise StageError(ErrorClass.DRM, ENCRYPTED)
        base, index = float(packet.time_base), packet.stream.index
        starts[index] = min(starts.get(index, at * base), at * base)
        ends[index] = max(ends.get(index, 0.0), (at + (packet.duration or 0)) * base)
    return starts, ends


def _refuse_truncated(media: Any, streams: list[Any], starts: dict[int, float], ends: dict[int, float]) -> None:
    whole = media.duration / 1_000_000 if media.duration else 0.0
    for stream in streams:
        declared = float(stream.duration * stream.time_base) if stream.duration else whole if len(streams) == 1 else 0.0
        _compare(declared, ends.get(stream.index, 0.0) - max(0.0, starts.get(stream.index, 0.0)))
    _compare(whole, max(ends.values()) - min([0.0, *starts.values()]))


def _refuse_short_wav(path: Path) -> None:
    """The demuxer takes its length from the file; the header knows better (0 and all ones mean a stream)."""
    with path.open("rb") as file:
        head = file.read(12)
    declared, found = int.from_bytes(head[4:8], "little"), path.stat().st_size
    if head[:4] == b"RIFF" and 0 < declared < 0xFFFFF000 and found < declared * (1 - TOLERANCE_SHARE):
        raise StageError(ErrorClass.TRUNCATED, f"The file ends too early: {found} of {declared + 8} bytes are there.")


def _compare(declared: float, found: float) -> None:
    if declared - found > max(TOLERANCE_S, TOLERANCE_SHARE * declared):
        raise StageError(
            ErrorClass.TRUNCATED, f"The file ends too early: {found:.1f} of {declared:.1f} seconds are there."
        )


def _tag(stream: Any) -> str:
    try:
        return str(stream.codec_context.codec_tag).lower()
    except UnicodeDecodeError:
        return ""  # a number, not letters: common in AVI


def _is_bare_mp4(path: Path, container: Container) -> bool:
    """Whether a walk over the outermost atoms finds no `moov`."""
    if container.demuxer != "mov":
        return False
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(1000):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                return True
            if head[4:8] in (b"moov", b"moof"):
                return False
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8 or at + length > size:
                return True
            at += length
    return False


def main() -> int:
    """`examine PATH MAX_S`: see `core.stages.examining`."""
    path, max_media_s = Path(sys.argv[1]), float(sys.argv[2])
    return examining.answer(lambda: msgspec.to_builtins(examine(path, max_media_s)))


if __name__ == "__main__":
    sys.exit(main())
