"""How the attempts of a run are told in words: how each ended, and all of them in one line."""

from collections import Counter
from collections.abc import Sequence

from core.domain.errors import ErrorClass
from core.domain.run import Attempt
from core.domain.states import AttemptOutcome

# How one attempt ended, and how several did that are told together, in the order in which they are named.
_ENDED: dict[str, tuple[str, str]] = {
    AttemptOutcome.ERROR: ("error", "errors"),
    AttemptOutcome.INTERRUPTED: ("interrupted", "interrupted"),
    AttemptOutcome.STALLED: ("stalled", "stalled"),
    AttemptOutcome.STOPPED: ("stopped", "stopped"),
    AttemptOutcome.PAUSED: ("paused", "paused"),
    AttemptOutcome.CANCELLED: ("cancelled", "cancelled"),
    AttemptOutcome.SHUTDOWN: ("ended with the service", "ended with the service"),
}
# What waits outside: it was no failure of the run, and uses up no try.
_PUT_OFF = {
    ErrorClass.RATE_LIMITED: "asked to wait",
    ErrorClass.DISK_FULL: "stopped by the full disk",
    ErrorClass.NOT_YET: "not broadcast yet",
}
_TROUBLE = "met by trouble outside"
_WAITED = "waited for another run"
_TOLD = _ENDED | {words: (words, words) for words in (*_PUT_OFF.values(), _TROUBLE, _WAITED)}


def ended(attempt: Attempt) -> str:
    """How `attempt` ended: `error`, `interrupted`, `asked to wait`; `done`, or `at work` while it is open."""
    if attempt.outcome is None:
        return "at work"
    return "done" if attempt.outcome == AttemptOutcome.COMMITTED else _TOLD[_kind(attempt)][0]


def summary(attempts: Sequence[Attempt]) -> str:
    """The attempts in one line: `3 attempts: 2 errors, 1 interrupted`."""
    counts = Counter(_kind(attempt) for attempt in attempts if attempt.outcome is not None)
    parts = [f"{counts[kind]} {forms[counts[kind] != 1]}" for kind, forms in _TOLD.items() if counts[kind]]
    said = "1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    return said + (f": {', '.join(parts)}" if parts else "")


def is_trouble(attempt: Attempt) -> bool:
    """Whether `attempt` ended as no attempt should; what happens to every run that lives long enough is no trouble."""
    wrong = (AttemptOutcome.ERROR, AttemptOutcome.INTERRUPTED, AttemptOutcome.STALLED)
    return attempt.outcome in wrong or is_put_off(attempt)


def is_put_off(attempt: Attempt) -> bool:
    """Whether `attempt` found that something outside has to change first, which used up no try."""
    return attempt.outcome == AttemptOutcome.WAITED and attempt.failure is not None


def _kind(attempt: Attempt) -> str:
    outcome, failure = attempt.outcome, attempt.failure
    if outcome != AttemptOutcome.WAITED:
        return str(outcome)
    if failure is None:
        return _WAITED
    return _PUT_OFF.get(failure.error_class, _TROUBLE)
