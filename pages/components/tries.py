"""The attempts of a run that did not simply succeed: counted in one line, each of them on request."""

from datetime import datetime
from typing import Any

from core.domain.run import Attempt, RunRecord
from core.domain.tries import ended, is_put_off, is_trouble, summary
from pages.components import words
from pages.components.markup import Html, clean, tag

SHOWN = 12


def told(run: RunRecord, now: datetime) -> dict[str, Any] | None:
    """`said` in one line and the newest attempts as `lines` (when, what, why).

    None for a run without trouble, and for one whose only attempt is told of by its error already.
    """
    if len(run.attempts) < 2 or not any(is_trouble(attempt) for attempt in run.attempts):
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


def only(run: RunRecord) -> str:
    """What is said of a run whose only attempt failed: that, or what put it off; nothing of any other run."""
    if run.failure is None or run.was_stopped or len(run.attempts) != 1:
        return ""
    (attempt,) = run.attempts
    return ended(attempt) if is_put_off(attempt) else "1 failed attempt"


def _line(attempt: Attempt, now: datetime) -> list[str]:
    took = f" after {words.duration(attempt.active_s)}" if attempt.active_s is not None and attempt.outcome else ""
    why = attempt.failure.message if attempt.failure is not None else ""
    when = words.stamp(attempt.started_at, now)
    return [when, clean(f"{words.stage(attempt.stage)}: {ended(attempt)}{took}"), clean(why)]
