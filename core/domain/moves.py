"""The moves of a run that nobody works on, and `move`, the one door through which every phase changes.

Only the service moves phases, one row of `states.RUN_TABLE` at a time; operators change the intent (`commands`), and
`attempts` tells what working on a run does to it. Pure: every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.batch import Pause
from core.domain.errors import Refused
from core.domain.run import REMEMBERED_TRANSITIONS, Failure, RunRecord, StageState, Transition
from core.domain.settings import Settings
from core.domain.states import RUN_TABLE, TERMINAL, FailureKind, Phase, StageStatus, Want, allowed
from core.domain.words import person


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
    if to not in (Phase.QUEUED, Phase.RETRY_WAIT):
        changes = {"next_at": None, "wait_s": None, **changes}
    if to != Phase.RUNNING:
        changes = {"waits_for": None, "verdict": None, **changes}
    return replace(run, phase=to, updated_at=now, transitions=history, **changes)


def settle_intent(run: RunRecord, now: datetime) -> RunRecord:
    """`run` moved as far towards its intent as is possible while nothing of it is being worked on.

    A run with nothing left to do is completed, unless it is to be cancelled or skipped.
    """
    if run.open_attempt is not None:
        return run
    by, why = run.intent.by, run.intent.why
    if is_finished(run) and run.intent.want in (Want.RUN, Want.PAUSE, Want.STOP):
        return complete(run, now)
    match run.intent.want:
        case Want.PAUSE if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING):
            return move(run, "pause", Phase.PAUSED, now, by=by, why=why)
        case Want.STOP if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING):
            return stopped(run, now, {}, None)
        case Want.CANCEL if run.phase not in TERMINAL:
            return move(run, "cancel", Phase.CANCELLED, now, by=by, why=why, completed_at=now)
        case Want.SKIP if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.FAILED):
            return move(run, "skip", Phase.SKIPPED, now, by=by, why=why, completed_at=now)
        case Want.RUN if run.phase == Phase.PAUSED:
            return move(run, "resume", Phase.QUEUED, now, by=by, why=why, front=1, **_failed_again(run))
        case Want.RUN if run.phase == Phase.SKIPPED and run.intent.at is not None and not run.intent.again:
            return move(run, "unskip", Phase.QUEUED, now, by=by, why=why, completed_at=None, **_failed_again(run))
    return run


def hold(run: RunRecord, pause: Pause, now: datetime) -> RunRecord:
    """`run` paused between two stages, because its batch or everything is; what waits in a queue simply stays there."""
    if run.open_attempt is not None or run.phase != Phase.RUNNING or run.intent.want != Want.RUN or is_finished(run):
        return run
    return move(run, "pause", Phase.PAUSED, now, by=pause.by, why=pause.why)


def is_finished(run: RunRecord) -> bool:
    """Whether nothing is left to do for a run that is not terminal yet: every stage is committed or not needed."""
    return bool(run.stages) and run.next_stage is None and run.phase in (Phase.RUNNING, Phase.QUEUED, Phase.PAUSED)


def complete(run: RunRecord, now: datetime) -> RunRecord:
    """`run` completed; a pause or stop that came too late is dropped."""
    intent = replace(run.intent, want=Want.RUN)
    return move(run, "complete", Phase.COMPLETED, now, completed_at=now, failure=None, intent=intent)


def _failed_again(run: RunRecord) -> dict[str, Any]:
    """The changes that give a run held or skipped after a failure its tries back; none for any other run."""
    poisoned = run.failure is not None and run.failure.kind == FailureKind.POISON
    failed = {
        name: stage
        for name, stage in run.stages.items()
        if stage.status == StageStatus.FAILED or (poisoned and stage.damages and stage.status == StageStatus.PENDING)
    }
    if not failed:
        return {}
    fresh = {name: replace(stage.afresh(), status=StageStatus.PENDING) for name, stage in failed.items()}
    return {"stages": {**run.stages, **fresh}, "crashes": [], "service_crashes": [], "failure": None}


def due(run: RunRecord, now: datetime) -> float:
    """Seconds a run still has to wait before it may go on (in `retry_wait`, or queued after repeated crashes).

    Never more than its whole wait, whatever the clock did.
    """
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
        service_crashes=[],
        failure=None,
        completed_at=None,
        resumed=False,
        adopted=False,
        front=1,
        round_after=run.attempts[-1].id if run.attempts else None,
        intent=replace(run.intent, want=Want.RUN, again=False, from_stage=None, changes={}),
    )


def invalidate(run: RunRecord, stages: dict[str, StageState], now: datetime, *, why: str) -> RunRecord:
    """A completed `run` queued again because a receipt no longer verifies; `stages` are as `plan.reset_from` made them.

    That begins a round of its own: what the run took to be completed does not count against it any more.
    """
    return move(
        run,
        "invalidate",
        Phase.QUEUED,
        now,
        why=why,
        stages=stages,
        crashes=[],
        service_crashes=[],
        failure=None,
        completed_at=None,
        front=1,
        round_after=run.attempts[-1].id if run.attempts else None,
    )


def uploaded(run: RunRecord, now: datetime) -> RunRecord:
    """`run` queued because its upload is whole."""
    return move(run, "uploaded", Phase.QUEUED, now)


def upload_failed(run: RunRecord, failure: Failure, now: datetime) -> RunRecord:
    """`run` failed because its upload did, for the last time."""
    return move(run, "upload_failed", Phase.FAILED, now, why=failure.message, failure=failure, completed_at=now)


def stopped(run: RunRecord, now: datetime, changes: dict[str, Any], last: Failure | None, note: str = "") -> RunRecord:
    """`run` failed because someone stopped it, with the `changes` that end its attempt; its last error is still told.

    `note` is a sentence about how it ended.
    """
    said = last.message if last is not None else (run.failure.message if run.failure else "")
    failure = Failure(
        kind=FailureKind.STOPPED,
        message=sentences(
            f"Stopped by {person(run.intent.by) or 'the operator'}",
            note,
            f"Last error: {said}" if said else "",
        ),
        hint="Retry goes on where it stopped.",
    )
    return move(
        run,
        "stop",
        Phase.FAILED,
        now,
        by=run.intent.by,
        why=sentences(run.intent.why, note) if note else run.intent.why,
        failure=failure,
        completed_at=now,
        **changes,
    )


def sentences(*parts: str) -> str:
    """`parts` one after the other, each as a sentence; what is empty is left out."""
    return " ".join(part if part[-1] in ".!?…" else f"{part}." for part in parts if part)
