"""How long work on each batch was in flight: counted on the monotonic clock, written down once a minute at most."""

from collections.abc import Callable

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.states import Phase
from core.domain.timeouts import Limits, batch_left_s
from core.manager.flights import Flights
from core.manager.index import Index
from core.manager.writer import Writer
from core.system.clock import Clock

WRITE_S = 60.0
OPEN = frozenset({Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING})


class BatchTime:
    """Counts from turn to turn; what was not written down when the service is killed is not counted."""

    def __init__(self, *, index: Index, writer: Writer, flights: Flights, clock: Clock, limits: Limits) -> None:
        self._index, self._writer, self._flights, self._clock, self._limits = index, writer, flights, clock, limits
        self._counted_at_s = clock.monotonic()
        self._working: set[str] = set()
        self._late: set[str] = set()  # overdue, and known to be
        self._unwritten_s: dict[str, float] = {}

    def count(self) -> None:
        """Count the time since the last turn for every batch that had work in flight then; called as a turn begins."""
        now_s = self._clock.monotonic()
        for batch_id in self._working:
            self._unwritten_s[batch_id] = self._unwritten_s.get(batch_id, 0.0) + now_s - self._counted_at_s
        self._counted_at_s = now_s

    def look(self) -> float:
        """See what is in flight as a turn ends; seconds until the first batch is overdue, 0 once when one has become so."""
        self._working = set()
        for flight in self._flights.all():
            run = self._index.runs.get(flight.run_id)
            if run is not None and flight.frozen_at_s is None:
                self._working.add(run.batch_id)
        late = {batch_id for batch_id in self._working if self.is_overdue(batch_id)}
        new, self._late = late - self._late, late
        left_s = [self._left_s(batch_id) for batch_id in self._working - late]
        return 0.0 if new else min(left_s, default=WRITE_S)

    def due(self) -> list[tuple[str, Callable[[], BatchRecord]]]:
        """What is to be written now: the batches that worked for a minute, and those that are overdue no more."""
        worked = [batch_id for batch_id, unwritten_s in self._unwritten_s.items() if unwritten_s >= WRITE_S]
        due = [(batch_id, self._writing(batch_id)) for batch_id in worked]
        late = {batch_id for batch_id in {*self._working, *self._unwritten_s} if self.is_overdue(batch_id)}
        if late:
            waiting = {run.batch_id for run in self._index.runs.values() if run.phase in OPEN}
            due += [(batch_id, self._begin_again(batch_id)) for batch_id in late - waiting]
        return due

    def all(self) -> list[tuple[str, Callable[[], BatchRecord]]]:
        """Everything that is not written yet, as the service ends."""
        return [(batch_id, self._writing(batch_id)) for batch_id, left_s in self._unwritten_s.items() if left_s > 0]

    def written(self, batch_id: str) -> None:
        """Note that somebody has written down the time worked on a batch."""
        self._unwritten_s.pop(batch_id, None)

    def unwritten_s(self, batch_id: str) -> float:
        """Seconds that were worked on a batch since they were last written down."""
        return self._unwritten_s.get(batch_id, 0.0)

    def is_overdue(self, batch_id: str) -> bool:
        """Whether a batch worked longer than it may."""
        return self._left_s(batch_id) <= 0

    def _left_s(self, batch_id: str) -> float:
        batch = self._index.batches.get(batch_id)
        return self._limits.batch_s if batch is None else batch_left_s(batch, self.unwritten_s(batch_id), self._limits)

    def _writing(self, batch_id: str, *, begins: bool = False) -> Callable[[], BatchRecord]:
        def write() -> BatchRecord:
            worked_s = self.unwritten_s(batch_id)
            after = self._writer.batch(batch_id, lambda batch: _worked(batch, worked_s, begins=begins))
            self.written(batch_id)
            return after

        return write

    def _begin_again(self, batch_id: str) -> Callable[[], BatchRecord]:
        """All of it that was open has failed: what is retried gets the whole time again."""
        return self._writing(batch_id, begins=True)


def _worked(batch: BatchRecord, worked_s: float, *, begins: bool) -> BatchRecord:
    active_s = round(batch.active_s + worked_s, 3)
    return replace(batch, active_s=active_s, timeout_from_s=active_s if begins else batch.timeout_from_s)
