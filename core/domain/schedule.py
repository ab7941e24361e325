"""Who is next: which attempts may start now, decided for all runs in one pass."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from core.domain.batch import BatchRecord, PoolRecord, effective_priority
from core.domain.moves import due
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase, Want


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that may start now."""

    run_id: str
    stage: str
    lane: str


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that schedule and diagnosis decide on.

    `free` and `lanes` tell how many slots each lane has free and in all, `lane_of` the lane of each stage;
    `shared_busy` names the `stage/key` that are being made just now, `waiting` the runs whose back-off is not over.
    """

    runs: Mapping[str, RunRecord]
    batches: Mapping[str, BatchRecord]
    pool: PoolRecord
    free: Mapping[str, int]
    lanes: Mapping[str, int]
    lane_of: Mapping[str, str]
    now: datetime
    draining: bool = False
    disk_low: bool = False
    shared_busy: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


def waiting_by(runs: Mapping[str, RunRecord], now: datetime) -> frozenset[str]:
    """The runs that still wait, by the wall clock alone: for views; the service has a better clock."""
    return frozenset(run_id for run_id, run in runs.items() if run.next_at is not None and due(run, now) > 0)


Order = tuple[bool, int, int, datetime, str, int, str]


def order(run: RunRecord, batch: BatchRecord) -> Order:
    """The place of a run among all that could start: the smallest goes first.

    Runs that have begun go before new ones, so that pipelines finish; then priority, then what was put to the front
    (resumed, retried), then the order in which batches and their runs were made.
    """
    return (
        run.phase != Phase.RUNNING,
        -effective_priority(run, batch),
        -run.front,
        batch.created_at,
        batch.batch_id,
        run.position,
        run.run_id,
    )


def can_start(run: RunRecord, situation: Situation) -> bool:
    """Whether nothing but a slot keeps `run` from starting its next stage: the effective claim rule."""
    if run.phase not in (Phase.QUEUED, Phase.RUNNING) or run.intent.want != Want.RUN or run.open_attempt is not None:
        return False
    batch = situation.batches.get(run.batch_id)
    if batch is None or batch.phase != BatchPhase.RUNNING:
        return False
    if run.waits_for is not None and run.waits_for in situation.shared_busy:
        return False
    return run.run_id not in situation.waiting and run.next_stage in situation.lane_of


def running_per_batch(situation: Situation) -> dict[str, int]:
    """How many runs of each batch have begun and are not at rest: what its concurrency limits."""
    counts: dict[str, int] = {}
    for run in situation.runs.values():
        if run.phase == Phase.RUNNING:
            counts[run.batch_id] = counts.get(run.batch_id, 0) + 1
    return counts


def schedule(situation: Situation) -> list[Claim]:
    """The attempts to start now, in order, at most one a run.

    A claim takes a free slot of its lane and, when the run is new, one of its batch's places; of several runs waiting
    for one piece of shared work only the first is woken.
    """
    free = {lane: slots for lane, slots in situation.free.items() if slots > 0}
    if situation.draining or situation.disk_low or situation.pool.pause is not None or not free:
        return []
    candidates: list[tuple[Order, RunRecord, str, str]] = []
    for run in situation.runs.values():
        if not can_start(run, situation):
            continue
        stage = run.next_stage
        lane = situation.lane_of[stage] if stage is not None else ""
        if stage is not None and lane in free:
            candidates.append((order(run, situation.batches[run.batch_id]), run, stage, lane))
    candidates.sort(key=lambda candidate: candidate[0])
    running = running_per_batch(situation)
    claims: list[Claim] = []
    woken: set[str] = set()
    for _, run, stage, lane in candidates:
        if not free:
            break
        new = run.phase == Phase.QUEUED
        full = running.get(run.batch_id, 0) >= situation.batches[run.batch_id].concurrency
        if lane not in free or (new and full) or run.waits_for in woken:
            continue
        claims.append(Claim(run_id=run.run_id, stage=stage, lane=lane))
        if run.waits_for is not None:
            woken.add(run.waits_for)
        if new:
            running[run.batch_id] = running.get(run.batch_id, 0) + 1
        free[lane] -= 1
        if not free[lane]:
            del free[lane]
    return claims
