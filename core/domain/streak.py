"""Runs of a batch that fail one after another: when it is time to stop and ask a person. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from core.domain.batch import BatchRecord, Pause, move_batch
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase


def streak(runs: Iterable[RunRecord], since: datetime | None) -> list[RunRecord]:
    """The runs that failed since the last completed one, in the order in which they ended; none before `since`.

    Who stopped, cancelled or skipped a run knows why it ended: that neither counts nor ends the row.
    """
    ended = [run for run in runs if run.completed_at is not None and (since is None or run.completed_at >= since)]
    ended.sort(key=lambda run: (run.completed_at, run.position))
    row: list[RunRecord] = []
    for run in ended:
        if run.phase == Phase.COMPLETED:
            row.clear()
        elif run.needs_attention and run.failure is not None:
            row.append(run)
    return row


def failed_since(runs: Iterable[RunRecord], since: datetime | None) -> list[RunRecord]:
    """The runs that failed since then and that nobody stopped: what a resume after an auto-pause retries.

    That is the row which paused the batch, and what was in flight beside it and failed after it.
    """
    return [
        run
        for run in runs
        if run.needs_attention and (since is None or run.completed_at is None or run.completed_at >= since)
    ]


def cause(row: list[RunRecord]) -> str:
    """What most of these runs failed of, as a sentence with both numbers.

    Where their sentences differ, only what is true of all is told: the part before a colon, else it is the last one's.
    """
    failures = [run.failure for run in row if run.failure is not None]
    ((worst, count),) = Counter(failure.error_class for failure in failures).most_common(1)
    messages = [failure.message for failure in failures if failure.error_class == worst]
    said, of = messages[-1], "" if count == len(row) else f", {count} of them"
    if len(set(messages)) > 1:
        shared = {message.partition(": ")[0] for message in messages}
        if len(shared) == 1:
            said = f"{shared.pop()}."
        else:
            of = f"{of}, the last" if of else ", the last of them"
    return f"{len(row)} runs failed one after another{of}: {said}"


def auto_pause(batch: BatchRecord, row: list[RunRecord], limit: int, now: datetime) -> BatchRecord:
    """`batch` paused when `limit` of its runs (0: never) failed in a `row`; what is being worked on goes on to its end."""
    if not limit or len(row) < limit or batch.phase != BatchPhase.RUNNING:
        return batch
    pause = Pause(reason="auto", by="service", why=cause(row), at=now, drain=True, runs=[run.run_id for run in row])
    return move_batch(batch, "auto_pause", BatchPhase.PAUSED, now, why=pause.why, pause=pause)
