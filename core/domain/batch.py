"""One batch and the pool: their records and the pure ways they change."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from core.domain.breaker import Breaker
from core.domain.capacity import Capacity
from core.domain.errors import Refused
from core.domain.run import REMEMBERED_TRANSITIONS, RunRecord, Source, Transition
from core.domain.settings import Settings
from core.domain.states import BATCH_TABLE, TERMINAL, BatchPhase, Phase, allowed

MAX_RUNS = 50


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing is claimed: the reason's kind, by whom, in which words, since when.

    With `drain` the stages that run go on to their end. `runs` are the failed runs that an auto-pause names.
    """

    reason: Literal["operator", "auto", "quota", "disk", "dependency", "maintenance"] = "operator"
    by: str = ""
    why: str = ""
    at: datetime | None = None
    drain: bool = False
    runs: list[str] = msgspec.field(default_factory=list)


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it was added: what it takes to make its record again when both copies of that are lost."""

    run_id: str
    space_id: str
    position: int
    source: Source
    title: str = ""


class BatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as its state file holds it; which runs it has now is told by the runs themselves.

    `tier` is what its owner had when it was made (empty: no limit) and `max_runs` how many runs it may have, with those of
    playlists. `members` are the runs it was made with; those that a playlist brings later are in the `entries` of its run.
    `commands` are stamps of requests that may be repeated (`idempotency`). `order` are the runs that were put into another order than their positions say. Failures are counted from
    `streak_since` on; from `probing_since` on one run at a time is tried, until a stage is committed. `active_s` is how
    long work on it was in flight, in seconds; its time-out counts from `timeout_from_s` of them on. A deleted batch knows
    from which phase, so that it can be restored, unless its files are being removed for good (`purging`). `template` is
    the name of the one that its settings began with.
    """

    batch_id: str
    name: str
    owner: str
    created_at: datetime
    updated_at: datetime
    description: str = ""
    phase: BatchPhase = BatchPhase.DRAFT
    pause: Pause | None = None
    cancel_by: str | None = None
    cancel_why: str = ""
    settings: Settings = Settings()
    priority: int = 5
    concurrency: int = 3
    playlist_limit: int = 50
    tier: str = ""
    max_runs: int = MAX_RUNS
    template: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    outcome: Literal["success", "partial", "failed"] | None = None
    members: list[Member] = msgspec.field(default_factory=list)
    order: list[str] = msgspec.field(default_factory=list)
    streak_since: datetime | None = None
    probing_since: datetime | None = None
    active_s: float = 0.0
    timeout_from_s: float = 0.0
    deleted_from: BatchPhase | None = None
    purging: bool = False
    commands: list[str] = msgspec.field(default_factory=list)
    transitions: list[Transition] = msgspec.field(default_factory=list)


class PoolRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all runs: whether claiming is paused, and the latest service's epoch, start, capacity and recovery
    report.

    `breakers` are those things outside that are in trouble, by name: `host:example.org`, `llm`, `network`. `disk` is
    what that service holds everything by while it finds too little free space. `cleaned_at` is when a service last cleaned up.
    """

    pause: Pause | None = None
    breakers: dict[str, Breaker] = msgspec.field(default_factory=dict)
    epoch: int = 0
    service_since: datetime | None = None
    capacity: Capacity | None = None
    disk: Pause | None = None
    recovery: dict[str, float] = msgspec.field(default_factory=dict)
    cleaned_at: datetime | None = None
    updated_at: datetime | None = None


def pause_over(pool: PoolRecord, batch: BatchRecord | None, more: Pause | None = None) -> Pause | None:
    """The strictest of the pauses of everything and of `batch`, and of `more`: one that stops work at once goes before
    one that drains, and the wider one before the other. None when there is none.
    """
    of_batch = batch.pause or Pause() if batch is not None and batch.phase == BatchPhase.PAUSED else None
    pauses = [pause for pause in (pool.pause, of_batch, more) if pause is not None]
    return min(pauses, key=lambda pause: pause.drain, default=None)


def move_batch(
    batch: BatchRecord, event: str, to: BatchPhase, now: datetime, *, by: str = "service", why: str = "", **changes: Any
) -> BatchRecord:
    """`batch` after `event` in phase `to`; raises `Refused` when no row of the table allows it."""
    if not allowed(BATCH_TABLE, event, batch.phase, to):
        raise Refused(f"Batch {batch.batch_id} is {batch.phase}; “{event}” is not possible then.")
    number = int(batch.transitions[-1].id.rpartition(".")[2]) + 1 if batch.transitions else 1
    line = Transition(
        id=f"{batch.batch_id}.{number}", at=now, event=event, source=batch.phase, target=to, by=by, why=why
    )
    return replace(
        batch, phase=to, updated_at=now, transitions=[*batch.transitions, line][-REMEMBERED_TRANSITIONS:], **changes
    )


def withdraw_cancel(batch: BatchRecord, phases: list[Phase], now: datetime) -> BatchRecord:
    """A cancelled `batch` that `settle_batch` may reopen, since one of its runs is to be retried.

    Raises `Refused` while its runs are still being cancelled: the retry would be cancelled with them.
    """
    if batch.cancel_by is None:
        return batch
    if any(phase not in TERMINAL for phase in phases):
        raise Refused(
            f"Batch {batch.batch_id} is still being cancelled.", hint="Retry once all its runs are cancelled."
        )
    return replace(batch, cancel_by=None, cancel_why="", updated_at=now)


def settle_batch(batch: BatchRecord, phases: list[Phase], now: datetime) -> BatchRecord:
    """`batch` completed or failed once all its runs are terminal, and reopened when one of them is not any more."""
    open_runs = [phase for phase in phases if phase not in TERMINAL]
    if batch.phase == BatchPhase.RUNNING and phases and not open_runs:
        good = sum(phase in (Phase.COMPLETED, Phase.SKIPPED) for phase in phases)
        outcome = "success" if good == len(phases) else "partial" if good else "failed"
        to = BatchPhase.COMPLETED if good else BatchPhase.FAILED
        return move_batch(batch, "settle", to, now, outcome=outcome, completed_at=now)
    if (
        batch.phase in (BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED)
        and open_runs
        and batch.cancel_by is None
    ):
        return move_batch(
            batch,
            "reopen",
            BatchPhase.RUNNING,
            now,
            outcome=None,
            completed_at=None,
            timeout_from_s=batch.active_s,
        )
    return batch


def effective_priority(run: RunRecord, batch: BatchRecord) -> int:
    """The priority `run` is claimed by, 0 (last) to 10 (first): its own, else that of its batch."""
    return batch.priority if run.priority is None else run.priority


def places(batch: BatchRecord, runs: Iterable[RunRecord]) -> dict[str, int]:
    """The place of each of the `runs` in `batch`, by id: its position, unless the batch was put into another order.

    Those named in `batch.order` share, in that order, the positions these runs had; all others keep theirs.
    """
    own = {run.run_id: run.position for run in runs}
    named = [run_id for run_id in batch.order if run_id in own]
    return own | dict(zip(named, sorted(own[run_id] for run_id in named), strict=True))


def all_places(batches: Mapping[str, BatchRecord], runs: Iterable[RunRecord]) -> dict[str, int]:
    """`places` for many batches at once; only those runs are named whose batch was put into another order."""
    ordered = {batch_id: batch for batch_id, batch in batches.items() if batch.order}
    of: dict[str, list[RunRecord]] = {batch_id: [] for batch_id in ordered}
    for run in runs if ordered else ():
        if run.batch_id in of:
            of[run.batch_id].append(run)
    return {
        run_id: place for batch_id, theirs in of.items() for run_id, place in places(ordered[batch_id], theirs).items()
    }
