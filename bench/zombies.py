"""Workers that outlive their service, are taken over from and wake up: is each piece of work published exactly once?

    python -m bench.zombies [--count 200] [--seed 1]

In each round a real worker is stopped (SIGSTOP) at a moment of its attempt, before any lock, at a unit, before the rename
or before its report, its service is killed and a new one takes over. The stopped worker keeps its locks, or has them
taken away as by a second machine; it goes on before, beside or after the new service's own attempt. Counted by what the
processes themselves did: publications, what the late one came to, and whether any byte changed that was published.
"""

import argparse
import shutil
import sys
from collections import Counter
from random import Random

from bench.processes import scratch
from tests.support.zombies import ALL, Ended, a_round


def main() -> int:
    """Print the table; exit code 1 when a round was not as it has to be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=200, help="how many rounds")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    dice = Random(chosen.seed)
    cases = [case for _ in range(-(-chosen.count // len(ALL))) for case in dice.sample(ALL, len(ALL))][: chosen.count]
    rounds: list[Ended] = []
    with scratch() as folder:
        for number, case in enumerate(cases, start=1):
            where = folder / f"round-{number}"
            rounds.append(a_round(where, *case, dice))
            shutil.rmtree(where)
            one = rounds[-1]
            verdict = "ok" if one.is_right() else f"WRONG {one}"
            print(
                f"{number:4}  stopped at {one.moment:8} locks {one.locks:5} woken {one.wake:7} {one.late:20} {verdict}",
                flush=True,
            )
    return 0 if report(rounds) else 1


def report(rounds: list[Ended]) -> bool:
    """Print what came out; whether everything is as it has to be."""
    right = sum(one.is_right() for one in rounds)
    print(f"rounds: {len(rounds)}; taken over while the worker stood still: {sum(one.taken_over for one in rounds)}")
    print(f"published exactly once: {sum(one.publications == 1 for one in rounds)} of {len(rounds)}")
    print(f"nothing overwritten, result as it has to be: {sum(one.whole for one in rounds)} of {len(rounds)}")
    print(f"run completed: {sum(one.phase == 'completed' for one in rounds)} of {len(rounds)}")
    for locks in ("kept", "lost"):
        late = Counter(one.late for one in rounds if one.locks == locks)
        told = ", ".join(f"{what} {count}" for what, count in late.most_common())
        print(f"what the woken worker came to, locks {locks}: {told}")
    return right == len(rounds)


if __name__ == "__main__":
    sys.exit(main())
