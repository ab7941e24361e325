"""What each way an attempt can end does to its run: the bridge from the engine's events to the domain's moves."""

from datetime import datetime

from msgspec.structs import replace

from core.domain import attempts as moves
from core.domain import crashes
from core.domain.batch import Pause
from core.domain.errors import CLASSES
from core.domain.retry import Fault, decide
from core.domain.run import Entry, Failure, RunRecord
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, FailureKind, Want
from core.domain.words import times
from core.runner.outcome import Committed, Ended, Failed, InputDamaged, Outcome, Playlist, Shared, Stale
from core.stages.download.source import file_title

BY_ITSELF = "; the run tries again by itself"  # true of every retryable class until its tries are used up


class RetryPolicy:
    """The configured back-off, with the dice handed in."""

    def __init__(self, base_s: float, cap_s: float) -> None:
        self.base_s, self.cap_s = base_s, cap_s


def apply_outcome(
    run: RunRecord,
    outcome: Outcome,
    now: datetime,
    *,
    policy: RetryPolicy,
    jitter: float,
    held: Pause | None,
    fault: Fault = "own",
    entries: tuple[Entry, ...] = (),
) -> RunRecord:
    """`run` after its open attempt ended with `outcome`; `entries` are the runs-to-be of a playlist.

    An attempt that was asked to end is not heard here: why it was asked decides (`core.manager.hearing`).
    `fault` says whose a failure is: one of what is known to be in trouble uses up no try.
    """
    match outcome:
        case Committed():
            return moves.commit_stage(
                replace(run, adopted=run.adopted or (outcome.reused and run.resumed)),
                outcome.key,
                now,
                work=outcome.work,
                reused=outcome.reused,
                units_done=outcome.units,
                title=file_title(run.source) or outcome.title,  # what is taken over was made of a copy of another name
                duration_s=outcome.duration_s,
            )
        case Failed():
            return _failed(run, outcome, now, policy, jitter, fault)
        case Shared():
            stage = run.open_attempt.stage if run.open_attempt else ""
            return moves.wait_for(run, f"{stage}/{outcome.key}", now)
        case Playlist():
            return moves.expand(run, outcome.title, entries, now)
        case InputDamaged():
            return crashes.invalidate_input(run, outcome.stage, now)
        case Ended() | Stale():
            return moves.end_attempt(run, AttemptOutcome.INTERRUPTED, now, held=held)


def ended_as(run: RunRecord, shutting_down: bool) -> AttemptOutcome:
    """The word for an attempt that ended because it was asked to.

    Who asked may have changed his mind since: then it ended for a pause that is no more.
    """
    match run.intent.want:
        case Want.CANCEL:
            return AttemptOutcome.CANCELLED
        case Want.STOP:
            return AttemptOutcome.STOPPED
        case Want.PAUSE:
            return AttemptOutcome.PAUSED
    return AttemptOutcome.SHUTDOWN if shutting_down else AttemptOutcome.PAUSED


def _failed(
    run: RunRecord, outcome: Failed, now: datetime, policy: RetryPolicy, jitter: float, fault: Fault
) -> RunRecord:
    attempt = run.open_attempt
    tries = run.stages[attempt.stage].tries if attempt is not None else 0
    settings = run.settings or Settings()
    decision = decide(
        outcome.error_class,
        tries,
        settings.max_retries,
        outcome.retry_after_s,
        jitter,
        base_s=policy.base_s,
        cap_s=policy.cap_s,
        fault=fault,
    )
    hint = outcome.hint or CLASSES[outcome.error_class].hint
    if fault == "lasting":
        hint = "It was asked for hours and always refused; retry later, or add cookies or a proxy (--cookies, --proxy)."
    elif decision.kind == FailureKind.EXHAUSTED:
        hint = (
            f"{hint.replace(BY_ITSELF, '')} It was tried {times(tries + 1)}; ./reprise retry {run.run_id} tries again."
        )
    failure = Failure(kind=decision.kind, error_class=outcome.error_class, message=outcome.message, hint=hint)
    return moves.fail_attempt(
        run, failure, now, retry_wait_s=decision.wait_s, counts=decision.counts, units_done=outcome.units
    )
