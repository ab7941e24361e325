"""A long series of power cuts: `python -m bench.store_power_cuts [--rounds 500] [--seed N] [--disk xfs]`; needs root and loop devices.

Each round changes everything the store keeps, cuts the power of its disk at a random moment, lets it come back and
looks whether everything acknowledged is there. Any loss ends it.
"""

import argparse
import contextlib
import random
import tempfile
import time
from pathlib import Path

from tests.support.fault_cases import after_endless
from tests.support.power_rounds import rounds
from tests.support.strace import Victims

REPORT_EVERY = 50


def main() -> None:
    """Cut and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--disk", choices=("ext4", "xfs"), default="ext4")
    given = arguments.parse_args()
    acknowledged = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, Victims(Path(name)) as victims:
        series = contextlib.closing(
            rounds(victims, Path(name), random.Random(given.seed), given.rounds, kind=given.disk)
        )
        with series as cuts:
            for number, (root, acks) in enumerate(cuts, start=1):
                try:
                    after_endless(root, acks)
                except BaseException:
                    print(f"round {number} of seed {given.seed} lost something of {acks[-3:]}", flush=True)
                    raise
                acknowledged += len(acks)
                if number % REPORT_EVERY == 0:
                    print(f"{number} power cuts, {acknowledged} acknowledged, 0 lost", flush=True)
    took = time.monotonic() - started
    print(
        f"{given.rounds} power cuts of {given.disk} in {took:.0f} s: {acknowledged} acknowledged writes, 0 lost, 0 half"
    )


if __name__ == "__main__":
    main()
