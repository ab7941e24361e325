"""How long to wait before the next try, and when to give up."""

import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

_DICE = secrets.SystemRandom()


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """So many tries; after the first a wait of `first_s` seconds, each time twice as long, `longest_s` at most.

    A server that asks to wait longer than `longest_s` is not waited for: its refusal is raised and says how long.
    """

    tries: int = 5
    first_s: float = 0.5
    longest_s: float = 30.0

    def wait_s(self, tried: int, asked_s: float | None = None) -> float | None:
        """How many seconds to wait after `tried` tries; None: no further one. `asked_s` is what the server asks for."""
        if tried >= self.tries or (asked_s is not None and asked_s > self.longest_s):
            return None
        if asked_s is not None:
            return asked_s
        # Between half and all of it, so that many clients do not come back at once.
        return float(min(self.longest_s, self.first_s * 2 ** (tried - 1)) * _DICE.uniform(0.5, 1.0))


def asked_to_wait_s(header: str | None, date: str | None) -> float | None:
    """What a `Retry-After` asks for, in seconds: a number, or a time compared with the server's own `Date`. None: nothing."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until, now = parsedate_to_datetime(header), parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return max(0.0, (_utc(until) - _utc(now)).total_seconds())


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
