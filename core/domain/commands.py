"""What an operator may ask of a run: every command changes only the intent, the service then moves the phase.

Pure: every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.errors import Refused
from core.domain.run import Intent, RunRecord
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
