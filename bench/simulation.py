"""A million simulated steps: is there a history of commands, crashes, zombies and clocks that breaks an invariant?

    python -m bench.simulation [--steps 1000000] [--seed 1] [--processes 2] [--histories N]

Plays seeded histories (`tests.support.simulation`) until so many steps are taken, and prints how many histories and
steps, violations with the seed and last steps of each, and how often each row of the tables and each reason of `why` was
met; every row has to be. With `--histories 1` one seed is played, and made shorter if it violates anything.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter

from core.domain.diagnosis import Code
from core.domain.states import BATCH_TABLE, RUN_TABLE
from core.system.logs import configure_log
from tests.support.simulation.history import LENGTH, Tally, drawn, play, shortened

SHARE = 40  # histories a process plays before it tells
Part = tuple[int, int, Counter[str], list[str]]


def main() -> int:
    """Print the figures; exit code 1 when anything was violated or a row was not met."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1, help="the first one; the others follow it")
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--histories", type=int, help="so many histories, whatever their steps")
    chosen = options.parse_args()
    if chosen.histories == 1:
        return one(chosen.seed)
    count = chosen.histories or -(-chosen.steps // (LENGTH - 20))
    starts = range(chosen.seed, chosen.seed + count, SHARE)
    parts = [(start, min(SHARE, chosen.seed + count - start)) for start in starts]
    began = time.monotonic()
    total = Tally()
    with multiprocessing.get_context("spawn").Pool(chosen.processes, initializer=quiet) as pool:
        for histories, steps, met, stories in pool.imap_unordered(played, parts):
            total.histories += histories
            total.steps += steps
            total.met += met
            total.stories += stories
            for story in stories:
                print(story, flush=True)
            if total.steps >= chosen.steps and not chosen.histories:
                break
    seconds = time.monotonic() - began
    print(f"{total.histories} histories, {total.steps} steps in {seconds:.0f} s: {total.steps / seconds:.0f} steps/s")
    print(f"violations: {len(total.stories)}")
    missing = report_coverage(total.met)
    print(f"rows never met: {', '.join(missing) or 'none'}")
    return 1 if total.stories or missing else 0


def quiet() -> None:
    """What the product logs of planted errors is not read by anybody."""
    configure_log(open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for the life of the process


def played(part: tuple[int, int]) -> Part:
    """Some histories, in a process of their own."""
    tally = Tally()
    for seed in range(part[0], part[0] + part[1]):
        tally.play(seed)
    return tally.histories, tally.steps, tally.met, tally.stories


def one(seed: int) -> int:
    """One history again; a violation is shown with the shortest history that still has it."""
    quiet()
    tally = Tally()
    violation = tally.play(seed).violation
    if violation is None:
        print(f"seed {seed}: {tally.steps} steps, no violation")
        return 0
    setup, steps = drawn(seed)
    short = shortened(setup, steps[: tally.steps], violation.rule)
    again = play(setup, short)
    print(tally.stories[0])
    print(f"the shortest that shows it, {len(short)} steps: {again.violation}")
    for step in short:
        print(f"  {step}")
    return 1


def report_coverage(met: Counter[str]) -> list[str]:
    """Print how often each row and reason was met; gives the rows that never were."""
    missing = []
    for prefix, table in (("run", RUN_TABLE), ("batch", BATCH_TABLE)):
        for row in table:
            name = f"{row.id} {row.event} {'|'.join(row.sources)}"
            print(f"  {prefix:6} {row.id:4} {row.event:14} {'|'.join(row.sources)[:50]:50} {met[name]:>9}")
            if not met[name]:
                missing.append(name.strip())
    for code in Code.__args__:
        print(f"  why    {code:70} {met[f'why {code}']:>9}")
    return missing


if __name__ == "__main__":
    sys.exit(main())
