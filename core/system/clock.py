"""Time, injected: the only place of the product where a clock is read or slept on."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for ages and waits."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once when they are not positive."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once when they are not positive."""
        if seconds > 0:
            time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told; `sleep` moves it by what it was asked to wait. Thread-safe."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The wall time, aware, in UTC."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Seconds this clock was advanced since it was made."""
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` and return at once."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def set(self, now: datetime) -> None:
        """Move the wall clock to `now`, as an operator or NTP does; monotonic time does not notice."""
        with self._lock:
            self._now = now.astimezone(UTC)


def local(moment: datetime) -> datetime:
    """`moment` in the time zone of this machine, for people who sit at it."""
    return moment.astimezone()


def rfc3339(moment: datetime) -> str:
    """`moment` as `2026-01-31T23:59:59.123Z`: UTC, milliseconds, sortable as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
