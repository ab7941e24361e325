"""What the benchmarks of processes share: a prepared storage, copies of it, tables of figures."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.product import Product
from tests.support.tool_log import ToolLog

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk of this machine's temporary files, removed at the end, also when that is a SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    folder = Path(tempfile.mkdtemp(prefix="reprise-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def product(folder: Path, log: ToolLog | None = None, **settings: object) -> Product:
    """A product in `folder`, whose tools are watched when a log is given."""
    made = Product(folder, **settings)
    if log is not None:
        made.environment.update(log.environment())
    return made


def talk(folder: Path, seconds: float) -> Path:
    """At least so many seconds of speech: real where there is some beside the repository, else synthesised."""
    from bench import speech

    if speech.MEDIA.is_dir():
        return speech.long_talk(folder, seconds).path
    from tests.support.speech import talk as spoken

    return spoken(int(seconds / 3.2))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1) - 1).__int__())]


def print_figures(figures: Sequence[tuple[str, Sequence[float], float, str]]) -> bool:
    """A line a figure: p50, p99, the worst, the goal for p99 and how it was met; whether all were met."""
    print(f"{'':44}{'p50':>10}{'p99':>10}{'max':>10}{'goal':>10}   p99/goal")
    met = True
    for name, values, goal, unit in figures:
        p50, p99, worst = percentile(values, 0.5), percentile(values, 0.99), max(values)
        met = met and p99 <= goal
        print(
            f"{f'{name} ({unit})':44}{p50:>10.3f}{p99:>10.3f}{worst:>10.3f}{goal:>10g}   "
            f"{p99 / goal:.2f} {'ok' if p99 <= goal else 'MISSED'}"
        )
    return met


def youngest_thread_s(pid: int) -> float:
    """When the youngest thread of a process was started, in seconds of CLOCK_MONOTONIC (10 ms steps); 0 if it is gone."""
    started = 0.0
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        started = max(started, int(fields[19]) / TICKS_PER_S)
    return started
