"""One run: its record, and every way it may change, as pure functions from record to record.

Commands (`request`) change only the intent; the service moves the phase, one row of `states.RUN_TABLE` at a time.
Every function takes `now` (UTC) and returns a new record; none reads a clock or a disk.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from core.domain.errors import ErrorClass, Refused
from core.domain.settings import Settings
from core.domain.states import (
    RUN_TABLE,
    TERMINAL,
    AttemptOutcome,
    FailureKind,
    Phase,
    StageStatus,
    Want,
    allowed,
)

REMEMBERED_COMMANDS = 20
REMEMBERED_TRANSITIONS = 8
CRASH_WINDOW = timedelta(hours=72)
MAX_CRASHES = 3


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a video comes from: a canonical URL, or an absolute path with the checksum seen when it was added."""

    kind: Literal["url", "file"]
    value: str
    sha256: str | None = None
    size: int | None = None
    cookies: str | None = None
    proxy: str | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants, who said so, when and why; `again` asks for one more round (retry)."""

    want: Want = Want.RUN
    by: str = ""
    why: str = ""
    at: datetime | None = None
    again: bool = False
    from_stage: str | None = None
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it is shown: its class, one sentence and what to do about it."""

    kind: FailureKind
    error_class: ErrorClass = msgspec.field(name="class", default=ErrorClass.UNKNOWN)
    message: str = ""
    hint: str = ""


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The process that works on an attempt, named so that a reused pid is not mistaken for it."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int
    pid_namespace: int = 0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: one try of one stage, never changed after its end."""

    id: str
    stage: str
    epoch: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    owner: Owner | None = None
    failure: Failure | None = None
    units_done: int = 0


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The work receipt of a stage in its unit (seconds of audio, bytes, tokens): done, taken over, done again."""

    unit: str
    done: float = 0.0
    reused: float = 0.0
    redone: float = 0.0


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a run: its status, the key of what it published, and its tries in this round."""

    status: StageStatus = StageStatus.PENDING
    key: str | None = None
    redo: int = 0
    tries: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: Failure | None = None
    reused: bool = False
    work: Work | None = None


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the run's history, kept so that a crash cannot keep it out of the journal."""

    id: str
    at: datetime
    event: str
    source: str
    target: str
    by: str = "service"
    why: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One video of a playlist, with the id its run will have."""

    run_id: str
    space_id: str
    url: str
    title: str = ""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole truth about one run, as its state file holds it."""

    run_id: str
    batch_id: str
    space_id: str
    position: int
    source: Source
    owner: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    duration_s: float | None = None
    phase: Phase = Phase.QUEUED
    intent: Intent = Intent()
    priority: int = 5
    front: int = 0
    settings: Settings | None = None
    stages: dict[str, StageState] = msgspec.field(default_factory=dict)
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    failure: Failure | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    next_at: datetime | None = None
    wait_s: float | None = None
    retry_count: int = 0
    resumed_count: int = 0
    crashes: list[datetime] = msgspec.field(default_factory=list)
    resumed: bool = False
    adopted: bool = False
    playlist: str = ""
    entries: list[Entry] = msgspec.field(default_factory=list)
    commands: list[str] = msgspec.field(default_factory=list)
    transitions: list[Transition] = msgspec.field(default_factory=list)

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that has not ended, if any: at most one, and always the last."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    @property
    def next_stage(self) -> str | None:
        """The first stage, in pipeline order, that is neither committed nor unneeded."""
        done = (StageStatus.COMMITTED, StageStatus.NOT_NEEDED)
        return next((name for name, stage in self.stages.items() if stage.status not in done), None)


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


# --- commands: intent only -------------------------------------------------------------------------------------


def request(
    run: RunRecord,
    verb: str,
    now: datetime,
    *,
    by: str,
    why: str = "",
    key: str | None = None,
    from_stage: str | None = None,
    changes: dict[str, Any] | None = None,
) -> RunRecord:
    """`run` with the intent that `verb` (pause, resume, stop, cancel, skip, unskip, retry) asks for.

    A repeated command, by its idempotency `key` or because it is already wanted or already so, returns `run` itself.
    Raises `Refused` with the present phase when the verb makes no sense in it.
    """
    if key is not None and key in run.commands:
        return run
    again = verb == "retry"
    want = {"pause": Want.PAUSE, "stop": Want.STOP, "cancel": Want.CANCEL, "skip": Want.SKIP}.get(verb, Want.RUN)
    if _is_so(run, verb):
        return run
    _require(run, verb, from_stage or changes)
    remembered = [*run.commands, key][-REMEMBERED_COMMANDS:] if key else run.commands
    intent = Intent(want=want, by=by, why=why, at=now, again=again, from_stage=from_stage, changes=changes or {})
    return replace(run, intent=intent, commands=remembered, updated_at=now)


