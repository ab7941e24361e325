"""How a running attempt is brought to what is wanted of its run: by signals, each sent once."""

from collections.abc import Callable

from core.config import Config
from core.domain import attempts as attempting
from core.domain.run import RunRecord
from core.domain.states import AttemptOutcome, Phase, Want
from core.engines.engine import Engine, Signal
from core.manager.flights import Flight, Flights
from core.manager.holds import Holds
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.system.clock import Clock

IDLE_S = 30.0
POLL_S = 0.5


class Driver:
    """Sends the signals; what comes of them is heard as events of the engine.

    `has_place(run)` tells whether a run that stands still may work beside the others of its batch and its user.
    """

    def __init__(
        self,
        *,
        writer: Writer,
        engine: Engine,
        clock: Clock,
        catalog: Catalog,
        flights: Flights,
        holds: Holds,
        config: Config,
        epoch: int,
        has_place: Callable[[RunRecord], bool],
    ) -> None:
        self._writer, self._engine, self._clock, self._catalog = writer, engine, clock, catalog
        self._flights, self._holds, self._epoch, self._has_place = flights, holds, epoch, has_place
        self._pause_free_s, self._cancel_grace_s = config.pause_free_s, config.cancel_grace_s

    def drive(self, run: RunRecord) -> float:
        """Bring the open attempt of `run` nearer to what is wanted; seconds until there is more to do."""
        attempt = run.open_attempt
        flight = self._flights.get(attempt.id) if attempt is not None else None
        if attempt is not None and flight is None and attempt.epoch == self._epoch:
            self._writer.run(run.run_id, lambda run: self._never_begun(run, attempt.id))
            return POLL_S
        if attempt is None or flight is None:
            return POLL_S  # of an older service; recovery takes it over once its owner is gone
        if flight.ending is not None:
            return self._end(flight, kill=flight.ending.kind == "stalled")
        match self._holds.wanted(run):
            case Want.STOP | Want.CANCEL | Want.SKIP:
                return self._end(flight)
            case Want.PAUSE if run.phase == Phase.PAUSED:
                return self._free(flight)
            case Want.PAUSE:
                # A transfer that stands still times out on the other side: it ends, and resumes from its partial file.
                network = self._catalog.lanes[attempt.stage] == "network"
                self._signal(flight, Signal.KILL if network else Signal.FREEZE)
            case Want.RUN if flight.signalled == Signal.FREEZE:
                if run.phase == Phase.PAUSED:
                    if not self._has_place(
                        run
                    ):  # others began meanwhile: it is next, from where it stands or from the queue
                        return self._free(flight)
                    self._writer.run(run.run_id, self._thawed)
                self._send(flight, Signal.THAW)
        return IDLE_S

    def _never_begun(self, run: RunRecord, attempt_id: str) -> RunRecord:
        """`run` without an attempt whose opening reached the disk although the disk said that it did not."""
        if run.open_attempt is None or run.open_attempt.id != attempt_id:
            return run
        now, held = self._clock.now(), self._holds.over(run)
        return attempting.end_attempt(run, AttemptOutcome.INTERRUPTED, now, held=held)

    def _end(self, flight: Flight, *, kill: bool = False) -> float:
        """Ask the attempt to end, and kill it when it has not after the grace; `kill` does without asking."""
        self._signal(flight, Signal.KILL if kill else Signal.TERM)
        if flight.signalled == Signal.TERM:
            left_s = self._cancel_grace_s - (self._clock.monotonic() - flight.signalled_at_s)
            if left_s > 0:
                return left_s
            self._signal(flight, Signal.KILL)
        return IDLE_S

    def _free(self, flight: Flight) -> float:
        """End what has stood still for so long that its memory is to be used by others."""
        if flight.still_since_s is not None:
            left_s = self._pause_free_s - (self._clock.monotonic() - flight.still_since_s)
            if left_s > 0:
                return left_s
        self._signal(flight, Signal.KILL)
        return IDLE_S

    def _thawed(self, run: RunRecord) -> RunRecord:
        return attempting.thawed(run, self._clock.now(), by=run.intent.by) if run.phase == Phase.PAUSED else run

    def _signal(self, flight: Flight, signal: Signal) -> None:
        """Send a signal once; TERM may follow FREEZE, and KILL every other."""
        after = {None: 0, Signal.FREEZE: 1, Signal.TERM: 2, Signal.KILL: 3}
        if after.get(flight.signalled, 0) < after[signal]:
            self._send(flight, signal)

    def _send(self, flight: Flight, signal: Signal) -> None:
        """Send a signal and note it; one that could not be sent is not noted, so that a later turn sends it."""
        now_s = self._clock.monotonic()
        self._engine.signal(flight.attempt_id, signal)
        flight.tell(signal, now_s)
