"""Picture and sound that came separately, joined without coding them again; a transport stream is made an MP4.

ffmpeg gets only files of ours, each with the one demuxer its content asked for, and no protocol but `file`.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.container import AAC, AVI, FLAC, MKV, MOV, MP3, MP4, OGG, TS, WAV, WEBM, Container
from core.stages.download.facts import Facts
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Limits, run_program

_MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", None})
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", None})
_WEBM = frozenset({"vp8", "vp9", "av1", "opus", "vorbis", None})
_CONTAINERS: dict[str, Container] = {one.name: one for one in (MP4, MOV, MKV, WEBM, AVI, WAV, FLAC, MP3, AAC, OGG, TS)}
_DEMUXERS = ",".join(sorted({"mov,mp4,m4a,3gp,3g2,mj2"} | {one.demuxer for one in _CONTAINERS.values()}))


class Part(msgspec.Struct, frozen=True):
    """One downloaded file and what it is."""

    path: Path
    facts: Facts


def needs_joining(parts: list[Part]) -> bool:
    """Whether the parts are not yet one file that players understand."""
    return len(parts) > 1 or (parts[0].facts.container == "mpegts" and _suffix(parts) == "mp4")


def join(parts: list[Part], folder: Path, *, check: Callable[[], None], max_bytes: int) -> Path:
    """The first picture and the first sound among `parts` as one new file in `folder`; the parts stay.

    Raises `StageError` with TOOLING when ffmpeg is missing, POSTPROCESS with its last words when it fails.
    """
    suffix = _suffix(parts)
    target = folder / f"joined.{suffix}"
    argv: list[str] = [ffmpeg_path(), "-nostdin", "-v", "error", "-y"]
    for part in parts:
        demuxer = _CONTAINERS[part.facts.container].demuxer
        argv += [
            "-protocol_whitelist",
            "file",
            "-format_whitelist",
            _DEMUXERS,
            "-f",
            demuxer,
            "-i",
            f"file:{part.path}",
        ]
    for kind, has in (("v", [part.facts.has_video for part in parts]), ("a", [part.facts.has_audio for part in parts])):
        if True in has:
            argv += ["-map", f"{has.index(True) if kind == 'v' else len(has) - 1 - has[::-1].index(True)}:{kind}:0"]
    argv += ["-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    argv += ["-movflags", "+faststart"] if suffix == "mp4" else []
    argv += ["-f", {"mkv": "matroska"}.get(suffix, suffix), f"file:{target}"]
    ended = run_program(argv, check=check, limits=Limits(file_size_bytes=2 * max_bytes + 2**24))
    if ended.returncode != 0:
        said = ended.tail_stderr[-1] if ended.tail_stderr else f"code {ended.returncode}"
        kind = ErrorClass.DISK_FULL if "No space left" in said else ErrorClass.POSTPROCESS
        raise StageError(kind, f"Joining picture and sound failed: {said[:200]}.")
    return target


def _suffix(parts: list[Part]) -> str:
    videos = {part.facts.video_codec for part in parts}
    audios = {part.facts.audio_codec for part in parts}
    if any(part.facts.container == "webm" for part in parts) and videos | audios <= _WEBM:
        return "webm"
    return "mp4" if videos <= _MP4_VIDEO and audios <= _MP4_AUDIO else "mkv"
