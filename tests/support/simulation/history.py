"""Histories: drawn from a seed, played, played again, and made shorter when they show something."""

from collections import Counter
from hashlib import blake2b
from random import Random

import msgspec

from core.config import Config
from tests.support.simulation.calm import to_the_end
from tests.support.simulation.steps import STEPS, take
from tests.support.simulation.violation import Violation
from tests.support.simulation.world import Setup, World

Step = tuple[str, int]
LENGTH = 300
SHOWN = 25


class Played(msgspec.Struct):
    """How a history went: its world as it was left, how many steps were taken, and what was violated, if anything."""

    world: World
    taken: int
    violation: Violation | None = None


def drawn(seed: int, length: int = LENGTH) -> tuple[Setup, list[Step]]:
    """The setup and the steps of a seed; each history has its own taste in steps, so that rare ones come in crowds."""
    dice = Random(seed)
    setup = Setup(
        lanes={"network": dice.randrange(1, 3), "cpu": dice.randrange(1, 3), "api": dice.randrange(1, 3)},
        config=Config(
            stall_s=dice.choice([20.0, 300.0]),
            stall_recovery=dice.choice(["manual", "automatic"]),
            max_recoveries=dice.choice([1, 3]),
            stage_timeout_s=dice.choice([300.0, 21600.0]),
            run_timeout_s=dice.choice([900.0, 21600.0]),
            batch_timeout_s=dice.choice([2000.0, 21600.0]),
            auto_pause_failures=dice.choice([0, 2, 5]),
            max_runs_per_user=dice.choice([0, 0, 1, 2]),
            pause_free_s=dice.choice([5.0, 60.0]),
        ),
        users=dice.randrange(1, 4),
    )
    weights = [weight * dice.choice([0.2, 1.0, 1.0, 3.0]) for _, weight in STEPS.values()]
    names = dice.choices(list(STEPS), weights, k=length - 2)
    return setup, [(name, dice.getrandbits(32)) for name in ("start", "add batch", *names)]


def play(setup: Setup, steps: list[Step]) -> Played:
    """Take all steps and then go on to the end; stops at the first violation."""
    world = World(setup)
    taken = 0
    try:
        for taken, (name, number) in enumerate(steps, start=1):  # noqa: B007
            take(world, name, number)
        world.dice = Random(0)
        to_the_end(world)
    except Violation as violation:
        return Played(world, taken, violation)
    return Played(world, taken)


class Tally:
    """What many histories came to."""

    def __init__(self) -> None:
        self.histories = self.steps = 0
        self.met: Counter[str] = Counter()  # rows of the tables, and codes of why
        self.stories: list[str] = []

    def play(self, seed: int, length: int = LENGTH) -> Played:
        """One more history."""
        setup, steps = drawn(seed, length)
        played = play(setup, steps)
        self.histories += 1
        self.steps += played.taken
        self.met += played.world.audit.rows + Counter({f"why {code}": n for code, n in played.world.whys.items()})
        if played.violation is not None:
            self.stories.append(story(seed, steps, played))
        return played


def shortened(setup: Setup, steps: list[Step], rule: str) -> list[Step]:
    """Fewer steps that violate the same rule: cut at the violation, then pieces left out as long as it stays."""

    def shows(tried: list[Step]) -> bool:
        violation = play(setup, tried).violation
        return violation is not None and violation.rule == rule

    piece = max(1, len(steps) // 2)
    while True:
        start, before = 0, len(steps)
        while start < len(steps):
            tried = steps[:start] + steps[start + piece :]
            if shows(tried):
                steps = tried
            else:
                start += piece
        if piece == 1 and len(steps) == before:
            return steps
        piece = max(1, piece // 2)


def digest(seeds: range) -> str:
    """What these seeds lead to, as one short text: the same in every process."""
    seen = blake2b(digest_size=16)
    for seed in seeds:
        world = play(*drawn(seed)).world
        seen.update(msgspec.json.encode([world.runs, world.batches, world.pool, world.disk.journal]))
    return seen.hexdigest()


def story(seed: int, steps: list[Step], played: Played) -> str:
    """What a person needs to play a violation again: the seed, the rule, and the last steps."""
    shown = steps[max(0, played.taken - SHOWN) : played.taken]
    lines = [f"seed {seed}, step {played.taken} of {len(steps)}: {played.violation}", *(f"  {step}" for step in shown)]
    return "\n".join(lines)
