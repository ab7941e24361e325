"""Every record is read again now and then, for what the watch did not tell of: a few at a time, so that nothing waits."""

from collections.abc import Iterator
from itertools import islice

from core.domain.errors import Fenced, RepriseError
from core.manager.index import Index
from core.manager.recovery import Recovery
from core.system.clock import Clock
from core.system.logs import Log

SLICE = 100  # a few milliseconds
log = Log("manager")


class Rescan:
    """A round over all records every `every_s` seconds, the first one that long after this was made."""

    def __init__(self, *, index: Index, recovery: Recovery, clock: Clock, every_s: float) -> None:
        self._index, self._recovery, self._clock, self._every_s = index, recovery, clock, every_s
        self._began_at_s = clock.monotonic()
        self._left: Iterator[tuple[str, str]] | None = None

    def left_s(self) -> float:
        """Seconds until there is something to read; 0 in the middle of a round."""
        if self._left is not None:
            return 0.0
        return max(0.0, self._began_at_s + self._every_s - self._clock.monotonic())

    def step(self) -> None:
        """Read the next few, if it is time for that; what cannot be read just now is read in the next round."""
        if self.left_s() > 0:
            return
        try:
            self._read()
        except Fenced:
            raise
        except (RepriseError, OSError) as error:
            log.error("not_read", error=str(error))
            self._left = None

    def _read(self) -> None:
        if self._left is None:
            self._began_at_s = self._clock.monotonic()
            self._left = self._index.there()
        some = list(islice(self._left, SLICE))
        for kind, record_id in some:
            try:
                self._index.look(kind, record_id)
            except (RepriseError, OSError) as error:
                log.error("unreadable", kind=kind, id=record_id, error=str(error))
        if len(some) < SLICE:
            self._left = None
            self._recovery.look_again()