def _is_so(run: RunRecord, verb: str) -> bool:
    """Whether what `verb` asks for is already wanted or already reached, so that there is nothing to write."""
    want = run.intent.want
    match verb:
        case "pause":
            return want == Want.PAUSE and run.phase not in TERMINAL
        case "resume":
            return want == Want.RUN and not run.intent.again and run.phase not in TERMINAL | {Phase.PAUSED}
        case "stop":
            return want == Want.STOP
        case "cancel":
            return want == Want.CANCEL or run.phase == Phase.CANCELLED
        case "skip":
            return run.phase == Phase.SKIPPED or want == Want.SKIP
        case "unskip":
            return want == Want.RUN and run.phase not in TERMINAL
        case "retry":
            return run.intent.again
    raise Refused(f"There is no command “{verb}” for a run.")


_POSSIBLE: dict[str, frozenset[Phase]] = {
    "pause": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "resume": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "stop": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "cancel": frozenset({Phase.RECEIVING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "skip": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.FAILED}),
    "unskip": frozenset({Phase.SKIPPED}),
    "retry": frozenset({Phase.FAILED, Phase.CANCELLED}),
}


def _require(run: RunRecord, verb: str, rerun: object) -> None:
    possible = TERMINAL if verb == "retry" and rerun else _POSSIBLE[verb]
    if run.phase not in possible:
        hint = (
            "Use --from STAGE or --set to make it again." if verb == "retry" and run.phase == Phase.COMPLETED else None
        )
        raise Refused(f"Run {run.run_id} is {run.phase}; it cannot be {_DONE[verb]}.", hint=hint)
    if (
        verb in ("pause", "resume")
        and run.intent.want in (Want.STOP, Want.CANCEL, Want.SKIP)
        and run.phase == Phase.RUNNING
    ):
        raise Refused(f"Run {run.run_id} is being {_DONE[str(run.intent.want)]}; it cannot be {_DONE[verb]} any more.")


_DONE = {
    "pause": "paused",
    "resume": "resumed",
    "stop": "stopped",
    "cancel": "cancelled",
    "skip": "skipped",
    "unskip": "unskipped",
    "retry": "retried",
}


# --- attempts --------------------------------------------------------------------------------------------------


def open_attempt(run: RunRecord, stage: str, attempt_id: str, epoch: int, now: datetime) -> RunRecord:
    """`run` with an attempt opened for `stage`; a queued run is claimed by it, a running one goes on."""
    state = run.stages[stage]
    stages = {
        **run.stages,
        stage: replace(state, status=StageStatus.RUNNING, started_at=state.started_at or now, ended_at=None),
    }
    ledger = [*run.attempts, Attempt(id=attempt_id, stage=stage, epoch=epoch, started_at=now)]
    if run.phase == Phase.QUEUED:
        return move(
            run,
            "claim",
            Phase.RUNNING,
            now,
            why=stage,
            stages=stages,
            attempts=ledger,
            next_at=None,
            wait_s=None,
            front=0,
            started_at=run.started_at or now,
            failure=None,
        )
    return replace(run, stages=stages, attempts=ledger, updated_at=now)


