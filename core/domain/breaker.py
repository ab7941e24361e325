"""Circuit breakers: what is in trouble outside (a host, the language model, the network) is left alone for a while.

Closed, a breaker counts failures in a row. Open, nothing that needs it is begun. When its time is over it is half-open:
exactly one attempt goes as a trial and decides, unless it fails of something here. What answers has no breaker at all. Pure: times come in as `now` (UTC).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.retry import RATE_LIMIT_MAX_S, RATE_LIMIT_S, Fault

NETWORK = "network"
LLM = "llm"
HOST = "host:"
CAP_S = 900.0
NETWORK_FAILURES = 5
SPARES_TRIES_S = 3600.0
FORGOTTEN_S = 3600.0
REMEMBERED = 8
LASTING_FAILURES = 8  # that many in a row at least: a service that was away for a night has not been put off all night

State = Literal["closed", "open", "half_open"]

# Which classes of errors speak against what an attempt needed, and which can only come of an answer: it works. All
# others, as a full disk, arise here and say nothing of anybody else. A host that yt-dlp cannot read is left alone like
# one that does not answer: a newer one may read it.
_AGAINST_HOST = frozenset({ErrorClass.NETWORK, ErrorClass.SERVER, ErrorClass.RATE_LIMITED, ErrorClass.TOOLING})
_AGAINST_LLM = frozenset({ErrorClass.LLM_UNAVAILABLE, ErrorClass.RATE_LIMITED})
_AGAINST_NETWORK = frozenset({ErrorClass.NETWORK})
_ANSWERS_OF_HOST = frozenset(
    {
        ErrorClass.FORBIDDEN,
        ErrorClass.AUTH_REQUIRED,
        ErrorClass.GEO_BLOCKED,
        ErrorClass.REMOVED,
        ErrorClass.DRM,
        ErrorClass.UNSUPPORTED_URL,
        ErrorClass.NOT_YET,
        ErrorClass.FORMAT,
        ErrorClass.NOT_MEDIA,
        ErrorClass.TRUNCATED,
    }
)
_ANSWERS_OF_LLM = frozenset({ErrorClass.LLM_REFUSED, ErrorClass.LLM_INVALID})
_ANSWERS_OVER_NETWORK = _ANSWERS_OF_HOST | {ErrorClass.SERVER, ErrorClass.RATE_LIMITED}


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Trouble with one thing outside, remembered until it answers again.

    `failures` came in a row, from `runs` at `hosts` (the latest, each once), the last one at `at` with the sentence
    `why`. From `opened_at` on it is open: for `open_s` seconds, until `until`; then one trial may go.
    """

    at: datetime
    failures: int = 0
    runs: list[str] = msgspec.field(default_factory=list)
    hosts: list[str] = msgspec.field(default_factory=list)
    why: str = ""
    opened_at: datetime | None = None
    until: datetime | None = None
    open_s: float = 0.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a breaker opens, and for how long at first; the wait doubles with each trial that fails, up to 15 minutes.

    What has asked to slow down for `give_up_s` seconds without a break is not waited for any longer.
    """

    failures: int = 3
    open_s: float = 30.0
    give_up_s: float = 43_200.0


def is_against(name: str, error_class: ErrorClass) -> bool:
    """Whether an error of this class speaks against what the breaker `name` stands for."""
    if name == LLM:
        return error_class in _AGAINST_LLM
    return error_class in (_AGAINST_NETWORK if name == NETWORK else _AGAINST_HOST)


def is_answer(name: str, error_class: ErrorClass) -> bool:
    """Whether an error of this class shows that what the breaker `name` stands for works."""
    if name == LLM:
        return error_class in _ANSWERS_OF_LLM
    return error_class in (_ANSWERS_OVER_NETWORK if name == NETWORK else _ANSWERS_OF_HOST)


def left_s(breaker: Breaker, now: datetime) -> float:
    """Seconds until one trial may go; never more than the whole wait, whatever the wall clock did."""
    if breaker.until is None:
        return 0.0
    return max(0.0, min((breaker.until - now).total_seconds(), breaker.open_s))


def state_of(breaker: Breaker | None, left: float) -> State:
    """The state of a breaker that has `left` seconds to go."""
    if breaker is None or breaker.opened_at is None:
        return "closed"
    return "open" if left > 0 else "half_open"


def spares_the_try(breaker: Breaker | None, now: datetime) -> bool:
    """Whether a failure is the fault of what is known to be in trouble, so that the run keeps its try.

    For an hour only: what is down for longer is the run's own trouble, and nothing waits for ever.
    """
    if breaker is None or breaker.opened_at is None:
        return False
    return abs((now - breaker.opened_at).total_seconds()) < SPARES_TRIES_S


def fault_of(
    breakers: Mapping[str, Breaker], names: Iterable[str], error_class: ErrorClass, now: datetime, give_up_s: float
) -> Fault:
    """Whose it is that an attempt which needed `names` failed with this class."""
    blamed = [name for name in names if is_against(name, error_class)]
    known = [breakers[name] for name in blamed if name in breakers]
    if blamed and error_class == ErrorClass.RATE_LIMITED:
        return "lasting" if any(_lasts(breaker, now, give_up_s) for breaker in known) else "outside"
    return "outside" if any(spares_the_try(breaker, now) for breaker in known) else "own"


def _lasts(breaker: Breaker, now: datetime, give_up_s: float) -> bool:
    opened_at = breaker.opened_at
    is_long = opened_at is not None and (now - opened_at).total_seconds() >= give_up_s
    return is_long and breaker.failures >= LASTING_FAILURES


def answered(
    breakers: Mapping[str, Breaker],
    names: Iterable[str],
    *,
    began: datetime | None = None,
    probe: Iterable[str] = (),
) -> dict[str, Breaker]:
    """`breakers` after what `names` stand for was seen to work: those are closed and clean.

    An attempt that `began` before one was opened says nothing about it, unless it was its `probe`: it would cut short
    the wait that was asked for meanwhile.
    """
    seen, trial = set(names), set(probe)

    def stays(name: str, breaker: Breaker) -> bool:
        if name not in seen:
            return True
        opened_at = breaker.opened_at
        return name not in trial and began is not None and opened_at is not None and opened_at > began

    return {name: breaker for name, breaker in breakers.items() if stays(name, breaker)}


def failed(
    breakers: Mapping[str, Breaker],
    names: Iterable[str],
    error_class: ErrorClass,
    now: datetime,
    *,
    limits: Limits,
    run_id: str,
    message: str,
    probe: Iterable[str] = (),
    began: datetime | None = None,
    asked_s: float | None = None,
    jitter: float = 0.0,
) -> dict[str, Breaker]:
    """`breakers` after an attempt of `run_id` that needed `names` failed; `probe` are those whose trial it was.

    A class that shows that one of them answered closes that; what arose here changes nothing. `asked_s` is the wait the other side asked for; `jitter`
    (0..1) adds up to a fifth to a wait, never less.
    """
    wanted = list(names)
    trial = set(probe)
    works = [name for name in wanted if is_answer(name, error_class)]
    after = answered(breakers, works, began=began, probe=trial)
    host = next((name.removeprefix(HOST) for name in wanted if name.startswith(HOST)), "")
    for name in wanted:
        if not is_against(name, error_class):
            continue
        before = after.get(name, Breaker(at=now))
        told = replace(
            before,
            at=now,
            failures=before.failures + 1,
            runs=_remember(before.runs, run_id),
            hosts=_remember(before.hosts, host) if host else before.hosts,
            why=message,
        )
        if error_class == ErrorClass.RATE_LIMITED:
            wait_s = max(min(asked_s or RATE_LIMIT_S, RATE_LIMIT_MAX_S), 1.0) * (1.0 + 0.2 * jitter)
            after[name] = _opened(told, now, max(wait_s, left_s(before, now)))
        elif before.opened_at is not None and name in trial:
            after[name] = _opened(told, now, min(before.open_s * 2.0, CAP_S))
        elif before.opened_at is not None:
            continue  # begun before it was opened: nothing new
        else:
            after[name] = _opened(told, now, limits.open_s) if _is_enough(name, told, limits) else told
    return _without_the_forgotten(after, now)


def _is_enough(name: str, breaker: Breaker, limits: Limits) -> bool:
    if name == NETWORK:
        return breaker.failures >= NETWORK_FAILURES and len(breaker.hosts) >= 2
    return breaker.failures >= limits.failures and len(breaker.runs) >= (1 if name == LLM else 2)


def _opened(breaker: Breaker, now: datetime, open_s: float) -> Breaker:
    return replace(breaker, opened_at=breaker.opened_at or now, until=now + timedelta(seconds=open_s), open_s=open_s)


def _remember(known: list[str], one: str) -> list[str]:
    return [*(other for other in known if other != one), one][-REMEMBERED:]


def _without_the_forgotten(breakers: dict[str, Breaker], now: datetime) -> dict[str, Breaker]:
    """Failures of an hour ago are not in a row with the next one: hosts that are not met again are not kept."""
    return {
        name: breaker
        for name, breaker in breakers.items()
        if breaker.opened_at is not None or (now - breaker.at).total_seconds() < FORGOTTEN_S
    }


def what(name: str) -> str:
    """What a breaker stands for, as the subject of a sentence."""
    if name.startswith(HOST):
        return name.removeprefix(HOST)
    return "The language model" if name == LLM else "The network"
