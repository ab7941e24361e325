"""What a scrape of `/metrics` costs with many records: `python -m bench.scrape`.

    python -m bench.scrape [--runs 10000] [--times 100] [--changes 200]

Three of four runs wait. Between two scrapes so many records change, as in 15 seconds of much work.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.own_records import GENERATIONS, fill
from core.api.metrics import told
from core.api.process import close, current, open_process
from core.config import Config
from core.store.state import Stored

GOAL_MS = 100.0


def main() -> int:
    """Print the figures; exit code 1 when the goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=10_000)
    options.add_argument("--times", type=int, default=100)
    options.add_argument("--changes", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        open_process(Config(storage=str(Path(folder) / "storage"), free_space_bytes=0), via="api")
        try:
            took, size = measured(chosen.runs, chosen.times, chosen.changes)
        finally:
            close()
    first, later = took[0], sorted(took[1:])
    slowest = later[min(len(later) - 1, int(len(later) * 0.99))]
    print(f"{chosen.runs} runs, {chosen.times} scrapes of {size} bytes, ms of processor time")
    print(f"first {first:.1f}, then median {statistics.median(later):.1f}, 99 % {slowest:.1f}; goal {GOAL_MS:g}")
    return 0 if slowest <= GOAL_MS else 1


def measured(runs: int, times: int, changes: int) -> tuple[list[float], int]:
    """The milliseconds of each scrape, the first one with its imports, and how long the last answer was."""
    process = current()
    fill(process.manager, runs)
    index, took, answer = process.manager.storage.index, [], b""
    for _ in range(times):
        for run in list(index.runs.values())[:changes]:
            index.put_run(run.run_id, Stored(value=run, gen=next(GENERATIONS), epoch=0))
        began = time.thread_time()
        answer, _kind = told(process, "")
        took.append((time.thread_time() - began) * 1000)
    return took, len(answer)


if __name__ == "__main__":
    raise SystemExit(main())
