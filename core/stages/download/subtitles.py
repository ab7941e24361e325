"""The subtitles that come with a video, in its file or fetched beside it: worth a try, and never a reason to fail."""

import re
from pathlib import Path

import msgspec

from core.domain.errors import RepriseError
from core.stages.container import recognise
from core.stages.opening import AUDIO_CODECS, PCM_CODECS, VIDEO_CODECS, formats
from core.stages.stage import Attempt, Job
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Limits, run_program

TRACKS = 8  # so many of a file are looked at
MAX_BYTES = 20 * 10**6
_TEXT_CODECS = ("subrip", "srt", "mov_text", "webvtt", "ass", "ssa", "text")
_DECODERS = ",".join([*sorted(VIDEO_CODECS | AUDIO_CODECS | PCM_CODECS), *_TEXT_CODECS, "libdav1d"])
_TRACK = re.compile(r"Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([a-z]{3})\))?: Subtitle: (\w+)")
# The codes of containers (ISO 639-2) for the languages that settings name by two letters.
_THREE = {
    "en": "eng",
    "de": "ger deu",
    "fr": "fre fra",
    "es": "spa",
    "it": "ita",
    "pt": "por",
    "nl": "dut nld",
    "pl": "pol",
    "ja": "jpn",
    "zh": "chi zho",
    "ru": "rus",
    "ko": "kor",
    "sv": "swe",
    "tr": "tur",
    "uk": "ukr",
}


class Subtitles(msgspec.Struct, frozen=True, kw_only=True):
    """A file of subtitles: the language where that is known, and `manual`, `auto` or `embedded`."""

    path: Path
    language: str | None
    kind: str


def wants_subtitles(job: Job) -> bool:
    """Whether the video's own subtitles are to be looked for."""
    settings = job.settings
    return settings.transcribe and settings.use_subtitles != "never" and job.source.transcript is None


def embedded(attempt: Attempt, media: Path) -> Subtitles | None:
    """The subtitles in the file `media`, in the language that is set or else of its first track; None if it has none."""
    language = attempt.job.settings.language
    try:
        tracks = _tracks(attempt, media)
        codes = f"{language} {_THREE.get(language, '')}".split()
        mine = [track for track in tracks if language == "auto" or track[1] in codes]
        for number, code in mine[:1]:
            target = attempt.work / "subtitles.srt"
            words = ["-map", f"0:{number}", "-c:s", "srt", "-bitexact", "-f", "srt", "-y", f"file:{target}"]
            done = run_program([*_reading(media), *words], check=attempt.check, limits=_limits())
            if done.returncode == 0 and target.is_file() and target.stat().st_size:
                two = next((two for two, three in _THREE.items() if code in three.split()), None)
                return Subtitles(path=target, language=language if language != "auto" else two, kind="embedded")
    except (RepriseError, OSError, ValueError) as error:
        attempt.log(f"the subtitles in the file cannot be read: {error}")
    return None


def _tracks(attempt: Attempt, media: Path) -> list[tuple[int, str]]:
    """The tracks of text in a file: number and language."""
    found: list[tuple[int, str]] = []

    def read(line: str) -> None:
        for number, language, codec in _TRACK.findall(line):
            if codec in _TEXT_CODECS and len(found) < TRACKS:
                found.append((int(number), language or ""))

    run_program(_reading(media, level="info"), check=attempt.check, on_error_line=read, limits=_limits())
    return found


def _reading(media: Path, level: str = "error") -> list[str]:
    container = recognise(media)
    guards = ["-protocol_whitelist", "file", "-format_whitelist", formats(container), "-codec_whitelist", _DECODERS]
    return [
        *(ffmpeg_path(), "-nostdin", "-hide_banner", "-v", level),
        *(*guards, "-f", container.demuxer, "-i", f"file:{media.absolute()}"),
    ]


def _limits() -> Limits:
    return Limits(address_space_bytes=1024**3, file_size_bytes=MAX_BYTES, cpu_s=300, open_files=64)
