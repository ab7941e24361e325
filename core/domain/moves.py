"""The moves of a run that nobody works on, and `move`, the one door through which every phase changes.

Only the service moves phases, one row of `states.RUN_TABLE` at a time; operators change the intent (`commands`), and
`attempts` tells what working on a run does to it. Pure: every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.errors import Refused
from core.domain.run import REMEMBERED_TRANSITIONS, Failure, RunRecord, StageState, Transition
from core.domain.settings import Settings
from core.domain.states import RUN_TABLE, TERMINAL, FailureKind, Phase, Want, allowed


def move(
    run: RunRecord, event: str, to: Phase, now: datetime, *, by: str = "service", why: str = "", **changes: Any
) -> RunRecord:
    """`run` after `event`, in phase `to`, with its history one line longer.

    Raises `Refused` when no row of the table allows it.
    """
    if not allowed(RUN_TABLE, event, run.phase, to):
        raise Refused(f"Run {run.run_id} is {run.phase}; “{event}” is not possible then.")
    number = int(run.transitions[-1].id.rpartition(".")[2]) + 1 if run.transitions else 1
    line = Transition(id=f"{run.run_id}.{number}", at=now, event=event, source=run.phase, target=to, by=by, why=why)
    history = [*run.transitions, line][-REMEMBERED_TRANSITIONS:]
    return replace(run, phase=to, updated_at=now, transitions=history, **changes)


def settle_intent(run: RunRecord, now: datetime) -> RunRecord:
    """`run` moved as far towards its intent as is possible while nothing of it is being worked on."""
    if run.open_attempt is not None:
        return run
    by, why = run.intent.by, run.intent.why
    match run.intent.want:
        case Want.PAUSE if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING):
            return move(run, "pause", Phase.PAUSED, now, by=by, why=why, next_at=None, wait_s=None)
        case Want.STOP if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING):
            return stopped(run, now, {}, None)
        case Want.CANCEL if run.phase not in TERMINAL:
            return move(run, "cancel", Phase.CANCELLED, now, by=by, why=why, completed_at=now)
        case Want.SKIP if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.FAILED):
            return move(run, "skip", Phase.SKIPPED, now, by=by, why=why, completed_at=now)
        case Want.RUN if run.phase == Phase.PAUSED:
            return move(run, "resume", Phase.QUEUED, now, by=by, why=why, front=1)
        case Want.RUN if run.phase == Phase.SKIPPED and run.intent.at is not None and not run.intent.again:
            return move(run, "unskip", Phase.QUEUED, now, by=by, why=why, completed_at=None)
    return run


def due(run: RunRecord, now: datetime) -> float:
    """Seconds a run in `retry_wait` still has to wait; never more than its whole wait, whatever the clock did."""
    if run.next_at is None:
        return 0.0
    left = (run.next_at - now).total_seconds()
    return max(0.0, min(left, run.wait_s or 0.0))


def wait_over(run: RunRecord, now: datetime) -> RunRecord:
    """`run` queued again at the front of its batch after its back-off."""
    return move(run, "wait_over", Phase.QUEUED, now, front=1, next_at=None, wait_s=None)


def another_round(run: RunRecord, stages: dict[str, StageState], settings: Settings | None, now: datetime) -> RunRecord:
    """`run` queued for one more round, with `stages` as `core.domain.plan` reset them."""
    rerun = bool(run.intent.from_stage or run.intent.changes) or run.phase not in (Phase.FAILED, Phase.CANCELLED)
    return move(
        run,
        "rerun" if rerun else "retry",
        Phase.QUEUED,
        now,
        by=run.intent.by,
        why=run.intent.why,
        stages=stages,
        settings=settings,
        retry_count=run.retry_count + 1,
        crashes=[],
        failure=None,
        completed_at=None,
        front=1,
        intent=replace(run.intent, want=Want.RUN, again=False, from_stage=None, changes={}),
    )


def stopped(run: RunRecord, now: datetime, changes: dict[str, Any], last: Failure | None) -> RunRecord:
    """`run` failed because someone stopped it, with the `changes` that end its attempt; its last error is still told."""
    said = last.message if last is not None else (run.failure.message if run.failure else "")
    failure = Failure(
        kind=FailureKind.STOPPED,
        message=f"Stopped by {run.intent.by or 'the operator'}." + (f" Last error: {said}" if said else ""),
        hint="./reprise retry goes on where it stopped.",
    )
    return move(
        run,
        "stop",
        Phase.FAILED,
        now,
        by=run.intent.by,
        why=run.intent.why,
        failure=failure,
        completed_at=now,
        **changes,
    )
