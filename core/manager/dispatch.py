"""One turn of the service: compare what the files want with what is, and act on the difference.

signals -> events of the engine -> intents and timers of every run -> playlists -> batches -> claims. Each step writes
the record first and signals after, so that a crash between the two is found by the next turn; what is already written
when the turn begins is signalled at once.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from core.config import Config
from core.domain.errors import Fenced, RepriseError
from core.domain.run import RunRecord
from core.engines.engine import Engine, EngineEvent
from core.manager.claims import Claims
from core.manager.driving import Driver
from core.manager.flights import Flights
from core.manager.hearing import Hearing
from core.manager.holds import Holds
from core.manager.index import Index
from core.manager.outcomes import RetryPolicy
from core.manager.playlists import Playlists
from core.manager.removing import removals
from core.manager.resting import IDLE_S, Resting, may_move
from core.manager.settling import settlements
from core.manager.shared_work import SharedWork
from core.manager.waits import Waits
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.system.clock import Clock
from core.system.logs import Log

TROUBLE_S = 2.0
T = TypeVar("T")
log = Log("manager")


class Dispatcher:
    """Drives every run towards what is wanted of it."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        engine: Engine,
        clock: Clock,
        epoch: int,
        catalog: Catalog,
        playlists: Playlists,
        shared: SharedWork,
        config: Config,
        jitter: Callable[[], float],
        new_attempt_id: Callable[[], str],
        disk_is_low: Callable[[], bool],
        new_units: Callable[[str, str], int],
        urgent: Callable[[], bool],
    ) -> None:
        self._index, self._writer, self._engine, self._clock = index, writer, engine, clock
        self._playlists, self._urgent = playlists, urgent
        self._flights, holds, waits = Flights(), Holds(index), Waits(clock)
        self._driver = Driver(
            writer=writer,
            engine=engine,
            clock=clock,
            catalog=catalog,
            flights=self._flights,
            holds=holds,
            pause_free_s=config.pause_free_s,
            epoch=epoch,
        )
        self._hearing = Hearing(
            index=index,
            writer=writer,
            clock=clock,
            playlists=playlists,
            flights=self._flights,
            holds=holds,
            policy=RetryPolicy(config.retry_base_s, config.retry_cap_s),
            jitter=jitter,
            new_units=new_units,
        )
        self._resting = Resting(index=index, writer=writer, clock=clock, catalog=catalog, holds=holds, waits=waits)
        self._claims = Claims(
            index=index,
            writer=writer,
            engine=engine,
            catalog=catalog,
            shared=shared,
            clock=clock,
            waits=waits,
            epoch=epoch,
            new_attempt_id=new_attempt_id,
            disk_is_low=disk_is_low,
            begun=self._flights.begin,
        )
        self._unheard: list[EngineEvent] = []
        self._in_trouble = False
        self.draining = False

    def turn(self) -> float:
        """Do all that can be done now; returns the seconds until something is due again.

        A record that cannot be written or believed now is put off, and holds up no other. When something `urgent`
        changes meanwhile, as a pause does, the turn ends early: each write takes a while, and no claim may follow it.
        Raises `Fenced` only.
        """
        self._in_trouble = False
        self._signal_all()
        self._hear_all()
        if self._is_urgent():
            return 0.0
        wait_s = IDLE_S
        runs, _, _ = self._index.snapshot()
        for run in runs.values():
            if may_move(run):
                due_s = self._put_off(run.run_id, partial(self._drive, run))
                wait_s = wait_s if due_s is None else min(wait_s, due_s)
        self._put_off("playlists", self._playlists.expand)
        for run_id, remove in removals(self._index, self._writer, self._clock):
            self._put_off(run_id, remove)
        for batch_id, settle in settlements(self._index, self._writer, self._clock):
            self._put_off(batch_id, settle)
        if not self.draining:
            for claim in self._put_off("schedule", self._claims.due) or ():
                if self._is_urgent():
                    return 0.0
                self._put_off(claim.run_id, partial(self._claims.start, claim))
        return min(wait_s, TROUBLE_S) if self._in_trouble else wait_s

    def close(self) -> None:
        """After the engine is closed: hear what is left, and give back what is still open as shut down."""
        self._hear_all()
        for flight in self._flights.all():
            self._put_off(flight.run_id, partial(self._hearing.give_back, flight))

    def _is_urgent(self) -> bool:
        return self._urgent() and not self.draining

    def _put_off(self, what: str, act: Callable[[], T]) -> T | None:
        """What `act` gives; None when the disk or the record refuses, which a later turn tries again."""
        try:
            return act()
        except Fenced:
            raise
        except (RepriseError, OSError) as error:
            log.error("put_off", what=what, error=str(error))
            self._in_trouble = True
            return None

    def _signal_all(self) -> None:
        """Signals go before anything is written: a pause is waited for, and a write takes as long as the disk likes."""
        for flight in self._flights.all():
            run = self._index.runs.get(flight.run_id)
            if run is not None:
                self._put_off(run.run_id, partial(self._driver.drive, run))

    def _hear_all(self) -> None:
        """Write down what happened; what cannot be written now (a full disk) is heard again by the next turn."""
        events, self._unheard = [*self._unheard, *self._engine.events()], []
        for event in events:
            if self._is_urgent() or not self._put_off(event.attempt_id, partial(self._hear, event)):
                self._unheard.append(event)

    def _hear(self, event: EngineEvent) -> bool:
        self._hearing.hear(event, draining=self.draining)
        return True

    def _drive(self, run: RunRecord) -> float:
        if run.batch_id not in self._index.batches:
            return IDLE_S  # never acknowledged: its batch file is the commit point
        run = self._resting.follow_batch(run)
        return self._resting.move(run) if run.open_attempt is None else self._driver.drive(run)
