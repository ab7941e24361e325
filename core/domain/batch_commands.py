"""What an operator may ask of a batch, and of the pool's pause: each gives a new record, or the very same if it is so.

Pure: every function takes `now` (UTC). A batch moves at once; its runs follow when the service comes by.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord, Pause, move_batch, places
from core.domain.errors import NotUsable, Refused
from core.domain.limits import CONCURRENCY, MAX_DESCRIPTION, MAX_NAME, PRIORITY, check_text, whole_number
from core.domain.run import RunRecord
from core.domain.settings import parse_settings
from core.domain.states import TERMINAL, BatchPhase, Phase

EDITABLE = frozenset({BatchPhase.DRAFT, BatchPhase.RUNNING, BatchPhase.PAUSED})


def joined(there: Pause | None, asked: Pause) -> Pause:
    """The pause in force after `asked`; the very same object when `asked` adds nothing to what is `there`.

    A pause for now is stronger than one that drains, and a person's than one that ends by itself; one that ends by
    nobody but a person (operator, auto) is kept with its words.
    """
    if there is None:
        return asked
    hasty = there.drain and not asked.drain
    if there.reason in ("operator", "auto"):
        return replace(there, drain=False, by=asked.by, why=asked.why or there.why) if hasty else there
    return replace(asked, drain=there.drain and asked.drain, why=asked.why or there.why)


def pause_batch(batch: BatchRecord, now: datetime, *, by: str, why: str = "", drain: bool = False) -> BatchRecord:
    """`batch` paused by a person: nothing of it is claimed, and unless it is to `drain` all work stands still."""
    pause = joined(batch.pause, Pause(by=by, why=why, at=now, drain=drain))
    if batch.phase == BatchPhase.PAUSED:
        return batch if pause is batch.pause else replace(batch, pause=pause, updated_at=now)
    return _moved(batch, "pause", BatchPhase.PAUSED, now, by=by, why=why, pause=pause)


def start_batch(batch: BatchRecord, now: datetime, *, by: str) -> BatchRecord:
    """`batch` running: a draft is started, a paused one resumed, a running one left as it is.

    The count of failures begins again; after an auto-pause one run at a time is tried first.
    """
    if batch.phase == BatchPhase.RUNNING:
        return batch
    event = "resume" if batch.phase == BatchPhase.PAUSED else "start"
    changes: dict[str, Any] = {"pause": None, "started_at": batch.started_at or now, "streak_since": now}
    if batch.pause is not None and batch.pause.reason == "auto":
        changes["probing_since"] = now
    return _moved(batch, event, BatchPhase.RUNNING, now, by=by, **changes)


def resume_batch(batch: BatchRecord, now: datetime, *, by: str) -> BatchRecord:
    """`batch` running after a pause; a draft is not started by this."""
    if batch.phase == BatchPhase.DRAFT:
        raise Refused(
            f"Batch {batch.batch_id} is a draft; there is nothing to resume.",
            hint=f"./reprise start {batch.batch_id} starts it.",
        )
    return start_batch(batch, now, by=by)


def cancel_batch(batch: BatchRecord, now: datetime, *, by: str, why: str = "") -> BatchRecord:
    """`batch` cancelled; its runs are cancelled one by one by the service, and no new one is claimed."""
    if batch.phase == BatchPhase.CANCELLED:
        return batch
    changes: dict[str, Any] = {"pause": None, "cancel_by": by, "cancel_why": why, "completed_at": now}
    return _moved(batch, "cancel", BatchPhase.CANCELLED, now, by=by, why=why, **changes)


def delete_batch(
    batch: BatchRecord, runs: Iterable[RunRecord], now: datetime, *, by: str, why: str = ""
) -> BatchRecord:
    """`batch` deleted, softly: it is hidden, and can be restored. Refused while one of its `runs` may still move."""
    if batch.phase == BatchPhase.DELETED:
        return batch
    after = _moved(batch, "delete", BatchPhase.DELETED, now, by=by, why=why, deleted_from=batch.phase)
    going = [run for run in runs if run.open_attempt is not None or run.intent.again or run.phase not in TERMINAL]
    if going and batch.phase != BatchPhase.DRAFT:
        what = "is to be retried" if going[0].intent.again else f"is still {going[0].phase}"
        raise Refused(
            f"Batch {batch.batch_id} is {batch.phase}, but its run {going[0].run_id} {what}.",
            hint="Delete it once all its runs have ended.",
        )
    return after


def restore_batch(batch: BatchRecord, now: datetime, *, by: str) -> BatchRecord:
    """A deleted `batch` as it was before; one that is not deleted is left as it is."""
    if batch.phase != BatchPhase.DELETED:
        return batch
    if batch.purging:
        raise Refused(f"Batch {batch.batch_id} is being deleted for good; it cannot be restored.")
    # Before deleted_from there were only drafts and settled batches to delete; of those the outcome tells.
    known = {"success": BatchPhase.COMPLETED, "partial": BatchPhase.COMPLETED, "failed": BatchPhase.FAILED}
    before = batch.deleted_from or known.get(batch.outcome or "", BatchPhase.CANCELLED)
    return _moved(batch, "restore", before, now, by=by, deleted_from=None)


def purge_batch(batch: BatchRecord, now: datetime) -> BatchRecord:
    """A deleted `batch` marked so that its files are removed for good."""
    return batch if batch.purging else replace(batch, purging=True, updated_at=now)


def prioritise_batch(batch: BatchRecord, priority: object, now: datetime) -> BatchRecord:
    """`batch` with another priority, 0 (last) to 10 (first), for all its runs that have none of their own."""
    number = whole_number("priority", priority, PRIORITY)
    _require_open(batch, "its priority cannot be changed any more")
    return batch if number == batch.priority else replace(batch, priority=number, updated_at=now)


def edit_batch(
    batch: BatchRecord,
    now: datetime,
    *,
    name: str | None = None,
    description: str | None = None,
    concurrency: object = None,
    changes: dict[str, Any] | None = None,
) -> BatchRecord:
    """`batch` with what was given changed; raises `BadInput` naming the field that is not possible.

    Changed settings hold for runs that were not claimed yet: those of all others were frozen then.
    """
    given: dict[str, Any] = {}
    if name is not None:
        given["name"] = check_text("name", name, MAX_NAME, required=True)
    if description is not None:
        given["description"] = check_text("description", description, MAX_DESCRIPTION)
    if concurrency is not None:
        given["concurrency"] = whole_number("concurrency", concurrency, CONCURRENCY)
    if changes:
        given["settings"] = parse_settings(changes, batch.settings)
    _require_open(batch, "it cannot be edited any more")
    after = replace(batch, **given)
    return batch if after == batch else replace(after, updated_at=now)


def reorder_batch(batch: BatchRecord, runs: Sequence[RunRecord], run_ids: Sequence[str], now: datetime) -> BatchRecord:
    """`batch` whose queued runs start in the order of `run_ids`, which has to name each of them once.

    Raises `NotUsable` naming the ids that are doubled, foreign or missing, `Refused` those that are not queued any more:
    whoever orders is to have seen what is ordered. The order then stays as it was.
    """
    _require_open(batch, "its order cannot be changed any more")
    there = {run.run_id: run for run in runs}
    doubled = sorted({run_id for run_id in run_ids if run_ids.count(run_id) > 1})
    if doubled:
        raise NotUsable(f"Named twice: {', '.join(doubled)}.", hint="Name each queued run once.")
    foreign = [run_id for run_id in run_ids if run_id not in there]
    if foreign:
        raise NotUsable(
            f"Not in batch {batch.batch_id}: {', '.join(foreign)}.",
            hint=f"./reprise show {batch.batch_id} lists its runs.",
        )
    begun = [there[run_id] for run_id in run_ids if there[run_id].phase != Phase.QUEUED]
    if begun:
        told = ", ".join(f"{run.run_id} is {run.phase}" for run in begun)
        raise Refused(f"Only queued runs can be put into another order: {told}.", hint="Look again, then repeat it.")
    missing = [run.run_id for run in runs if run.phase == Phase.QUEUED and run.run_id not in run_ids]
    if missing:
        raise NotUsable(f"Also queued, but not named: {', '.join(missing)}.", hint="Name every queued run once.")
    # Those that were ordered before and have begun since keep their place among the others.
    now_at = places(batch, runs)
    taken = iter(sorted(now_at[run_id] for run_id in run_ids))
    wanted = now_at | {run_id: next(taken) for run_id in run_ids}
    moved = [run_id for run_id in wanted if wanted[run_id] != there[run_id].position]
    order = sorted({*(run_id for run_id in batch.order if run_id in there), *moved}, key=lambda one: wanted[one])
    return batch if wanted == now_at else replace(batch, order=order, updated_at=now)


def _require_open(batch: BatchRecord, sentence: str) -> None:
    if batch.phase not in EDITABLE:
        raise Refused(f"Batch {batch.batch_id} is {batch.phase}; {sentence}.", hint=_hint(batch, "change"))


def _moved(
    batch: BatchRecord, event: str, to: BatchPhase, now: datetime, *, by: str, why: str = "", **changes: Any
) -> BatchRecord:
    """`move_batch`, which says what to do instead when it is refused."""
    try:
        return move_batch(batch, event, to, now, by=by, why=why, **changes)
    except Refused as refused:
        a = "a " if batch.phase == BatchPhase.DRAFT else ""
        raise Refused(
            f"Batch {batch.batch_id} is {a}{batch.phase}; it cannot be {_DONE[event]}.", hint=_hint(batch, event)
        ) from refused


def _hint(batch: BatchRecord, event: str) -> str | None:
    if batch.purging:
        return None
    match batch.phase, event:
        case BatchPhase.DELETED, _:
            return f"./reprise restore {batch.batch_id} brings it back."
        case ((BatchPhase.RUNNING | BatchPhase.PAUSED), "delete"):
            return f"Cancel it first: ./reprise cancel {batch.batch_id}"
        case ((BatchPhase.FAILED | BatchPhase.COMPLETED), "start" | "resume"):
            return f"./reprise retry --failed {batch.batch_id} retries its failed runs."
        case BatchPhase.CANCELLED, "start" | "resume":
            return "./reprise retry RUN takes one of its runs up again."
        case BatchPhase.DRAFT, "pause":
            return "Nothing of a draft is worked on."
    return f"./reprise show {batch.batch_id} tells more."


_DONE = {
    "start": "started",
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
    "delete": "deleted",
    "restore": "restored",
}
