"""The words shown for a run, a batch and the pool: derived from phase and intent, never stored."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from core.domain.batch import BatchRecord, Pause, PoolRecord
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.domain.words import person

PoolStatus = Literal["idle", "running", "paused", "completed", "failed"]

_UNDER_WAY = {
    Want.PAUSE: "pausing",
    Want.STOP: "stopping",
    Want.CANCEL: "cancelling",
    Want.SKIP: "skipping",
}


def shown_phase(run: RunRecord, waits_for: str | None = None) -> str:
    """The word for `run`: its phase, or what is being made of it while intent and phase differ.

    One that has begun, and has to wait for something between two stages (`waits_for` says for what), is `waiting`.
    """
    if run.phase in TERMINAL:
        return "retrying" if run.intent.again else "stopped" if run.was_stopped else str(run.phase)
    if run.phase == Phase.PAUSED and run.intent.want == Want.PAUSE:
        return str(run.phase)
    if run.phase == Phase.RUNNING and run.open_attempt is None and waits_for and run.intent.want == Want.RUN:
        return "waiting"
    return _UNDER_WAY.get(run.intent.want, str(run.phase))


def shown_batch_phase(batch: BatchRecord, phases: Iterable[Phase]) -> str:
    """The word for `batch` with runs in `phases`: also queued (none begun), pausing and cancelling (work in flight)."""
    counts = list(phases)
    if batch.phase == BatchPhase.RUNNING and counts and all(phase == Phase.QUEUED for phase in counts):
        return "queued"
    if batch.phase == BatchPhase.PAUSED and Phase.RUNNING in counts:
        return "pausing"
    if batch.cancel_by is not None and any(phase not in TERMINAL for phase in counts):
        return "cancelling"
    return str(batch.phase)


def pool_status(
    pool: PoolRecord, counts: Mapping[Phase, int], *, service_alive: bool = True, broken: bool = False
) -> PoolStatus:
    """The one word for everything.

    `counts` are the runs in each phase, without those of drafts; `broken` says that a service could not start at all
    (no lock, storage not writable). Running needs a service; what waits without one is idle.
    """
    if broken:
        return "failed"
    if pool.pause is not None:
        return "paused"
    if any(counts.get(phase) for phase in (Phase.RUNNING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.RECEIVING)):
        return "running" if service_alive else "idle"
    if counts.get(Phase.PAUSED):
        return "paused"
    return "completed" if any(counts.get(phase) for phase in TERMINAL) else "idle"


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A run that still moves although a pause is wanted: `at_s` is where in its media it is, `share` how far its stage."""

    run_id: str
    title: str
    stage: str
    at_s: float | None = None
    share: float | None = None


NAMED_IN_FLIGHT = 3


def moves(run: RunRecord) -> bool:
    """Whether something works on `run` now: one that stands still with its attempt open does not."""
    return run.phase == Phase.RUNNING and run.open_attempt is not None


def still_since(paused_at: datetime, runs: Iterable[RunRecord]) -> datetime | None:
    """When the last of `runs` stood still after the pause of `paused_at`; None while one of them still moves."""
    latest = paused_at
    for run in runs:
        if moves(run):
            return None
        if run.phase == Phase.RUNNING:  # between two stages
            ends = [run.attempts[-1].ended_at] if run.attempts else []
        else:
            ends = [line.at for line in run.transitions if line.source == Phase.RUNNING and line.target != line.source]
        latest = max([latest, *(at for at in ends if at is not None)])
    return latest


def pause_sentence(pause: Pause, in_flight: Sequence[InFlight], since: datetime | None, now: datetime) -> str:
    """How far a pause is: what still moves, or since when everything stands still, by whom and why.

    Times are shown in the zone that `since` has, with the day when `now` is another one.
    """
    if in_flight:
        named = ", ".join(_place(one) for one in in_flight[:NAMED_IN_FLIGHT])
        left_out = len(in_flight) - NAMED_IN_FLIGHT
        named += f" and {left_out} more" if left_out > 0 else ""
        if pause.drain:
            goes = "goes" if len(in_flight) == 1 else "go"
            stage = "stage" if len(in_flight) == 1 else "stages"
            return f"pausing: the running {stage} of {len(in_flight)} {goes} on to the end: {named}"
        return f"pausing, {len(in_flight)} in flight: {named}"
    when = ""
    if since is not None:
        today = since.date() == now.astimezone(since.tzinfo).date()
        when = f" at {since:%H:%M:%S}" if today else f" on {since:%Y-%m-%d} at {since:%H:%M:%S}"
    by = person(pause.by)
    if by in ("", "service"):
        return f"paused{when}" + (f": {pause.why}" if pause.why else "")
    return f"paused{when} by {by}" + (f': "{pause.why}"' if pause.why else "")


def _place(one: InFlight) -> str:
    place = f" at {clock(one.at_s)}" if one.at_s is not None else f" at {one.share:.0%}" if one.share else ""
    return f'"{one.title}" {one.stage}{place}'


def clock(seconds: float) -> str:
    """A place in a recording as players show it: 41:20, 1:02:03."""
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole % 3600 // 60:02d}" if whole >= 3600 else str(whole // 60)
    return f"{hours}:{whole % 60:02d}"
