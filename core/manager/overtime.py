"""Ends attempts that worked longer than they, their run or their batch may."""

from core.domain.run import RunRecord
from core.domain.states import Want
from core.domain.timeouts import Limits, batch_failure, left_s, overdue
from core.manager.batch_time import BatchTime
from core.manager.driving import IDLE_S
from core.manager.flights import Ending, Flights
from core.manager.holds import Holds
from core.system.clock import Clock


class Overtime:
    """Looks at an attempt in flight; what stands still grows no older."""

    def __init__(self, *, flights: Flights, holds: Holds, clock: Clock, batch_time: BatchTime, limits: Limits) -> None:
        self._flights, self._holds, self._clock = flights, holds, clock
        self._batch_time, self._limits = batch_time, limits

    def look(self, run: RunRecord) -> float:
        """Have the open attempt of `run` ended if it is overdue; seconds until it may be."""
        attempt = run.open_attempt
        flight = self._flights.get(attempt.id) if attempt is not None else None
        if flight is None or flight.ending is not None or self._holds.wanted(run) != Want.RUN:
            return IDLE_S
        active_s = flight.active_s(self._clock.monotonic())
        failure = overdue(run, active_s, self._limits)
        if failure is None and self._batch_time.is_overdue(run.batch_id):
            failure = batch_failure(run, self._limits)
        if failure is None:
            return left_s(run, active_s, self._limits)
        flight.ending = Ending(kind="timeout", failure=failure)
        return IDLE_S
