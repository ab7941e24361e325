"""What the engine tells of attempts, written down: stood still, finished, died."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from core.domain import attempts as attempting
from core.domain import crashes
from core.domain.run import RunRecord
from core.domain.states import Phase
from core.domain.timeouts import timed_out
from core.engines.engine import Died, EngineEvent, Finished, Frozen, Signal
from core.manager.breakers import Breakers
from core.manager.flights import Flight, Flights
from core.manager.holds import Holds
from core.manager.index import Index
from core.manager.outcomes import RetryPolicy, apply_outcome, ended_as
from core.manager.playlists import Playlists
from core.manager.writer import Writer
from core.runner.outcome import Committed, Ended, Outcome, Playlist
from core.system.clock import Clock

Change = Callable[[RunRecord, datetime], RunRecord]


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A stage was published: its run `after` that is written down, as far as is known, and what does it to the record."""

    event: EngineEvent
    run_id: str
    after: RunRecord
    change: Callable[[RunRecord], RunRecord]


class Hearing:
    """Writes down one event at a time; news of an attempt that is over already is dropped."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        clock: Clock,
        playlists: Playlists,
        flights: Flights,
        holds: Holds,
        breakers: Breakers,
        policy: RetryPolicy,
        max_recoveries: int,
        jitter: Callable[[], float],
        new_units: Callable[[str, str], int],
        place: Callable[[RunRecord], str],
    ) -> None:
        self._index, self._writer, self._clock, self._playlists = index, writer, clock, playlists
        self._flights, self._holds, self._policy, self._max_recoveries = flights, holds, policy, max_recoveries
        self._breakers = breakers
        self._jitter, self._new_units, self._place = jitter, new_units, place

    def hear(self, event: EngineEvent, *, draining: bool) -> None:
        """Write down one event; `draining` says that the service is stopping. Raises what writing the run raises."""
        flight = self._flights.get(event.attempt_id)
        if flight is None:
            return
        if flight.run_id in self._index.runs:  # else nothing of it can be believed any more
            match event:
                case Frozen():
                    self._stands_still(flight)
                    return
                case Died():
                    self._write(flight, lambda run, now: self._died(run, now, flight, draining=draining))
                case _:
                    self._finished(flight, event.outcome, draining=draining)
        self._flights.end(event.attempt_id)

    def published(self, event: EngineEvent) -> Published | None:
        """The news that a stage is published, for whoever writes it down with more; None when it is to be heard alone.

        That is all other news, and any while a breaker is to be told of it.
        """
        flight = self._flights.get(event.attempt_id)
        if flight is None or flight.run_id not in self._index.runs or self._index.pool.breakers:
            return None
        if not isinstance(event, Finished) or not isinstance(event.outcome, Committed):
            return None
        outcome = event.outcome

        def change(run: RunRecord, now: datetime) -> RunRecord:
            return apply_outcome(run, outcome, now, policy=self._policy, jitter=0.0, held=None)

        checked = self._checked(flight, change)
        after = checked(self._index.runs[flight.run_id])
        return Published(event=event, run_id=flight.run_id, after=after, change=checked)

    def heard(self, published: Published) -> None:
        """Note that the news of a published stage is written down, by whoever asked for it."""
        self._flights.end(published.event.attempt_id)

    def give_back(self, flight: Flight) -> None:
        """Close an attempt that is still open when the service ends, as shut down."""
        self._write(flight, lambda run, now: self._ended(run, now, flight, 0, draining=True))

    def _stands_still(self, flight: Flight) -> None:
        if flight.signalled == Signal.FREEZE:  # else it was thawed again before this was heard
            flight.still_since_s = self._clock.monotonic()
            self._write(flight, self._frozen)

    def _frozen(self, run: RunRecord, now: datetime) -> RunRecord:
        if run.phase != Phase.RUNNING:
            return run
        by, why = self._holds.who(run)
        return attempting.frozen(run, now, by=by, why=why)

    def _ended(self, run: RunRecord, now: datetime, flight: Flight, units: int, *, draining: bool) -> RunRecord:
        """`run` after its attempt ended because we or somebody wanted that."""
        held, ending = self._holds.over(run), flight.ending
        if ending is not None and ending.failure is not None:
            return timed_out(run, ending.failure, now, units_done=units, note=flight.note)
        if ending is not None:
            return crashes.recover(run, now, max_recoveries=self._max_recoveries, units_done=units, held=held)
        outcome = ended_as(run, draining)
        return attempting.end_attempt(run, outcome, now, units_done=units, held=held, note=flight.note)

    def _finished(self, flight: Flight, outcome: Outcome, *, draining: bool) -> None:
        known = self._index.runs[flight.run_id]
        fault = self._breakers.fault(known, outcome)
        entries = self._playlists.entries(outcome, known) if isinstance(outcome, Playlist) else ()

        def change(run: RunRecord, now: datetime) -> RunRecord:
            if isinstance(outcome, Ended):
                return self._ended(run, now, flight, outcome.units, draining=draining)
            held, jitter = self._holds.over(run), self._jitter()
            return apply_outcome(
                run, outcome, now, policy=self._policy, jitter=jitter, held=held, fault=fault, entries=entries
            )

        self._write(flight, change)
        self._breakers.heard(known, outcome)

    def _died(self, run: RunRecord, now: datetime, flight: Flight, *, draining: bool) -> RunRecord:
        units = self._new_units(run.run_id, flight.attempt_id)
        if draining or flight.signalled in (Signal.TERM, Signal.KILL):
            return self._ended(run, now, flight, units, draining=draining)
        return crashes.crashed(run, now, new_units=units, held=self._holds.over(run), place=self._place(run))

    def _write(self, flight: Flight, change: Change) -> None:
        self._writer.run(flight.run_id, self._checked(flight, change))

    def _checked(self, flight: Flight, change: Change) -> Callable[[RunRecord], RunRecord]:
        """Changes a run whose open attempt is still this one; else the news came too late and is dropped."""
        active_s = flight.active_s(self._clock.monotonic())

        def checked(run: RunRecord) -> RunRecord:
            if run.open_attempt is None or run.open_attempt.id != flight.attempt_id:
                return run
            timed = attempting.timed(run, active_s)
            after = change(timed, self._clock.now())
            return run if after is timed else after

        return checked
