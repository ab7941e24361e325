"""One turn of the service: compare what the files want with what is, and act on the difference.

signals -> events of the engine -> intents and timers of every run -> playlists -> batches -> claims -> time worked. Each step writes
the record first and signals after, so that a crash between the two is found by the next turn; what is already written
when the turn begins is signalled at once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from core.config import Config
from core.domain.errors import Fenced, RepriseError
from core.domain.run import RunRecord
from core.domain.schedule import Claim
from core.domain.states import BatchPhase
from core.domain.timeouts import Limits
from core.engines.engine import Engine, EngineEvent
from core.manager.agenda import Agenda
from core.manager.batch_time import BatchTime
from core.manager.breakers import Breakers, limits_in
from core.manager.claims import Claims
from core.manager.disk import DiskHold
from core.manager.driving import Driver
from core.manager.flights import Flights
from core.manager.hearing import Hearing, Published
from core.manager.holds import Holds
from core.manager.index import Index
from core.manager.outcomes import RetryPolicy
from core.manager.overtime import Overtime
from core.manager.playlists import Playlists
from core.manager.removing import end_removed, is_leaving
from core.manager.resting import IDLE_S, Resting, may_move
from core.manager.settling import Settling
from core.manager.shared_work import SharedWork
from core.manager.signs import Signs
from core.manager.stalls import StallWatch
from core.manager.waits import Waits
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.system.clock import Clock
from core.system.logs import Log

TROUBLE_S = 2.0
JOURNAL_S = 0.05
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
        free_bytes: Callable[[], int],
        new_units: Callable[[str, str], int],
        place: Callable[[RunRecord], str],
        signs: Signs,
        urgent: Callable[[], bool],
        throttled: Callable[[], Mapping[str, str]] = dict,
        spent: Callable[[], frozenset[str]] = frozenset,
        journal_s: float = JOURNAL_S,
    ) -> None:
        self._index, self._writer, self._engine, self._clock = index, writer, engine, clock
        self._playlists, self._urgent = playlists, urgent
        limits = Limits(stage_s=config.stage_timeout_s, run_s=config.run_timeout_s, batch_s=config.batch_timeout_s)
        self._flights, self._disk = Flights(clock), DiskHold(free_bytes, config.free_space_bytes, clock)
        holds, waits = Holds(index, self._disk), Waits(clock)
        self._time = BatchTime(index=index, writer=writer, flights=self._flights, clock=clock, limits=limits)
        self._stalls = StallWatch(
            index=index, writer=writer, flights=self._flights, clock=clock, signs=signs, config=config
        )
        self._overtime = Overtime(flights=self._flights, holds=holds, clock=clock, batch_time=self._time, limits=limits)
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
            disk_is_low=self._disk.low,
            throttled=throttled,
            max_runs_per_user=config.max_runs_per_user,
            spent=spent,
            begun=self._flights.begin,
        )
        self._driver = Driver(
            writer=writer,
            engine=engine,
            clock=clock,
            catalog=catalog,
            flights=self._flights,
            holds=holds,
            config=config,
            epoch=epoch,
            has_place=self._claims.has_place,
        )
        self._hearing = Hearing(
            index=index,
            writer=writer,
            clock=clock,
            playlists=playlists,
            flights=self._flights,
            holds=holds,
            breakers=Breakers(
                index=index,
                writer=writer,
                catalog=catalog,
                clock=clock,
                limits=limits_in(config),
                jitter=jitter,
            ),
            policy=RetryPolicy(config.retry_base_s, config.retry_cap_s),
            max_recoveries=config.max_recoveries,
            jitter=jitter,
            new_units=new_units,
            place=place,
        )
        self._resting = Resting(
            index=index,
            writer=writer,
            clock=clock,
            catalog=catalog,
            holds=holds,
            waits=waits,
            batch_time=self._time,
            limits=limits,
        )
        self._settling = Settling(
            index=index, writer=writer, clock=clock, batch_time=self._time, failures=config.auto_pause_failures
        )
        self._agenda = Agenda(index, clock)
        self._journal_s, self._journaled_at_s = journal_s, float("-inf")
        self._unheard: list[EngineEvent] = []
        self._ahead: dict[str, Published] = {}  # by run: heard, and written down with the claims of the same turn
        self._in_trouble = False
        self.draining = False

    def turn(self) -> float:
        """Do all that can be done now; returns the seconds until something is due again.

        A record that cannot be written or believed now is put off, and holds up no other. When something `urgent`
        changes meanwhile, as a pause does, the turn ends early: each write takes a while, and no claim may follow it.
        Raises `Fenced` only.
        """
        left_s = self._journaled_at_s + self._journal_s - self._clock.monotonic()
        with self._writer.together(later=left_s > 0):
            wait_s = self._turn()
        if left_s > 0:  # the journal has a durable write of its own: a busy service does not wait for one in every turn
            return min(wait_s, left_s) if self._writer.is_behind else wait_s
        self._journaled_at_s = self._clock.monotonic()
        return wait_s

    def _turn(self) -> float:
        self._in_trouble = False
        self._put_off("disk", self._disk.look)
        self._signal_all()
        self._time.count()
        if self._disk.pause != self._index.pool.disk:
            self._put_off("disk", partial(self._writer.pool, self._disk.told))
        self._hear_all()
        if self._is_urgent():
            return 0.0
        self._drive_all()
        if self._is_urgent():
            return 0.0
        self._put_off("playlists", self._playlists.expand)
        for batch_id, settle in self._settling.due(self._agenda.touched(), self._agenda.runs_of):
            if self._put_off(batch_id, settle) is None:
                self._agenda.touch(batch_id)
        if not self.draining and not self._agenda.is_behind:  # nobody is claimed before everyone was looked at
            after = [one.after for one in self._ahead.values()]
            for claim in self._put_off("schedule", partial(self._claims.due, after)) or ():
                if self._is_urgent():
                    return 0.0
                self._put_off(claim.run_id, partial(self._start, claim))
        self._hear_rest()
        self._stalls.forget()
        batch_left_s = self._time.look()
        if batch_left_s <= 0:
            self._agenda.everything()  # all runs of a batch that is overdue
        wait_s = min(IDLE_S, batch_left_s, self._agenda.left_s(), self._disk.look_again_s())
        for batch_id, write in self._time.due():
            self._put_off(batch_id, write)
        if any(flight.signalled is None for flight in self._flights.all()):
            wait_s = min(wait_s, self._stalls.look_s)
        wait_s = min(wait_s, self._claims.look_again_s())
        return min(wait_s, TROUBLE_S) if self._in_trouble else wait_s

    def _drive_all(self) -> None:
        """Move every run that is due; once something is urgent the others come after it."""
        for run in self._agenda.due([flight.run_id for flight in self._flights.all()], self._disk.pause):
            if run.run_id in self._ahead:
                continue
            due_s = None if self._is_urgent() else self._put_off(run.run_id, partial(self._drive, run))
            moved = due_s is not None and self._index.runs.get(run.run_id, run) != run
            self._agenda.again(run.run_id, 0.0 if moved else due_s)  # what was moved may move on

    def close(self) -> None:
        """After the engine is closed: hear what is left, and give back what is still open as shut down."""
        with self._writer.together():
            self._hear_all()
            for flight in self._flights.all():
                self._put_off(flight.run_id, partial(self._hearing.give_back, flight))
            self._time.count()
            for batch_id, write in self._time.all():
                self._put_off(batch_id, write)

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
        """Write down what happened; what cannot be written now (a full disk) is heard again by the next turn.

        A run that may go right on after a stage is left to the claims, so that both are written at once. What was put
        off is written alone: a run that cannot be written must not be given the slot that another could use.
        """
        late = [*self._unheard, *(one.event for one in self._ahead.values())]
        self._unheard, self._ahead = [], {}
        self._hear_each(late)
        for event in self._engine.events():
            ahead = None if self._is_urgent() else self._put_off(event.attempt_id, partial(self._look_ahead, event))
            if ahead is not None:
                self._ahead[ahead.run_id] = ahead
            else:
                self._hear_each([event])

    def _hear_each(self, events: list[EngineEvent]) -> None:
        for event in events:
            if self._is_urgent() or not self._put_off(event.attempt_id, partial(self._hear, event)):
                self._unheard.append(event)

    def _look_ahead(self, event: EngineEvent) -> Published | None:
        published = None if self.draining else self._hearing.published(event)
        return published if published is not None and self._resting.stays(published.after) else None

    def _start(self, claim: Claim) -> None:
        published = self._ahead.get(claim.run_id)
        if self._claims.start(claim, published) and published is not None:
            self._hearing.heard(published)
            del self._ahead[claim.run_id]

    def _hear_rest(self) -> None:
        """Write down what was published before a stage that is not to start yet."""
        rest, self._ahead = [one.event for one in self._ahead.values()], {}
        self._hear_each(rest)

    def _hear(self, event: EngineEvent) -> bool:
        self._hearing.hear(event, draining=self.draining)
        return True

    def _drive(self, run: RunRecord) -> float:
        batch = self._index.batches.get(run.batch_id)
        if is_leaving(run):
            end_removed(run, self._writer, self._clock)
            return IDLE_S
        # Without its batch a run was never acknowledged: that file is the commit point.
        if batch is None or batch.phase == BatchPhase.DELETED or not may_move(run):
            return IDLE_S
        run = self._resting.follow_batch(run)
        if run.open_attempt is None:
            return self._resting.move(run)
        due_s = min(self._stalls.look(run), self._overtime.look(run))
        return min(due_s, self._driver.drive(run))
