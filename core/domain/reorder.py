"""Putting waiting runs into another order: what was seen, what is wanted, and what is there meanwhile."""

from collections.abc import Sequence

from core.domain.batch import BatchRecord, effective_priority, places
from core.domain.errors import Refused
from core.domain.run import RunRecord
from core.domain.states import Phase


def queued_order(batch: BatchRecord, runs: Sequence[RunRecord]) -> list[str]:
    """The ids of the queued runs of a batch in the order in which they start."""
    at = places(batch, runs)
    queued = [run for run in runs if run.phase == Phase.QUEUED]
    queued.sort(key=lambda run: (-effective_priority(run, batch), -run.front, at[run.run_id]))
    return [run.run_id for run in queued]


def moved(now: Sequence[str], seen: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The order `now` after somebody who saw `seen`, a part of it, asked for `wanted`; all others keep their places.

    Raises `Refused` when the runs that were seen do not wait in that order any more: the wish was about another queue.
    """
    known = set(seen)
    if sorted(seen) != sorted(wanted) or [run_id for run_id in now if run_id in known] != list(seen):
        raise Refused(
            "The queue has changed meanwhile; nothing was moved.", hint="Look at it as it is now, then move it again."
        )
    given = iter(wanted)
    return [next(given) if run_id in known else run_id for run_id in now]
