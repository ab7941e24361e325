"""How long a stage, a run and a batch may work, and what becomes of a run that worked longer. Pure.

Only time really worked counts: neither pauses nor waiting, nor what earlier rounds took.
"""

from datetime import datetime

import msgspec

from core.domain.attempts import close_attempt, end_attempt
from core.domain.batch import BatchRecord
from core.domain.moves import move
from core.domain.run import Failure, RunRecord
from core.domain.spans import span
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus, Want


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The configured limits, in seconds."""

    stage_s: float
    run_s: float
    batch_s: float


def worked_s(run: RunRecord) -> float:
    """The seconds that the closed attempts of the present round worked."""
    ids = [attempt.id for attempt in run.attempts]
    first = ids.index(run.round_after) + 1 if run.round_after in ids else 0
    return sum(attempt.active_s or 0.0 for attempt in run.attempts[first:] if attempt.outcome is not None)


def left_s(run: RunRecord, active_s: float, limits: Limits) -> float:
    """Seconds that the open attempt of `run` may still work, after `active_s` of it."""
    return min(limits.stage_s - active_s, limits.run_s - worked_s(run) - active_s)


def overdue(run: RunRecord, active_s: float, limits: Limits) -> Failure | None:
    """Why `run` has to end now, `active_s` into its open attempt (0 without one); None while it may go on."""
    attempt = run.open_attempt
    if attempt is not None and active_s >= limits.stage_s:
        return _failure(run, f"{attempt.stage.capitalize()} worked", limits.stage_s, "stage_timeout_s")
    if worked_s(run) + active_s >= limits.run_s:
        return _failure(run, "The run worked", limits.run_s, "run_timeout_s")
    return None


def batch_left_s(batch: BatchRecord, unwritten_s: float, limits: Limits) -> float:
    """Seconds that may still be worked on `batch`; `unwritten_s` were worked since its record was written."""
    return limits.batch_s - (batch.active_s + unwritten_s - batch.timeout_from_s)


def batch_failure(run: RunRecord, limits: Limits) -> Failure:
    """The failure of a run whose batch worked too long."""
    return _failure(run, "Its batch worked", limits.batch_s, "batch_timeout_s")


def _failure(run: RunRecord, who: str, limit_s: float, setting: str) -> Failure:
    return Failure(
        kind=FailureKind.TIMEOUT,
        message=f"{who} for {span(limit_s)}, which is all it may.",
        hint=f"Nothing that is whole is lost: ./reprise retry {run.run_id} goes on there; {setting} sets the limit.",
    )


def timed_out(run: RunRecord, failure: Failure, now: datetime, *, units_done: int = 0, note: str = "") -> RunRecord:
    """`run` failed because it worked too long, once nobody works on it any more; every unit is kept.

    One that is to be stopped or cancelled, or that rests meanwhile, goes where its intent leads.
    """
    if run.phase not in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING) or run.intent.want not in (
        Want.RUN,
        Want.PAUSE,
    ):
        return end_attempt(run, AttemptOutcome.INTERRUPTED, now, units_done=units_done) if run.open_attempt else run
    changes = close_attempt(
        run, AttemptOutcome.ERROR, now, failure=failure, units_done=units_done, status=StageStatus.FAILED
    )
    why = f"{failure.message} {note}".strip()
    return move(run, "timeout", Phase.FAILED, now, why=why, failure=failure, completed_at=now, **changes)
