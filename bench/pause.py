"""How soon does a pause hold, in every stage: nothing new is begun, what runs stands still, and goes on unharmed?

    python -m bench.pause [--count 10] [--seconds 120] [--stages download transcribe ...] [--without]

One talk is at a stage, by real tools, while a crowd of small runs is worked off beside it. `--count` times a stage the
pool is paused, by the call that the command line and the dashboard make, and resumed again. From the moment the intent
is durable: the last claim of a run after it (times in the state files), and the last moment at which anything grew,
looked at every few milliseconds for half a second: processor time of every thread of the workers and their tools (the
scheduler's nanoseconds, not ticks), what lies in the folders of work (units, partial files), and what the web server
sent. At the end the stage's results must be, byte for byte, those of the same stage undisturbed. `--without` pauses nothing: then the goals of the longer stages must be missed, or nothing is measured here.
"""

import argparse
import random
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.at_work import STAGES, Workshop, is_at, is_over, workshop
from bench.processes import percentile, scratch, talk
from core.bootstrap import Manager, open_manager
from core.config import load_config
from core.domain.settings import Settings
from core.manager.intake import Submission
from tests.support.kills import body, family, published
from tests.support.product import Product
from tests.support.waiting import until

CLAIM_GOAL_S, STILL_GOAL_S = 0.05, 0.1
CROWD = 20
WATCHED_S = 0.5
LOOK_S = 0.002
WAYS = [(stage, False) for stage in STAGES] + [
    ("quotes", True),
    ("summary", True),
]  # the last two without a model's API
NOISE_NS = 1_000_000  # a thread that is woken only to be stopped, or killed, takes some processor time for that


@dataclass
class Row:
    """What came out for one stage."""

    claims: list[float] = field(default_factory=list)
    still: list[float] = field(default_factory=list)
    identical: bool = True


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10, help="how many pauses in each stage")
    parser.add_argument("--seconds", type=float, default=120, help="length of the talk")
    parser.add_argument("--stages", nargs="*", default=list(STAGES), choices=STAGES)
    parser.add_argument("--without", action="store_true", help="measure the same without a pause")
    chosen = parser.parse_args()
    rows: dict[str, Row] = {}
    with scratch() as folder, workshop(folder, talk(folder, chosen.seconds)) as shop:
        crowd = make_crowd(folder / "crowd", talk(folder, 5))
        for stage, offline in WAYS:
            if stage in chosen.stages:
                rows[f"{stage} (offline)" if offline else stage] = measure(
                    shop, stage, offline, chosen.count, crowd, "resume" if chosen.without else "pause"
                )
    print(f"\n{'':20}{'pauses':>8}{'last claim p50':>16}{'p99':>8}{'still p50':>12}{'p99':>8}  ms   result")
    met = True
    for name, row in rows.items():
        figures = [1000 * percentile(values, share) for values in (row.claims, row.still) for share in (0.5, 0.99)]
        good = figures[1] <= 1000 * CLAIM_GOAL_S and figures[3] <= 1000 * STILL_GOAL_S and row.identical
        met = met and good
        print(
            f"{name:20}{len(row.still):8}{figures[0]:16.1f}{figures[1]:8.1f}{figures[2]:12.1f}{figures[3]:8.1f}       "
            f"{'identical' if row.identical else 'DIFFERENT'}  {'ok' if good else 'MISSED'}"
        )
    print(f"goals: last claim p99 {1000 * CLAIM_GOAL_S:g} ms, still p99 {1000 * STILL_GOAL_S:g} ms, identical")
    return 0 if met else 1


