"""What an export costs: a copy, a coding, and a picture to know a video by, beside ffmpeg coding the whole plainly.

    python -m bench.copying [--minutes 10] [--rounds 3]

A film of 720p with a tone is exported as MOV: everything is copied, and proven by its whole pictures and its sound. The
same film in VP9 becomes an MP4: everything is coded in groups, and decoded once more. Goals: a copy takes at
most a twentieth of a plain coding; a coding that could be killed anywhere at most 1.3 times of one that could not.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import imageio_ffmpeg

from core.domain.settings import Settings
from core.stages.download.poster import make_poster
from core.stages.download.probe import probe
from core.stages.export import ExportStage
from core.stages.stage import Published
from tests.support.attempt import FolderAttempt

GOAL_COPY, GOAL_CODED = 0.05, 1.3
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PLAIN = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-c:a", "aac", "-b:a", "128k")


def main() -> int:
    """Print the figures; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-copying-") as name:
        folder = Path(name)
        like, unlike = folder / "film.mp4", folder / "film.webm"
        _film(like, given.minutes * 60, *PLAIN)
        fast = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1500k", "-row-mt", "1")
        _ffmpeg("-i", str(like), *fast, "-c:a", "libopus", str(unlike))
        plain = _median(given.rounds, lambda: _ffmpeg("-i", str(unlike), *PLAIN, str(folder / "plain.mp4")))
        copied = _median(given.rounds, lambda: _export(folder, like, "mov"))
        coded = _median(given.rounds, lambda: _export(folder, unlike, "mp4"))
        facts = probe(like, max_media_s=1e6, check=lambda: None)
        pictured = _median(given.rounds, lambda: make_poster(like, facts, folder, check=lambda: None))
    sys.stdout.write(
        f"{given.minutes:g} minutes of 720p, median of {given.rounds}\n"
        f"  coded plainly by ffmpeg     {plain:8.2f} s\n"
        f"  exported by copying (MOV)   {copied:8.2f} s  {copied / plain:.3f} of it\n"
        f"  exported by coding (MP4)    {coded:8.2f} s  {coded / plain:.2f} of it\n"
        f"  its picture                 {pictured:8.2f} s\n"
    )
    return 0 if copied / plain <= GOAL_COPY and coded / plain <= GOAL_CODED else 1


def _film(path: Path, seconds: float, *codecs: str) -> None:
    picture = f"testsrc2=size=1280x720:rate=25:duration={seconds}"
    _ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=duration={seconds}", *codecs, str(path))


def _ffmpeg(*words: str) -> None:
    subprocess.run([FFMPEG, "-y", "-nostdin", "-v", "error", *words], check=True)


def _export(folder: Path, film: Path, wanted: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        source = Published(
            stage="download", key="k", content="c", path=film.parent, files={}, facts={"media": film.name}
        )
        settings = Settings(export=True, export_format=wanted)  # type: ignore[arg-type]
        ExportStage().run(FolderAttempt(Path(name), inputs={"download": source}, settings=settings))


def _median(rounds: int, work: Callable[[], object]) -> float:
    taken = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        taken.append(perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    sys.exit(main())