def _close(
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
    counts = outcome in (AttemptOutcome.ERROR, AttemptOutcome.STALLED)
    ended = replace(attempt, ended_at=now, outcome=outcome, failure=failure, units_done=units_done)
    stage = replace(state, status=status, ended_at=now, tries=state.tries + counts, failure=failure or state.failure)
    return {"attempts": [*run.attempts[:-1], ended], "stages": {**run.stages, attempt.stage: stage}}


def note_owner(run: RunRecord, owner: Owner) -> RunRecord:
    """`run` with the worker that took its open attempt written into the ledger."""
    attempt = run.open_attempt
    if attempt is None:
        return run
    return replace(run, attempts=[*run.attempts[:-1], replace(attempt, owner=owner)])


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
    changes = _close(run, AttemptOutcome.COMMITTED, now, units_done=units_done, status=StageStatus.COMMITTED)
    stage = replace(changes["stages"][attempt.stage], key=key, work=work, reused=reused, failure=None)
    changes["stages"] = {**changes["stages"], attempt.stage: stage}
    changes |= {
        "title": title or run.title,
        "duration_s": duration_s if duration_s is not None else run.duration_s,
        "crashes": [],
    }
    after = move(run, "stage_commit", Phase.RUNNING, now, why=attempt.stage, **changes)
    if after.next_stage is not None:
        return after
    if after.intent.want == Want.CANCEL:
        return move(after, "cancel", Phase.CANCELLED, now, by=after.intent.by, completed_at=now)
    return move(
        after,
        "complete",
        Phase.COMPLETED,
        now,
        completed_at=now,
        failure=None,
        intent=replace(after.intent, want=Want.RUN),
    )


def adopt_stage(run: RunRecord, stage: str, key: str, now: datetime) -> RunRecord:
    """`run` with a `stage` found published on disk though its commit was lost: nothing is done again."""
    state = replace(run.stages[stage], status=StageStatus.COMMITTED, key=key, ended_at=now, failure=None, reused=True)
    return replace(run, stages={**run.stages, stage: state}, adopted=True, updated_at=now)


def fail_attempt(
    run: RunRecord,
    failure: Failure,
    now: datetime,
    *,
    retry_wait_s: float | None,
    counts: bool = True,
    units_done: int = 0,
) -> RunRecord:
    """`run` after its open attempt failed: waiting for a retry in `retry_wait_s`, or failed (held if the batch says so)."""
    final = retry_wait_s is None
    outcome = AttemptOutcome.ERROR if counts else AttemptOutcome.INTERRUPTED
    status = StageStatus.FAILED if final else StageStatus.PENDING
    changes = _close(run, outcome, now, failure=failure, units_done=units_done, status=status)
    if run.intent.want == Want.CANCEL:
        return move(run, "cancel", Phase.CANCELLED, now, by=run.intent.by, completed_at=now, **changes)
    if run.intent.want == Want.STOP:
        return _stopped(run, now, changes, failure)
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
        changes["intent"] = Intent(want=Want.PAUSE, by="service", why=failure.message, at=now)
        return move(run, "hold", Phase.PAUSED, now, why=failure.message, failure=failure, **changes)
    return move(run, "fail", Phase.FAILED, now, why=failure.message, failure=failure, completed_at=now, **changes)


def _stopped(run: RunRecord, now: datetime, changes: dict[str, Any], last: Failure | None) -> RunRecord:
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


def end_attempt(run: RunRecord, outcome: AttemptOutcome, now: datetime, *, units_done: int = 0) -> RunRecord:
    """`run` after its open attempt ended without an error of its own: by intent it is queued, paused, failed or cancelled.

    `shutdown` and `interrupted` come from us; `paused`, `stopped` and `cancelled` from the intent.
    """
    changes = _close(run, outcome, now, units_done=units_done)
    match run.intent.want:
        case Want.CANCEL:
            return move(
                run, "cancel", Phase.CANCELLED, now, by=run.intent.by, why=run.intent.why, completed_at=now, **changes
            )
        case Want.STOP:
            return _stopped(run, now, changes, None)
        case Want.PAUSE:
            return move(run, "pause", Phase.PAUSED, now, by=run.intent.by, why=run.intent.why, **changes)
    event = "shutdown" if outcome == AttemptOutcome.SHUTDOWN else "crash"
    return move(run, event, Phase.QUEUED, now, front=1, **changes)


# --- what the service finds --------------------------------------------------------------------------------------


def crashed(run: RunRecord, now: datetime, *, new_units: int, service_died: bool) -> RunRecord:
    """`run` after its owner was found dead (R17, R18).

    `new_units` is how many units became durable in the attempt; any of them clears the count of crashes.
    `service_died` tells a death together with the whole service, which is not held against the run unless it repeats.
    """
    recent = [] if new_units else [at for at in run.crashes if now - at < CRASH_WINDOW]
    had_attempt = run.open_attempt is not None
    crashes = [*recent, now] if had_attempt and not new_units else recent
    if len(crashes) >= MAX_CRASHES and run.intent.want in (Want.RUN, Want.PAUSE):
        failure = Failure(
            kind=FailureKind.POISON,
            error_class=ErrorClass.CRASH,
            message=f"The worker died {len(crashes)} times at the same place of {run.next_stage}.",
            hint="Look at the log of the stage; retry once the cause is gone.",
        )
        changes = _close(run, AttemptOutcome.INTERRUPTED, now, failure=failure, status=StageStatus.FAILED)
        return move(
            run,
            "poison",
            Phase.FAILED,
            now,
            why=failure.message,
            failure=failure,
            crashes=crashes,
            completed_at=now,
            **changes,
        )
    counted = replace(run, crashes=crashes, resumed=True, resumed_count=run.resumed_count + 1)
    after = end_attempt(counted, AttemptOutcome.INTERRUPTED, now, units_done=new_units)
    if after.phase == Phase.QUEUED and len(crashes) > 1 and not service_died:
        return after
    return after


def settle_intent(run: RunRecord, now: datetime) -> RunRecord:
    """`run` moved as far towards its intent as is possible while nothing of it is being worked on."""
    if run.open_attempt is not None:
        return run
    by, why = run.intent.by, run.intent.why
    match run.intent.want:
        case Want.PAUSE if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING):
            return move(run, "pause", Phase.PAUSED, now, by=by, why=why, next_at=None, wait_s=None)
        case Want.STOP if run.phase in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING):
            return _stopped(run, now, {}, None)
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
