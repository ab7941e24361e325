"""Histories: drawn from a seed, played, played again, and made shorter when they show something."""

from random import Random
from types import SimpleNamespace

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
        config=Config(),
        users=dice.randrange(1, 4),
    )
    weights = [weight * dice.choice([0.2, 1.0, 1.0, 3.0]) for _, weight in STEPS.values()]
    names = dice.choices(list(STEPS), weights, k=length - 2)
    return setup, [(name, dice.getrandbits(32)) for name in ("start", "add batch", *names)]


def play(setup: Setup, steps: list[Step], plants: SimpleNamespace | None = None) -> Played:
    """Take all steps and then go on to the end; stops at the first violation."""
    world = World(setup, plants)
    taken = 0
    try:
        for taken, (name, number) in enumerate(steps, start=1):  # noqa: B007
            take(world, name, number)
        world.dice = Random(0)
        to_the_end(world)
    except Violation as violation:
        return Played(world, taken, violation)
    return Played(world, taken)


def shortened(setup: Setup, steps: list[Step], rule: str, plants: SimpleNamespace | None = None) -> list[Step]:
    """Fewer steps that violate the same rule: cut at the violation, then pieces left out as long as it stays."""

    def shows(tried: list[Step]) -> bool:
        violation = play(setup, tried, plants).violation
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


def story(seed: int, steps: list[Step], played: Played) -> str:
    """What a person needs to play a violation again: the seed, the rule, and the last steps."""
    shown = steps[max(0, played.taken - SHOWN) : played.taken]
    lines = [f"seed {seed}, step {played.taken} of {len(steps)}: {played.violation}", *(f"  {step}" for step in shown)]
    return "\n".join(lines)
