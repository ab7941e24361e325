"""How fair the queue is: two users, one with few runs and one with many; nobody measures a clock: `python -m bench.fairness`.

    python -m bench.fairness [--few 1] [--many 50] [--rounds 200] [--seed 1]

The many are there first and their runs fill the lane; at a moment drawn from the seed the few come. Told are, over all
rounds, how many runs of the other began before the first of the few after the slot that was free next, and by how many
of its longest runs any user was behind an equal share while both waited.
"""

import argparse
import random

from core.domain.states import Phase
from tests.support.queueing import Lane

GOAL_RUNS = 1.0


def main() -> int:
    """Print the table; exit code 1 when the goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--few", type=int, default=1)
    options.add_argument("--many", type=int, default=50)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    found = [one_round(dice, chosen.few, chosen.many) for _ in range(chosen.rounds)]
    waited, behind = max(waited for waited, _ in found), max(behind for _, behind in found)
    print(f"{chosen.rounds} rounds of {chosen.few} and {chosen.many} runs, of 1 to 60 minutes, 1 to 3 workers")
    print(f"runs of the other that began before the first of the few: at most {waited} (goal: {GOAL_RUNS:g})")
    print(f"behind an equal share, in runs of the longest kind: at most {behind:.2f} (goal: {GOAL_RUNS:g})")
    return 0 if waited <= GOAL_RUNS and behind <= GOAL_RUNS else 1


def one_round(dice: random.Random, few: int, many: int) -> tuple[int, float]:
    """How many runs of the other began before the first of the few, and how far anyone fell behind an equal share."""
    lane = Lane(slots=dice.randrange(1, 4))
    lengths = [float(dice.randrange(60, 3600)) for _ in range(few + many)]
    lane.add("many", *lengths[few:])
    lane.work(times=dice.randrange(0, many // 2))
    mine = lane.add("few", *lengths[:few])
    at, since = len(lane.begun), lane.now
    behind = 0.0
    while waiting(lane, "few") and waiting(lane, "many"):
        lane.end_next()
        lane.claim()
        given = lane.given_s("few", since), lane.given_s("many", since)
        if waiting(lane, "few") and waiting(lane, "many"):
            behind = max(behind, (max(given) - min(given)) / 2 / max(lengths))
    return lane.begun.index(mine[0]) - at if mine[0] in lane.begun else 0, behind


def waiting(lane: Lane, user: str) -> bool:
    """Whether anything of `user` waits."""
    return any(run.owner == user and run.phase == Phase.QUEUED for run in lane.runs.values())


if __name__ == "__main__":
    raise SystemExit(main())
