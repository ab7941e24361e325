"""What an operator may ask of a run: every command changes only the intent, the service then moves the phase.

Pure: every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.errors import BadInput, Refused
from core.domain.limits import PRIORITY, whole_number
from core.domain.run import Intent, RunRecord
from core.domain.settings import parse_settings
from core.domain.states import TERMINAL, WAITING, Phase, Want

REMEMBERED_COMMANDS = 20


def request(
    run: RunRecord,
    verb: str,
    now: datetime,
    *,
    by: str,
    why: str = "",
    key: str | None = None,
    drain: bool = False,
    from_stage: str | None = None,
    changes: dict[str, Any] | None = None,
) -> RunRecord:
    """`run` with the intent that `verb` asks for, one of `VERBS`.

    A repeated command, by its idempotency `key` or because it is already wanted or already so, keeps the intent; a
    `key` is remembered even then, so that a late repetition does nothing. A stronger command replaces a weaker one that
    was not carried out yet (skip, stop, cancel; a pause for now one that drains), and withdraws a retry that has not
    begun. A recovery ends the open attempt and leaves alone what is wanted of the run.

    Raises `Refused` with the present phase when the verb makes no sense in it, `BadInput` for an unknown stage or
    setting.
    """
    if verb not in VERBS:
        raise BadInput(f"There is no command “{verb}” for a run.", hint=f"There are {', '.join(VERBS)}.")
    if key is not None and key in run.commands:
        return run
    remembered = [*run.commands, key][-REMEMBERED_COMMANDS:] if key else run.commands
    if _is_so(run, verb, drain, from_stage, changes or {}):
        return replace(run, commands=remembered) if key else run
    _require(run, verb, from_stage or changes)
    _check_rerun(run, from_stage, changes or {})
    if verb == "recover" and run.open_attempt is not None:
        intent = replace(run.intent, recover=run.open_attempt.id)
        return replace(run, intent=intent, commands=remembered, updated_at=now)
    want = {"pause": Want.PAUSE, "stop": Want.STOP, "cancel": Want.CANCEL, "skip": Want.SKIP, "remove": Want.CANCEL}
    intent = Intent(
        want=want.get(verb, Want.RUN),
        by=by,
        why=why or (run.intent.why if verb == "pause" and run.intent.want == Want.PAUSE else ""),
        at=now,
        again=verb == "retry",
        drain=drain and verb == "pause",
        from_stage=from_stage,
        changes=changes or {},
    )
    removed = run.removed or verb == "remove"
    return replace(run, intent=intent, removed=removed, commands=remembered, updated_at=now)


def own_priority(said: object) -> int | None:
    """The priority that a run is to have: 0 (last) to 10 (first), or None, said as `batch`, for that of its batch."""
    return None if said in (None, "batch") else whole_number("priority", said, PRIORITY)


def prioritise(run: RunRecord, priority: object, now: datetime) -> RunRecord:
    """`run` with a priority of its own, 0 (last) to 10 (first), or with that of its batch again (`own_priority`).

    Raises `Refused` once it has begun or ended.
    """
    number = own_priority(priority)
    _require_there(run)
    if run.phase not in WAITING:
        raise Refused(
            f"Run {run.run_id} is {run.phase}; its priority cannot be changed any more.",
            hint="Only a queued run has a place in the queue.",
        )
    return run if number == run.priority else replace(run, priority=number, updated_at=now)


def _is_so(run: RunRecord, verb: str, drain: bool, from_stage: str | None, changes: dict[str, Any]) -> bool:
    """Whether what `verb` asks for is already wanted, and reached or on its way: there is nothing to write."""
    intent = run.intent
    ended = run.phase in TERMINAL
    if run.removed:
        return verb == "remove"
    match verb:
        case "pause":
            hastier = intent.drain and not drain and run.phase != Phase.PAUSED
            return intent.want == Want.PAUSE and not ended and not hastier
        case "resume":
            return intent.want == Want.RUN and not ended
        case "unskip":
            return intent.want == Want.RUN and (run.phase == Phase.SKIPPED or not ended)
        case "stop":
            return intent.want == Want.STOP or (intent.want == Want.CANCEL and not ended)
        case "skip":
            return intent.want == Want.SKIP
        case "cancel":
            return intent.want == Want.CANCEL or (run.phase == Phase.CANCELLED and not intent.again)
        case "recover":
            attempt = run.open_attempt
            return attempt is not None and intent.recover == attempt.id
        case "retry":
            return intent.again and intent.from_stage == from_stage and intent.changes == changes
    return False


_POSSIBLE: dict[str, frozenset[Phase]] = {
    "pause": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "resume": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "stop": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "cancel": frozenset({Phase.RECEIVING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "skip": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.FAILED, Phase.SKIPPED}),
    "unskip": frozenset({Phase.SKIPPED}),
    "retry": frozenset({Phase.FAILED, Phase.CANCELLED}),
    "recover": frozenset({Phase.RUNNING}),
    "remove": frozenset({Phase.RECEIVING, Phase.QUEUED}),
}
VERBS = tuple(_POSSIBLE)
# A weaker command does not undo a stronger one that was acknowledged but not carried out yet.
_STRENGTH = {"pause": 0, "resume": 0, "skip": 1, "stop": 2, "cancel": 3}


def _require(run: RunRecord, verb: str, rerun: object) -> None:
    """Raise `Refused` unless `verb` makes sense now."""
    _require_there(run)
    want = str(run.intent.want)
    ended = run.phase in TERMINAL
    if verb == "unskip" and want == Want.SKIP and not ended:
        return
    if verb in ("stop", "cancel") and ended and run.intent.again:
        return
    possible = TERMINAL if verb == "retry" and rerun else _POSSIBLE[verb]
    if run.phase not in possible:
        raise Refused(f"Run {run.run_id} is {run.phase}; it cannot be {_DONE[verb]}.", hint=_hint(run, verb))
    if not ended and _STRENGTH.get(verb, 0) < _STRENGTH.get(want, 0):
        raise Refused(f"Run {run.run_id} is being {_DONE[want]}; it cannot be {_DONE[verb]} any more.")
    if verb == "recover":
        _require_stalled(run)
    if verb == "remove" and (run.attempts or run.started_at is not None):
        raise Refused(f"Run {run.run_id} has begun; it cannot be removed.", hint=_hint(run, verb))


def _require_there(run: RunRecord) -> None:
    if run.removed:
        by = f" by {run.intent.by}" if run.intent.by else ""
        raise Refused(f"Run {run.run_id} was removed from its batch{by}.", hint="Add its source again to have it made.")


def _require_stalled(run: RunRecord) -> None:
    """Raise `Refused` unless the service found that the open attempt of this running `run` does not come on."""
    attempt, verdict = run.open_attempt, run.verdict
    if attempt is None:
        raise Refused(f"Run {run.run_id} is between two stages; it is not stalled.")
    if verdict is None or verdict.kind != "stalled" or verdict.attempt != attempt.id:
        slow = verdict is not None and verdict.attempt == attempt.id
        raise Refused(
            f"Run {run.run_id} is running {attempt.stage}{', slowly,' if slow else ''} and makes progress; it is not stalled.",
            hint=f"./reprise stop {run.run_id} ends it all the same.",
        )


def _hint(run: RunRecord, verb: str) -> str:
    """What can be done instead of `verb`, where there is something; else where more is told."""
    match verb:
        case "retry" if run.phase == Phase.COMPLETED:
            return "Use --from STAGE or --set to make it again."
        case "retry" if run.phase == Phase.SKIPPED:
            return f"./reprise unskip {run.run_id} takes it in again."
        case "retry" if run.phase == Phase.RUNNING:
            return f"./reprise stop {run.run_id} ends it; then it can be retried."
        case "skip" if run.phase == Phase.RUNNING:
            return f"./reprise stop {run.run_id} ends it; then it can be skipped."
        case "resume" if run.phase in (Phase.FAILED, Phase.CANCELLED):
            return f"./reprise retry {run.run_id} goes on where it ended."
        case "remove":
            return "Only a queued run that has not begun can be removed; skip or cancel it instead."
    return f"./reprise show {run.run_id} tells more."


def _check_rerun(run: RunRecord, from_stage: str | None, changes: dict[str, Any]) -> None:
    """Raise `BadInput` when a retry names a stage or setting that there is not."""
    if from_stage is not None and run.stages and from_stage not in run.stages:
        raise BadInput(f"There is no stage “{from_stage}”.", hint=f"Choose one of {', '.join(run.stages)}.")
    if changes:
        parse_settings(changes, run.settings)


_DONE = {
    "pause": "paused",
    "resume": "resumed",
    "stop": "stopped",
    "cancel": "cancelled",
    "skip": "skipped",
    "unskip": "unskipped",
    "retry": "retried",
    "recover": "recovered",
    "remove": "removed",
}
