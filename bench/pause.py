"""How soon does a pause hold: nothing new is begun, and what runs stands still?

    python -m bench.pause [--count 50] [--seconds 600]

A talk is transcribed while a crowd of small runs is worked off beside it. `--count` times the pool is paused, by the
call that the command line and the dashboard make, and resumed again. Measured from the moment the intent is durable:
the last claim of a run after it (the times in the state files), and until every thread of the transcribing worker is
stopped, as the kernel sees it. Half a second later its processor time and its units must be what they were.
"""

import argparse
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bench.processes import print_figures, product, scratch, talk
from core.bootstrap import open_manager
from core.config import load_config
from tests.support.kills import body, end_all, open_attempt, unit_numbers
from tests.support.product import Product
from tests.support.stillness import processor_ticks, stopped
from tests.support.waiting import until

CLAIM_GOAL_S, STILL_GOAL_S = 0.05, 0.1
CROWD = 40
WATCHED_S = 0.5


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=50, help="how many pauses")
    options.add_argument("--seconds", type=float, default=600, help="length of the talk")
    chosen = options.parse_args()
    with scratch() as folder:
        paused = product(folder / "paused")
        try:
            claims, still, moved = measure(paused, folder, chosen.count, chosen.seconds)
        finally:
            end_all(paused)
    met = print_figures(
        [
            ("pause durable to the last claim after it", claims, CLAIM_GOAL_S, "s"),
            ("pause durable to standing still", still, STILL_GOAL_S, "s"),
        ]
    )
    print(f"processor time or units that grew in the {WATCHED_S} s after: {moved} of {len(still)}")
    return 0 if met and not moved else 1


def measure(paused: Product, folder: Path, count: int, seconds: float) -> tuple[list[float], list[float], int]:
    """Seconds to the last claim, seconds to stillness, and how often something moved all the same."""
    run_id = paused.run_of(paused("add", talk(folder, seconds), "--json"))
    crowd = make_crowd(folder / "crowd", talk(folder, 5))
    manager = open_manager(load_config(paused.environment), via="bench")
    paused.serve()
    dice, bell = random.Random(1), threading.Event()
    claims, still, moved = [], [], 0
    while len(still) < count:
        until(lambda: is_transcribed(paused, run_id) or body(paused, run_id)["phase"] == "completed", patience_s=600)
        if body(paused, run_id)["phase"] == "completed":
            paused("retry", run_id, "--from", "transcribe")
            until(lambda: is_transcribed(paused, run_id))
        worker = {open_attempt(paused, run_id)["owner"]["pid"]}
        added = paused("add", crowd, "--set", "transcribe=false", "--json").json["runs"]
        small = [one["run_id"] for one in added]
        until(lambda small=small: sum(bool(started(paused, run_id)) for run_id in small) > 2)  # type: ignore[misc]
        bell.wait(dice.uniform(0, 0.2))

        manager.commands.pool("pause", by="bench")
        durable, durable_at = time.monotonic(), time.time()
        if not has_stopped(worker, lambda: is_transcribed(paused, run_id)):
            manager.commands.pool("resume", by="bench")
            continue  # the talk came to its end just before: nothing was there to stand still
        still.append(time.monotonic() - durable)
        before = processor_ticks(worker), len(unit_numbers(paused, "transcribe"))
        bell.wait(WATCHED_S)
        moved += before != (processor_ticks(worker), len(unit_numbers(paused, "transcribe")))
        after = [at - durable_at for one in small for at in started(paused, one) if at > durable_at]
        claims.append(max(after, default=0.0))
        waiting = sum(not started(paused, one) for one in small)
        print(
            f"{len(still):4}  still after {still[-1] * 1000:6.1f} ms  last claim after {claims[-1] * 1000:6.1f} ms  "
            f"{waiting} waiting",
            flush=True,
        )
        manager.commands.pool("resume", by="bench")
        until(lambda small=small: all(body(paused, run_id)["phase"] == "completed" for run_id in small))  # type: ignore[misc]
    return claims, still, moved


def make_crowd(folder: Path, source: Path) -> Path:
    """A folder of many small files, all different."""
    folder.mkdir()
    for number in range(CROWD):
        path = folder / f"{number}.wav"
        shutil.copy(source, path)
        with path.open("ab") as file:
            file.write(number.to_bytes(2, "little"))
    return folder


def is_transcribed(paused: Product, run_id: str) -> bool:
    """Whether the run is being transcribed now."""
    return open_attempt(paused, run_id).get("stage") == "transcribe"


def started(paused: Product, run_id: str) -> list[float]:
    """When the attempts of a run were begun, in seconds of the wall clock."""
    return [datetime.fromisoformat(one["started_at"]).timestamp() for one in body(paused, run_id).get("attempts", [])]


def has_stopped(worker: set[int], works: Callable[[], bool]) -> bool:
    """True once all threads of `worker` are stopped, False if it has no attempt any more; looks without a pause."""
    since = time.monotonic()
    while not stopped(worker):
        if not works():
            return False
        if time.monotonic() - since > 5:
            raise SystemExit("the worker does not stand still")
    return True


if __name__ == "__main__":
    sys.exit(main())
