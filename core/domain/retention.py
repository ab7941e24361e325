"""How long finished batches are kept: which are to be archived now, and which soon."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase

ENDED = frozenset({BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED, BatchPhase.DELETED})
SOON = timedelta(days=7)


def untouched_since(batch: BatchRecord, runs: Iterable[RunRecord]) -> datetime | None:
    """When the last thing happened to a batch that has ended, or to one of its `runs`; None while more may happen."""
    if batch.phase not in ENDED or batch.purging:
        return None
    latest = batch.updated_at
    for run in runs:
        may_go_on = run.open_attempt is not None or run.intent.again or run.phase not in TERMINAL
        if may_go_on and batch.phase != BatchPhase.DELETED and not run.removed:
            return None
        latest = max(latest, run.updated_at)
    return latest


def ages(batches: Mapping[str, BatchRecord], runs: Iterable[RunRecord]) -> dict[str, datetime]:
    """When the last thing happened to each batch that has ended, by id, the one untouched longest first."""
    of: dict[str, list[RunRecord]] = {batch_id: [] for batch_id in batches}
    for run in runs:
        if run.batch_id in of:
            of[run.batch_id].append(run)
    found = {batch_id: untouched_since(batch, of[batch_id]) for batch_id, batch in batches.items()}
    known = {batch_id: since for batch_id, since in found.items() if since is not None}
    return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))


def is_due(since: datetime, now: datetime, kept_s: float) -> bool:
    """Whether what was last touched then is not kept any longer; with 0 it is kept for ever."""
    return kept_s > 0 and now - since >= timedelta(seconds=kept_s)


def is_due_soon(since: datetime, now: datetime, kept_s: float) -> bool:
    """Whether it is going to be due within a week."""
    return not is_due(since, now, kept_s) and is_due(since, now + SOON, kept_s)
