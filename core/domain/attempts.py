"""What the attempts of a run do to it: opened, committed, failed, ended. Pure, called by the service only.

Every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from core.domain.batch import Pause
from core.domain.errors import ErrorClass, Refused
from core.domain.moves import move, sentences, settle_intent, stopped
from core.domain.run import Attempt, Entry, Failure, Intent, Owner, RunRecord, Work
from core.domain.states import STAGE_TABLE, AttemptOutcome, FailureKind, Phase, StageStatus, Want, allowed

# A run that waits for a full disk or a busy site opens an attempt every half minute, for days: the journal has them all.
REMEMBERED_ATTEMPTS = 500


def open_attempt(
    run: RunRecord, stage: str, attempt_id: str, epoch: int, now: datetime, owner: Owner | None = None
) -> RunRecord:
    """`run` with an attempt opened for `stage` by `owner`; a queued run is claimed by it, a running one goes on.

    Raises `Refused` when the record has changed since it was chosen: another intent, phase, attempt or stage.
    """
    state = run.stages[stage]
    if run.intent.want != Want.RUN or run.phase not in (Phase.QUEUED, Phase.RUNNING) or run.open_attempt is not None:
        raise Refused(f"Run {run.run_id} is {run.phase} and wanted to {run.intent.want}; {stage} cannot start now.")
    if not allowed(STAGE_TABLE, "start", state.status, StageStatus.RUNNING):
        raise Refused(f"{stage.capitalize()} of run {run.run_id} is {state.status}; it cannot start.")
    stages = {
        **run.stages,
        stage: replace(state, status=StageStatus.RUNNING, started_at=state.started_at or now, ended_at=None),
    }
    opened = Attempt(id=attempt_id, stage=stage, epoch=epoch, started_at=now, owner=owner)
    ledger = [*run.attempts, opened][-REMEMBERED_ATTEMPTS:]
    if run.phase == Phase.QUEUED:
        return move(
            run,
            "claim",
            Phase.RUNNING,
            now,
            why=stage,
            stages=stages,
            attempts=ledger,
            front=0,
            started_at=run.started_at or now,
            failure=None,
        )
    return replace(run, stages=stages, attempts=ledger, updated_at=now, waits_for=None)


def timed(run: RunRecord, active_s: float | None) -> RunRecord:
    """`run` whose open attempt notes how long it really worked, in seconds; whatever closes it keeps that."""
    attempt = run.open_attempt
    if attempt is None or active_s is None:
        return run
    return replace(run, attempts=[*run.attempts[:-1], replace(attempt, active_s=round(active_s, 3))])


def commit_stage(
    run: RunRecord,
    key: str,
    now: datetime,
    *,
    work: Work | None = None,
    reused: bool = False,
    units_done: int = 0,
    title: str = "",
    duration_s: float | None = None,
) -> RunRecord:
    """`run` after its open attempt published `key`; with the last stage it is completed, or cancelled if so wanted."""
    attempt = run.open_attempt
    if attempt is None:
        raise Refused(f"Run {run.run_id} has no open attempt to commit.")
    changes = close_attempt(run, AttemptOutcome.COMMITTED, now, units_done=units_done, status=StageStatus.COMMITTED)
    stage = replace(changes["stages"][attempt.stage], key=key, work=work, reused=reused, failure=None)
    changes["stages"] = {**changes["stages"], attempt.stage: stage}
    changes |= {
        "title": title or run.title,
        "duration_s": duration_s if duration_s is not None else run.duration_s,
        "crashes": [],
        "service_crashes": [],
    }
    after = move(run, "stage_commit", run.phase, now, why=attempt.stage, **changes)
    return settle_intent(after, now) if after.next_stage is None else after


def fail_attempt(
    run: RunRecord,
    failure: Failure,
    now: datetime,
    *,
    retry_wait_s: float | None,
    counts: bool = True,
    units_done: int = 0,
) -> RunRecord:
    """`run` after its open attempt failed: waiting for a retry in `retry_wait_s`, or failed (held if the batch says so).

    A run that stands still meanwhile stays paused instead of waiting.
    """
    final = retry_wait_s is None
    outcome = AttemptOutcome.ERROR if counts else AttemptOutcome.WAITED
    status = StageStatus.FAILED if final else StageStatus.PENDING
    changes = close_attempt(run, outcome, now, failure=failure, units_done=units_done, status=status)
    if run.intent.want == Want.CANCEL:
        return move(run, "cancel", Phase.CANCELLED, now, by=run.intent.by, completed_at=now, **changes)
    if run.intent.want == Want.STOP:
        return stopped(run, now, changes, failure)
    if retry_wait_s is not None and run.phase == Phase.PAUSED:
        return replace(run, updated_at=now, failure=failure, **changes)
    if retry_wait_s is not None:
        return move(
            run,
            "retry_later",
            Phase.RETRY_WAIT,
            now,
            why=failure.message,
            failure=failure,
            wait_s=retry_wait_s,
            next_at=now + timedelta(seconds=retry_wait_s),
            **changes,
        )
    if run.settings is not None and run.settings.on_exhausted == "hold":
        if run.intent.want != Want.SKIP:
            changes["intent"] = Intent(want=Want.PAUSE, by="service", why=failure.message, at=now)
        return move(run, "hold", Phase.PAUSED, now, why=failure.message, failure=failure, **changes)
    return move(run, "fail", Phase.FAILED, now, why=failure.message, failure=failure, completed_at=now, **changes)


def frozen(run: RunRecord, now: datetime, *, by: str, why: str) -> RunRecord:
    """`run` paused because every process of its open attempt stands still; the attempt stays open and can go on."""
    return move(run, "pause", Phase.PAUSED, now, by=by, why=why)


def thawed(run: RunRecord, now: datetime, *, by: str) -> RunRecord:
    """`run` running again after its still processes were told to go on."""
    return move(run, "resume_still", Phase.RUNNING, now, by=by)


def set_free(
    run: RunRecord, now: datetime, *, units_done: int = 0, outcome: AttemptOutcome = AttemptOutcome.PAUSED
) -> RunRecord:
    """A paused `run` whose still processes were ended to free their memory, or died; it stays paused."""
    return replace(run, updated_at=now, **close_attempt(run, outcome, now, units_done=units_done))


def wait_for(run: RunRecord, shared: str, now: datetime) -> RunRecord:
    """`run` after its attempt found that another run is making exactly this (`shared` is `stage/key`)."""
    return replace(run, updated_at=now, waits_for=shared, **close_attempt(run, AttemptOutcome.WAITED, now))


def expand(run: RunRecord, playlist: str, entries: tuple[Entry, ...], now: datetime) -> RunRecord:
    """`run` after its source turned out to be a playlist: it becomes the first entry; the rest is noted durably.

    `entries` carry the ids their runs will have, so that making those runs can be interrupted and gone on with. A
    playlist that brings nothing new fails the run.
    """
    if not entries:
        failure = Failure(
            kind=FailureKind.PERMANENT,
            error_class=ErrorClass.UNSUPPORTED_URL,
            message="The playlist names no video that this batch does not have already, or has room for.",
            hint="Add the playlist as a batch of its own.",
        )
        return fail_attempt(run, failure, now, retry_wait_s=None)
    first = entries[0]
    return replace(
        run,
        updated_at=now,
        source=replace(run.source, value=first.url),
        space_id=first.space_id,
        title=first.title or run.title,
        playlist=playlist,
        entries=[*run.entries, *entries],
        **close_attempt(run, AttemptOutcome.WAITED, now),
    )


def end_attempt(
    run: RunRecord,
    outcome: AttemptOutcome,
    now: datetime,
    *,
    units_done: int = 0,
    held: Pause | None = None,
    note: str = "",
) -> RunRecord:
    """`run` after its open attempt ended without an error of its own: by intent it is queued, paused, failed or cancelled.

    `shutdown` and `interrupted` come from us; `paused`, `stopped` and `cancelled` from the intent. `held` is the pause of
    the batch or of everything, which pauses a run that wants to run; `note` is a sentence about how it ended.
    """
    if run.phase == Phase.PAUSED and run.intent.want in (Want.RUN, Want.PAUSE, Want.SKIP):
        return set_free(run, now, units_done=units_done, outcome=outcome)
    changes = close_attempt(run, outcome, now, units_done=units_done)
    by, why = run.intent.by, sentences(run.intent.why, note) if note else run.intent.why
    match run.intent.want:
        case Want.CANCEL:
            return move(run, "cancel", Phase.CANCELLED, now, by=by, why=why, completed_at=now, **changes)
        case Want.STOP:
            return stopped(run, now, changes, None, note)
        case Want.PAUSE:
            return move(run, "pause", Phase.PAUSED, now, by=by, why=why, **changes)
        case Want.RUN if held is not None:
            return move(run, "pause", Phase.PAUSED, now, by=held.by, why=held.why, **changes)
    return move(run, _BACK_TO_QUEUE.get(outcome, "release"), Phase.QUEUED, now, why=note, front=1, **changes)


_BACK_TO_QUEUE = {
    AttemptOutcome.SHUTDOWN: "shutdown",
    AttemptOutcome.INTERRUPTED: "crash",
    AttemptOutcome.STALLED: "recover",
}


def close_attempt(
    run: RunRecord,
    outcome: AttemptOutcome,
    now: datetime,
    *,
    failure: Failure | None = None,
    units_done: int = 0,
    status: StageStatus = StageStatus.PENDING,
) -> dict[str, Any]:
    """The changes that end the open attempt: its ledger line and its stage."""
    attempt = run.open_attempt
    if attempt is None:
        return {}
    state = run.stages[attempt.stage]
    ended = replace(attempt, ended_at=now, outcome=outcome, failure=failure, units_done=units_done)
    stage = replace(
        state,
        status=status,
        ended_at=now,
        tries=state.tries + (outcome == AttemptOutcome.ERROR),
        stalls=state.stalls + (outcome == AttemptOutcome.STALLED),
        failure=failure or state.failure,
    )
    changes: dict[str, Any] = {"verdict": None}
    if run.intent.recover is not None:
        changes["intent"] = replace(run.intent, recover=None)
    return changes | {"attempts": [*run.attempts[:-1], ended], "stages": {**run.stages, attempt.stage: stage}}
