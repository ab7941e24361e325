"""Whether and when a failed attempt is tried again: one table, decided from the class of its error."""

from typing import Literal

import msgspec

from core.domain.errors import CLASSES, ErrorClass
from core.domain.states import FailureKind

JITTER_SHARE = 0.2
RATE_LIMIT_S = 900.0
RATE_LIMIT_MAX_S = 3600.0
DISK_FULL_S = 30.0

# Whose a failure is: the run's own; of something outside that is known to be in trouble, where a breaker holds the run;
# or of something outside that has put it off for so long that waiting on would help nobody.
Fault = Literal["own", "outside", "lasting"]


class RetryDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows a failed attempt: the wait in seconds (None: no retry), whether it used a try, and how it is called."""

    wait_s: float | None
    counts: bool
    kind: FailureKind


def retry_delay_s(tries: int, base_s: float = 2.0, cap_s: float = 30.0, jitter: float = 0.0) -> float:
    """Seconds to wait after the `tries`-th failed try (from 1): 2, 4, 8, … up to `cap_s`.

    `jitter` in 0..1 adds up to a fifth on top, so that many runs do not come back together; never earlier.
    """
    doubled = base_s * 2.0 ** min(max(tries, 1) - 1, 60)
    return min(doubled, cap_s) * (1.0 + JITTER_SHARE * jitter)


def decide(
    error_class: ErrorClass,
    tries_before: int,
    max_retries: int = 3,
    retry_after_s: float | None = None,
    jitter: float = 0.0,
    *,
    base_s: float = 2.0,
    cap_s: float = 30.0,
    fault: Fault = "own",
) -> RetryDecision:
    """What follows an attempt that failed with `error_class` after `tries_before` counted tries in this round.

    Four tries in all with the default of 3 retries, fewer for a class with a lower budget of its own; permanent classes
    are not tried again. A rate limit waits as long as the site asked (`retry_after_s`, but `base_s` at least), else 15
    minutes; a full disk is looked at again every 30 s; neither uses a try. Any other wait asked for by the other side is
    kept too, up to an hour. What has not been broadcast yet is tried when it will be, if that is known. A
    `fault` outside uses no try, also of a class that is not tried again else: a breaker holds the run. One that lasts
    ends it.
    """
    rule = CLASSES[error_class]
    if fault == "lasting":
        return RetryDecision(wait_s=None, counts=True, kind=FailureKind.EXHAUSTED)
    if fault == "outside":
        return RetryDecision(wait_s=retry_delay_s(1, base_s, cap_s, jitter), counts=False, kind=FailureKind.ERROR)
    if rule.when_told and retry_after_s is not None and retry_after_s > 0:
        return RetryDecision(wait_s=max(retry_after_s, base_s), counts=rule.counts, kind=FailureKind.ERROR)
    if not rule.retryable:
        kind = FailureKind.INPUT_LOST if error_class == ErrorClass.INPUT_LOST else FailureKind.PERMANENT
        return RetryDecision(wait_s=None, counts=True, kind=kind)
    asked_s = min(max(retry_after_s or 0.0, 0.0), RATE_LIMIT_MAX_S)
    spread = 1.0 + JITTER_SHARE * jitter
    if error_class == ErrorClass.RATE_LIMITED:
        return RetryDecision(
            wait_s=max(asked_s or RATE_LIMIT_S, base_s) * spread, counts=rule.counts, kind=FailureKind.ERROR
        )
    if error_class == ErrorClass.DISK_FULL:
        return RetryDecision(wait_s=DISK_FULL_S * spread, counts=rule.counts, kind=FailureKind.ERROR)
    if tries_before >= (max_retries if rule.retries is None else min(rule.retries, max_retries)):
        kind = FailureKind.PERMANENT if error_class == ErrorClass.FORBIDDEN else FailureKind.EXHAUSTED
        return RetryDecision(wait_s=None, counts=True, kind=kind)
    wait_s = max(retry_delay_s(tries_before + 1, base_s, cap_s, jitter), asked_s)
    return RetryDecision(wait_s=wait_s, counts=True, kind=FailureKind.ERROR)
