"""How long a turn of the queue takes with many queued runs, and a start until the first claim: `python -m bench.queue_turns`.

    python -m bench.queue_turns [--count 10000] [--users 4] [--rounds 20] [--starts 3]

The runs are in batches of 50 of several users, all queued. A turn is taken by a real dispatcher on a real storage whose
workers are scripted: with nothing to do, and with one slot free, so that a run is claimed and written. Now and then
everything is looked at and every file is read; what counts is the longest stretch in which no signal is sent. A start is
that of a real service process: from its start until the first attempt is in a state file.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from bench.processes import print_figures, scratch
from core.domain.batch import BatchRecord
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.manager.agenda import EVERYTHING_S
from core.manager.agenda import SLICE as AT_ONCE
from core.manager.intake import member
from core.manager.rescan import Rescan
from core.runner.outcome import Committed
from core.store.codec import Codec
from core.store.layout import Layout, new_batch_id, new_run_id
from core.system.clock import SystemClock
from tests.support.dispatching import House
from tests.support.product import Product
from tests.support.waiting import until

TURN_GOAL_S, START_GOAL_S = 0.05, 1.5
BATCH_SIZE = 50


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=10_000, help="how many runs are queued")
    options.add_argument("--users", type=int, default=4)
    options.add_argument("--rounds", type=int, default=20, help="how many turns of each kind")
    options.add_argument("--starts", type=int, default=3, help="how many starts of a service")
    chosen = options.parse_args()
    with scratch() as folder:
        nothing, claiming, processor = turns(folder / "turns", chosen.count, chosen.users, chosen.rounds)
        looks, steps = stretches(folder / "stretches", chosen.count, chosen.users)
        starts = [first_claim(folder / f"start-{n}", chosen.count, chosen.users) for n in range(chosen.starts)]
    return (
        0
        if print_figures(
            [
                (f"a turn with {chosen.count} queued runs and nothing to do", nothing, TURN_GOAL_S, "s"),
                ("a turn with one slot free: one run is claimed and written", claiming, TURN_GOAL_S, "s"),
                ("the same, processor time alone", processor, TURN_GOAL_S, "s"),
                ("the longest turns of a look at everything, processor time", looks, TURN_GOAL_S, "s"),
                ("the longest steps of a round over all files, processor time", steps, TURN_GOAL_S, "s"),
                ("the start of a service until the first claim", starts, START_GOAL_S, "s"),
            ]
        )
        else 1
    )


def fill(
    layout: Layout, count: int, users: int, stages: dict[str, bool], phase: BatchPhase = BatchPhase.RUNNING
) -> None:
    """Write so many queued runs, in batches in this `phase`, without making them durable."""
    clock, runs, batches = SystemClock(), Codec("run", RunRecord), Codec("batch", BatchRecord)
    now = clock.now()
    for number in range(count // BATCH_SIZE):
        batch_id, user = new_batch_id(clock), f"local:user-{number % users}"
        made = [
            RunRecord(
                run_id=new_run_id(clock),
                batch_id=batch_id,
                space_id=f"s{number}x{place}",
                position=place,
                # The names of hosts that do not exist: nothing leaves this machine.
                source=Source(kind="url", value=f"https://{number % 7}.invalid/{number}/{place}.mp4"),
                owner=user,
                created_at=now,
                updated_at=now,
                stages=stages_for(stages),
            )
            for place in range(1, BATCH_SIZE + 1)
        ]
        batch = BatchRecord(
            batch_id=batch_id,
            name=f"batch {number}",
            owner=user,
            created_at=now,
            updated_at=now,
            phase=phase,
            members=[member(run) for run in made],
        )
        for run in made:
            layout.run_state(run.run_id).write_bytes(runs.encode(run.run_id, run, gen=1, epoch=0))
        (layout.batches / f"{batch_id}.json").write_bytes(batches.encode(batch_id, batch, gen=1, epoch=0))


def turns(folder: Path, count: int, users: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of turns with nothing to do, and of turns that claim one run: by the clock, and of the processor."""
    house = House(folder)
    fill(house.layout, count, users, house.catalog.wanted(Settings()))
    house.restart()
    house.turn(3)
    nothing = [timed(house.turn) for _ in range(rounds)]
    claiming, processor = [], []
    for number in range(rounds):
        house.engine.end(next(iter(house.engine.running)), Committed(key=f"k{number}"))
        processor.append(worked(lambda: claiming.append(timed(house.turn))))
    return nothing, claiming, processor


def stretches(folder: Path, count: int, users: int, rounds: int = 5) -> tuple[list[float], list[float]]:
    """For how long the service is deaf every half minute: seconds of the longest turn and the longest step, each round."""
    house = House(folder)
    fill(house.layout, count, users, house.catalog.wanted(Settings()))
    house.restart()
    house.turn(3)
    rescan = Rescan(index=house.index, recovery=house.recovery(), clock=house.clock, every_s=EVERYTHING_S)
    looks, steps = [], []
    for _ in range(rounds):
        house.clock.advance(EVERYTHING_S)
        turns, reads = [], []
        for _ in range(count // AT_ONCE + 1):
            turns.append(worked(house.turn))
        while rescan.left_s() == 0:
            reads.append(worked(rescan.step))
        looks.append(max(turns))
        steps.append(max(reads))
    return looks, steps


def first_claim(folder: Path, count: int, users: int) -> float:
    """Seconds from the start of a service process until the first attempt is in a state file."""
    product = Product(folder)
    product.layout.create()
    fill(product.layout, count, users, {"download": True, "transcribe": True, "quotes": True, "summary": True})
    known = {path.name: path.stat().st_mtime_ns for path in product.layout.state.glob("r_*.json")}
    began = time.time()
    product.serve()
    claimed: list[float] = []

    def is_claimed() -> bool:
        # A state file is replaced when its run is claimed; no other is written before the first claim.
        claimed[:] = [
            path.stat().st_mtime
            for path in product.layout.state.glob("r_*.json")
            if known.get(path.name) != path.stat().st_mtime_ns
        ]
        return bool(claimed)

    try:
        until(is_claimed, patience_s=60)
    finally:
        product.close()
    return min(claimed) - began


def timed(act: Callable[[], object]) -> float:
    """Seconds that `act` takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def worked(act: Callable[[], object]) -> float:
    """Seconds of the processor that `act` takes."""
    began = time.process_time()
    act()
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
