"""The attempts of a run that did not simply succeed: counted in one line, each of them on request."""

from collections import Counter
from datetime import datetime
from typing import Any

from core.domain.run import Attempt, RunRecord
from core.domain.states import AttemptOutcome
from pages.components import words
from pages.components.markup import Html, clean, tag

SHOWN = 12
SAID = {
    AttemptOutcome.ERROR: ("error", "errors"),
    AttemptOutcome.INTERRUPTED: ("interrupted", "interrupted"),
    AttemptOutcome.STALLED: ("stalled", "stalled"),
    AttemptOutcome.STOPPED: ("stopped", "stopped"),
    AttemptOutcome.PAUSED: ("paused", "paused"),
    AttemptOutcome.CANCELLED: ("cancelled", "cancelled"),
    AttemptOutcome.SHUTDOWN: ("ended with the service", "ended with the service"),
    AttemptOutcome.WAITED: ("waited", "waited"),
}
# What happens to every run that lives long enough is no trouble.
CALM = frozenset(
    {None} | set(AttemptOutcome) - {AttemptOutcome.ERROR, AttemptOutcome.INTERRUPTED, AttemptOutcome.STALLED}
)


def told(run: RunRecord, now: datetime) -> dict[str, Any] | None:
    """`said` in one line and the newest attempts as `lines` (when, what, why).

    None for a run without trouble, and for one whose only attempt is told of by its error already.
    """
    if len(run.attempts) < 2 or all(attempt.outcome in CALM for attempt in run.attempts):
        return None
    last = next((attempt for attempt in reversed(run.attempts) if attempt.failure is not None), None)
    said = summary(run.attempts)
    if last is not None and last.failure is not None and last.failure != run.failure:
        said += f"; last error: {last.failure.message}"
    lines = [_line(attempt, now) for attempt in reversed(run.attempts[-SHOWN:])]
    return {"said": clean(said), "lines": lines}


def ledger(run: RunRecord, now: datetime) -> Html:
    """The same as `told` for the page of the run; nothing for a run without trouble."""
    found = told(run, now)
    if found is None:
        return Html("")
    lines = [
        tag("li", tag("time", when), tag("b", what), tag("span", why) if why else None)
        for when, what, why in found["lines"]
    ]
    return tag("details", tag("summary", found["said"]), tag("ol", *lines), cls="rp-tries")


def summary(attempts: list[Attempt]) -> str:
    """The attempts in one line: `3 attempts: 2 errors, 1 interrupted`."""
    counts = Counter(attempt.outcome for attempt in attempts)
    parts = [f"{counts[outcome]} {forms[counts[outcome] != 1]}" for outcome, forms in SAID.items() if counts[outcome]]
    return words.count(len(attempts), "attempt") + (f": {', '.join(parts)}" if parts else "")


def _line(attempt: Attempt, now: datetime) -> list[str]:
    outcome = attempt.outcome
    how = "done" if outcome == AttemptOutcome.COMMITTED else SAID[outcome][0] if outcome else "at work"
    took = f" after {words.duration(attempt.active_s)}" if attempt.active_s is not None and outcome else ""
    why = attempt.failure.message if attempt.failure is not None else ""
    when = words.stamp(attempt.started_at, now)
    return [when, clean(f"{words.stage(attempt.stage)}: {how}{took}"), clean(why)]