def measure(shop: Workshop, stage: str, offline: bool, count: int, crowd: list[str], verb: str) -> Row:
    """`count` pauses (`verb`) in one stage."""
    product = shop.product(offline=offline)
    try:
        manager = open_manager(load_config(product.environment), via="bench")
        service = product.serve().pid
        shop.again(product, stage)
        until(lambda: not is_over(product, shop.run_id))
        until(lambda: is_over(product, shop.run_id), patience_s=120)
        undisturbed = published(product, shop.run_id)
        row, dice = Row(), random.Random(stage)
        while len(row.still) < count:
            one = pause_once(shop, product, manager, service, stage, crowd if not offline else [], dice, verb)
            if one is None:
                continue  # it came to its end just before: nothing was there to stand still
            row.claims.append(one[0])
            row.still.append(one[1])
            print(
                f"{stage:12} still after {one[1] * 1000:6.1f} ms  last claim after {one[0] * 1000:6.1f} ms", flush=True
            )
        until(lambda: is_over(product, shop.run_id), patience_s=300)
        row.identical = published(product, shop.run_id) == undisturbed
        return row
    finally:
        shop.remove(product)


def pause_once(
    shop: Workshop,
    product: Product,
    manager: Manager,
    service: int,
    stage: str,
    crowd: list[str],
    dice: random.Random,
    verb: str,
) -> tuple[float, float] | None:
    """Seconds to the last claim and to the last thing that grew; None when the stage was over before."""
    if not is_at(product, shop.run_id, stage):
        until(lambda: is_over(product, shop.run_id), patience_s=300)
        # By this process: a command takes longer to start than the shortest of the stages lasts.
        manager.commands.run(shop.run_id, "retry", by="bench", from_stage=stage)
        while not is_at(product, shop.run_id, stage):
            if is_over(product, shop.run_id):
                return None
            threading.Event().wait(LOOK_S)
        threading.Event().wait(dice.uniform(0, 0.1))
    small: list[str] = []
    if crowd:
        asked = Submission(sources=tuple(crowd), settings=Settings(transcribe=False))
        small = [run.run_id for run in manager.intake.add(asked, actor="bench").runs]
        until(lambda: sum(bool(started(product, run_id)) for run_id in small) > 2)
        threading.Event().wait(dice.uniform(0, 0.3))
    workers = family(product) - {service}
    at_work = is_at(product, shop.run_id, stage)
    manager.commands.pool(verb, by="bench")
    durable, durable_at = time.monotonic(), time.time()
    still = last_growth(shop, product, workers) - durable
    at_work = at_work and body(product, shop.run_id)["stages"][stage].get("status") != "committed"
    after = [at - durable_at for run_id in small for at in started(product, run_id) if at > durable_at]
    manager.commands.pool("resume", by="bench")
    until(lambda: all(body(product, run_id)["phase"] == "completed" for run_id in small), patience_s=120)
    return (max(after, default=0.0), max(0.0, still)) if at_work else None


def last_growth(shop: Workshop, product: Product, workers: set[int]) -> float:
    """Look for half a second; when (monotonic) something of the work was last seen to be more than before."""
    began = grew = time.monotonic()
    spent, kept = spent_ns(workers), bytes_of(shop, product)
    while time.monotonic() < began + WATCHED_S:
        new_spent, new_kept = spent_ns(workers), bytes_of(shop, product)
        if new_kept > kept or any(ns > spent.get(thread, 0) + NOISE_NS for thread, ns in new_spent.items()):
            grew, spent, kept = time.monotonic(), new_spent, max(kept, new_kept)
        threading.Event().wait(LOOK_S)
    return grew


def spent_ns(pids: set[int]) -> dict[str, int]:
    """The processor time of every thread of these processes, in nanoseconds of the scheduler."""
    found = {}
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                found[path.parent.name] = int(path.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def bytes_of(shop: Workshop, product: Product) -> int:
    """What lies in the folders of work, and what the web server sent."""
    total = shop.site.total()
    for path in product.storage.glob("work/*/*/*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def make_crowd(folder: Path, source: Path) -> list[str]:
    """Many small files, all different."""
    folder.mkdir()
    made = []
    for number in range(CROWD):
        path = folder / f"{number}.wav"
        shutil.copy(source, path)
        with path.open("ab") as file:
            file.write(number.to_bytes(2, "little"))
        made.append(str(path))
    return made


def started(product: Product, run_id: str) -> list[float]:
    """When the attempts of a run were begun, in seconds of the wall clock."""
    return [datetime.fromisoformat(one["started_at"]).timestamp() for one in body(product, run_id).get("attempts", [])]


if __name__ == "__main__":
    sys.exit(main())
