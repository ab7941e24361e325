"""The time that goes into records: what happened later is later there too, whatever somebody does to the clock."""

from datetime import datetime, timedelta

from core.manager.index import Index
from core.system.clock import Clock

TICK = timedelta(microseconds=1)


class Stamps:
    """A clock whose wall time is never earlier than what some record tells of already.

    After the machine's clock was set back its stamps stand, a millionth of a second apart, until that has come as far
    again: who failed first, and what came after a resume, is told by comparing them. Ages and waits have the monotonic
    clock, which is the machine's own.
    """

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index, self._clock = index, clock

    def now(self) -> datetime:
        """The wall time, aware, in UTC; else just after the latest change that is known of."""
        now, latest = self._clock.now(), self._index.latest
        return now if latest is None or now >= latest else latest + TICK

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once when they are not positive."""
        self._clock.sleep(seconds)
