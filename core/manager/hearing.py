"""What the engine tells of attempts, written down: stood still, finished, died."""

from collections.abc import Callable
from datetime import datetime

from core.domain import attempts as attempting
from core.domain import crashes
from core.domain.run import RunRecord
from core.domain.states import Phase
from core.engines.engine import Died, EngineEvent, Frozen, Signal
from core.manager.flights import Flight, Flights
from core.manager.holds import Holds
from core.manager.index import Index
from core.manager.outcomes import RetryPolicy, apply_outcome, ended_as
from core.manager.playlists import Playlists
from core.manager.writer import Writer
from core.runner.outcome import Outcome, Playlist
from core.system.clock import Clock


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
        policy: RetryPolicy,
        jitter: Callable[[], float],
        new_units: Callable[[str, str], int],
    ) -> None:
        self._index, self._writer, self._clock, self._playlists = index, writer, clock, playlists
        self._flights, self._holds, self._policy = flights, holds, policy
        self._jitter, self._new_units = jitter, new_units

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
                    asked = flight.signalled == Signal.KILL
                    self._write(flight, lambda run, now: self._died(run, now, asked=asked, draining=draining))
                case _:
                    self._finished(flight, event.outcome, draining=draining)
        self._flights.end(event.attempt_id)

    def give_back(self, flight: Flight) -> None:
        """Close an attempt that is still open when the service ends, as shut down."""
        self._write(flight, self._left_open)

    def _stands_still(self, flight: Flight) -> None:
        if flight.signalled == Signal.FREEZE:  # else it was thawed again before this was heard
            flight.still_since = self._clock.monotonic()
            self._write(flight, self._frozen)

    def _frozen(self, run: RunRecord, now: datetime) -> RunRecord:
        if run.phase != Phase.RUNNING:
            return run
        by, why = self._holds.who(run)
        return attempting.frozen(run, now, by=by, why=why)

    def _finished(self, flight: Flight, outcome: Outcome, *, draining: bool) -> None:
        known = self._index.runs[flight.run_id]
        entries = self._playlists.entries(outcome, known) if isinstance(outcome, Playlist) else ()
        self._write(
            flight,
            lambda run, now: apply_outcome(
                run,
                outcome,
                now,
                policy=self._policy,
                jitter=self._jitter(),
                held=self._holds.held(run),
                shutting_down=draining,
                entries=entries,
            ),
        )

    def _died(self, run: RunRecord, now: datetime, *, asked: bool, draining: bool) -> RunRecord:
        attempt, held = run.open_attempt, self._holds.held(run)
        units = self._new_units(run.run_id, attempt.id) if attempt is not None else 0
        if asked or draining:
            return attempting.end_attempt(run, ended_as(run, draining, held), now, units_done=units, held=held)
        return crashes.crashed(run, now, new_units=units, held=held)

    def _left_open(self, run: RunRecord, now: datetime) -> RunRecord:
        held = self._holds.held(run)
        return attempting.end_attempt(run, ended_as(run, True, held), now, held=held)

    def _write(self, flight: Flight, change: Callable[[RunRecord, datetime], RunRecord]) -> None:
        """Change a run whose open attempt is still this one; else the news came too late and is dropped."""

        def checked(run: RunRecord) -> RunRecord:
            if run.open_attempt is None or run.open_attempt.id != flight.attempt_id:
                return run
            return change(run, self._clock.now())

        self._writer.run(flight.run_id, checked)
