"""What an operator may ask of a run: every command changes only the intent, the service then moves the phase.

Pure: every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.errors import BadInput, Refused
from core.domain.run import Intent, RunRecord
from core.domain.settings import parse_settings
from core.domain.states import TERMINAL, Phase, Want

REMEMBERED_COMMANDS = 20


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

    A repeated command, by its idempotency `key` or because it is already wanted or already so, keeps the intent; a
    `key` is remembered even then, so that a late repetition does nothing. A stronger command replaces a weaker one that
    was not carried out yet (skip, stop, cancel), and withdraws a retry that has not begun.

    Raises `Refused` with the present phase when the verb makes no sense in it, `BadInput` for an unknown stage or
    setting.
    """
    if key is not None and key in run.commands:
        return run
    again = verb == "retry"
    want = {"pause": Want.PAUSE, "stop": Want.STOP, "cancel": Want.CANCEL, "skip": Want.SKIP}.get(verb, Want.RUN)
    remembered = [*run.commands, key][-REMEMBERED_COMMANDS:] if key else run.commands
    if _is_so(run, verb, from_stage, changes or {}):
        return replace(run, commands=remembered) if key else run
    _require(run, verb, from_stage or changes)
    _check_rerun(run, from_stage, changes or {})
    intent = Intent(want=want, by=by, why=why, at=now, again=again, from_stage=from_stage, changes=changes or {})
    return replace(run, intent=intent, commands=remembered, updated_at=now)


def _is_so(run: RunRecord, verb: str, from_stage: str | None, changes: dict[str, Any]) -> bool:
    """Whether what `verb` asks for is already wanted, and reached or on its way: there is nothing to write."""
    intent = run.intent
    ended = run.phase in TERMINAL
    match verb:
        case "pause":
            return intent.want == Want.PAUSE and not ended
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
        case "retry":
            return intent.again and intent.from_stage == from_stage and intent.changes == changes
    raise Refused(f"There is no command “{verb}” for a run.")


_POSSIBLE: dict[str, frozenset[Phase]] = {
    "pause": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "resume": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING, Phase.PAUSED}),
    "stop": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "cancel": frozenset({Phase.RECEIVING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.RUNNING}),
    "skip": frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED, Phase.FAILED, Phase.SKIPPED}),
    "unskip": frozenset({Phase.SKIPPED}),
    "retry": frozenset({Phase.FAILED, Phase.CANCELLED}),
}
# A weaker command does not undo a stronger one that was acknowledged but not carried out yet.
_STRENGTH = {"pause": 0, "resume": 0, "skip": 1, "stop": 2, "cancel": 3}


def _require(run: RunRecord, verb: str, rerun: object) -> None:
    """Raise `Refused` unless `verb` makes sense now."""
    want = str(run.intent.want)
    ended = run.phase in TERMINAL
    if verb == "unskip" and want == Want.SKIP and not ended:
        return
    if verb in ("stop", "cancel") and ended and run.intent.again:
        return
    possible = TERMINAL if verb == "retry" and rerun else _POSSIBLE[verb]
    if run.phase not in possible:
        hint = (
            "Use --from STAGE or --set to make it again." if verb == "retry" and run.phase == Phase.COMPLETED else None
        )
        raise Refused(f"Run {run.run_id} is {run.phase}; it cannot be {_DONE[verb]}.", hint=hint)
    if not ended and _STRENGTH.get(verb, 0) < _STRENGTH.get(want, 0):
        raise Refused(f"Run {run.run_id} is being {_DONE[want]}; it cannot be {_DONE[verb]} any more.")


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
}
