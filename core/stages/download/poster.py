"""A small picture of a video, to know it by in a list: `poster.jpg`.

It is a nicety: whatever goes wrong with it, there is just none. ffmpeg runs as everywhere else, with what is accepted, in
limits, and looks at a few whole pictures near the beginning only.
"""

from collections.abc import Callable
from pathlib import Path

from core.domain.errors import StageError
from core.stages.download.facts import Facts
from core.stages.whitelists import reading
from core.system.ffmpeg import ffmpeg_path
from core.system.programs import Limits, run_program

NAME = "poster.jpg"
SIDE = 480
TIMEOUT_S = 20.0
LOOKED_AT_S = 60.0
MAX_BYTES = 1024 * 1024
MEMORY_BYTES = 2 * 1024**3
# A beginning is often black or a title: a tenth of the way in, but never far.
INTO, AT_MOST_S, SHORT_S = 0.1, 60.0, 3.0
# Wide pixels are made square, within what is accepted at all; then the most typical of the pictures is taken.
_FIT = (
    f"setpts=PTS-STARTPTS,scale='min(8192,max(1,iw*sar))':ih,setsar=1,"
    f"scale='min({SIDE},iw)':'min({SIDE},ih)':force_original_aspect_ratio=decrease:out_range=full,"
    "thumbnail=n=4,format=yuvj420p"
)
_LIMITS = Limits(address_space_bytes=MEMORY_BYTES, file_size_bytes=MAX_BYTES, cpu_s=int(TIMEOUT_S), open_files=64)


def make_poster(media: Path, facts: Facts, folder: Path, *, check: Callable[[], None]) -> Path | None:
    """The poster of `media` in `folder`, at most 480 pixels on a side; None when none can be made.

    A file of sound gives the picture that is on it, if there is one. What `check` raises is raised.
    """
    target = folder / NAME
    into_s = min(AT_MOST_S, INTO * facts.duration) if facts.has_video and facts.duration > SHORT_S else 0.0
    # Whole pictures are few in some files; then the first ones are taken, of whatever kind.
    for where in (("-skip_frame", "nokey", "-noaccurate_seek", "-ss", f"{into_s:.3f}", "-t", f"{LOOKED_AT_S:g}"), ()):
        try:
            ended = run_program(_argv(media, where, target), check=check, timeout_s=TIMEOUT_S, limits=_LIMITS)
            if ended.returncode == 0 and target.stat().st_size > 0:
                return target
        except (StageError, FileNotFoundError):
            continue
    target.unlink(missing_ok=True)
    return None


def _argv(media: Path, where: tuple[str, ...], target: Path) -> list[str]:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", "-threads", "1", *where, *reading(media)]
    argv += ["-map", "0:v:0", "-an", "-sn", "-dn", "-map_metadata", "-1", "-vf", _FIT, "-frames:v", "1"]
    argv += ["-c:v", "mjpeg", "-q:v", "4", "-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
    return [*argv, "-f", "image2", "-update", "1", f"file:{target.absolute()}"]
