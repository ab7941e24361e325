"""One run in a line: what the schedule needs to know of a run that waits for its next stage."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from core.domain.batch import BatchRecord, effective_priority
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase, Want

Rank = tuple[bool, int]
Place = tuple[int, datetime, str, int, str]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A run that waits for its next stage: what the schedule needs to know of it, made once for each of its records.

    `rank` is begun before new and then priority; `place` orders the line of its user: what was put to the front, then
    batches as they were made, then places within the batch. `since` is from when on it waits.
    """

    run_id: str
    batch_id: str
    user: str
    stage: str
    lane: str
    new: bool
    rank: Rank
    place: Place
    since: datetime
    media_s: float | None
    waits_for: str | None
    next_at: datetime | None
    wait_s: float


Line = list[Waiting]


def waiting(run: RunRecord, batch: BatchRecord, place: int, lane_of: Mapping[str, str]) -> Waiting | None:
    """The place of a run that nothing but its turn, a wait or something outside keeps from its next stage; else None.

    `place` is its number in the order of its batch.
    """
    if run.phase not in (Phase.QUEUED, Phase.RUNNING) or run.intent.want != Want.RUN:
        return None
    stage = run.next_stage
    if stage is None or stage not in lane_of or batch.phase != BatchPhase.RUNNING:
        return None
    new = run.phase == Phase.QUEUED
    return Waiting(
        run_id=run.run_id,
        batch_id=run.batch_id,
        user=run.owner,
        stage=stage,
        lane=lane_of[stage],
        new=new,
        rank=(new, -effective_priority(run, batch)),
        place=(-run.front, batch.created_at, batch.batch_id, place, run.run_id),
        since=_since(run, batch),
        media_s=run.duration_s,
        waits_for=run.waits_for,
        next_at=run.next_at,
        wait_s=run.wait_s or 0.0,
    )


def place_of(one: Waiting) -> Place:
    """What its line is sorted by."""
    return one.place


def _since(run: RunRecord, batch: BatchRecord) -> datetime:
    """From when on a run waits: its last step, the end of its last attempt, or the start of its batch."""
    since = run.transitions[-1].at if run.transitions else run.created_at
    if run.attempts and (ended := run.attempts[-1].ended_at) is not None:
        since = max(since, ended)
    return max(since, batch.transitions[-1].at) if batch.transitions else since
