"""Thousands of seeded histories of commands, crashes, zombies, clock jumps and disk errors, checked after every step.

A failing one prints its seed and last steps; `python -m bench.simulation --seed N --histories 1` plays it again, and
shortens it. The same with a million steps: `python -m bench.simulation`.
"""

import os
import subprocess
import sys

import pytest

from tests.support.product import ROOT
from tests.support.simulation.history import LENGTH, Tally, digest, drawn, play, shortened
from tests.support.simulation.planted import PLANTS, planted

STEPS = 20_000
WITHIN = 20_000  # steps until a planted mistake has to be found


def test_twenty_thousand_steps_violate_nothing() -> None:
    tally, seed = Tally(), 0
    while tally.steps < STEPS:
        tally.play(seed)
        assert not tally.stories, tally.stories[0]
        seed += 1
    assert tally.met["R3 claim queued"] > 100, "the histories have to be about something"


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_mistake_is_found(name: str) -> None:
    with planted(name):
        for seed in range(WITHIN // LENGTH):
            violation = play(*drawn(seed)).violation
            if violation is not None:
                return
    raise AssertionError(f"“{name}” was not found in {WITHIN} steps")


def test_a_seed_leads_to_the_same_end_in_every_process() -> None:
    program = (
        "import os\n"
        "from core.system.logs import configure_log\n"
        "configure_log(open(os.devnull, 'w'))\n"
        "from tests.support.simulation.history import digest\n"
        "print(digest(range(5)))\n"
    )
    ends = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert ends == {digest(range(5))}


def test_a_history_that_shows_a_mistake_is_made_short_and_still_shows_it() -> None:
    with planted("concurrency is not counted"):
        found = next((seed, played) for seed in range(50) if (played := play(*drawn(seed))).violation is not None)
        seed, played = found
        assert played.violation is not None
        setup, steps = drawn(seed)
        short = shortened(setup, steps[: played.taken], played.violation.rule)
        again = play(setup, short)
    assert len(short) < len(steps) / 3
    assert again.violation is not None
    assert again.violation.rule == played.violation.rule
