"""One turn of the service: compare what the files want with what is, and act on the difference.

signals -> events of the engine -> intents and timers of every run -> playlists -> batches -> claims. Each step writes
the record first and signals after, so that a crash between the two is found by the next turn; what is already written
when the turn begins is signalled at once.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from core.domain import attempts as attempting
from core.domain import crashes
from core.domain.errors import Fenced, RepriseError
from core.domain.moves import due, settle_intent, wait_over
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.engines.engine import Died, Engine, EngineEvent, Frozen, Signal
from core.manager.claims import Claims
from core.manager.index import Index
from core.manager.outcomes import RetryPolicy, apply_outcome, ended_as
from core.manager.playlists import Playlists
from core.manager.rounds import cancel_with_batch, start_round
from core.manager.settling import settlements
from core.manager.shared_work import SharedWork
from core.manager.writer import Writer
from core.runner.outcome import Outcome, Playlist
from core.stages.catalog import Catalog
from core.system.clock import Clock
from core.system.logs import Log

IDLE_S = 30.0
POLL_S = 0.5
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
        policy: RetryPolicy,
        jitter: Callable[[], float],
        new_attempt_id: Callable[[], str],
        disk_is_low: Callable[[], bool],
        new_units: Callable[[str, str], int],
        pause_free_s: float,
        urgent: Callable[[], bool],
    ) -> None:
        self._index, self._writer, self._engine, self._clock = index, writer, engine, clock
        self._catalog, self._playlists, self._policy = catalog, playlists, policy
        self._jitter, self._new_units, self._pause_free_s, self._urgent = jitter, new_units, pause_free_s, urgent
        self._attempts: dict[str, str] = {}  # open attempt -> run, of this service
        self._claims = Claims(
            index=index,
            writer=writer,
            engine=engine,
            catalog=catalog,
            shared=shared,
            clock=clock,
            epoch=epoch,
            new_attempt_id=new_attempt_id,
            disk_is_low=disk_is_low,
            begun=self._attempts.__setitem__,
        )
        self._signalled: dict[str, Signal] = {}
        self._still_since: dict[str, float] = {}
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
            skip = run.intent.want == Want.SKIP or run.phase == Phase.SKIPPED
            if run.phase not in TERMINAL or skip or run.intent.again:
                due_s = self._put_off(run.run_id, partial(self._drive, run))
                wait_s = wait_s if due_s is None else min(wait_s, due_s)
        self._put_off("playlists", self._playlists.expand)
        for batch_id, settle in settlements(self._index, self._writer, self._clock):
            self._put_off(batch_id, settle)
        if not self.draining:
            for claim in self._put_off("schedule", self._claims.due) or ():
                if self._is_urgent():
                    return 0.0
                self._put_off(claim.run_id, partial(self._claims.start, claim))
        return min(wait_s, TROUBLE_S) if self._in_trouble else wait_s

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
        for run_id in list(self._attempts.values()):
            run = self._index.runs.get(run_id)
            if run is not None:
                self._put_off(run_id, partial(self._drive_attempt, run))

    # --- what the engine says --------------------------------------------------------------------------------

    def _hear_all(self) -> None:
        """Write down what happened; what cannot be written now (a full disk) is heard again by the next turn."""
        events, self._unheard = [*self._unheard, *self._engine.events()], []
        for event in events:
            if self._is_urgent() or not self._put_off(event.attempt_id, partial(self._hear, event)):
                self._unheard.append(event)

    def _hear(self, event: EngineEvent) -> bool:
        """Write down one event; True once that is done."""
        attempt_id = event.attempt_id
        run_id = self._attempts.get(attempt_id)
        if run_id is None:
            return True
        if run_id not in self._index.runs:  # nothing of it can be believed any more
            self._forget(attempt_id)
            return True
        if isinstance(event, Frozen):
            if self._signalled.get(attempt_id) == Signal.FREEZE:  # else it was thawed again before this was heard
                self._still_since[attempt_id] = self._clock.monotonic()
                self._write(run_id, attempt_id, self._frozen)
            return True
        if isinstance(event, Died):
            asked = self._signalled.get(attempt_id) == Signal.KILL
            self._write(run_id, attempt_id, lambda run, now: self._died(run, now, asked=asked))
        else:
            self._finished(run_id, attempt_id, event.outcome)
        self._forget(attempt_id)
        return True

    def _forget(self, attempt_id: str) -> None:
        self._signalled.pop(attempt_id, None)
        self._still_since.pop(attempt_id, None)
        del self._attempts[attempt_id]

    def _finished(self, run_id: str, attempt_id: str, outcome: Outcome) -> None:
        entries = self._playlists.entries(outcome, self._index.runs[run_id]) if isinstance(outcome, Playlist) else ()
        self._write(
            run_id,
            attempt_id,
            lambda run, now: apply_outcome(
                run,
                outcome,
                now,
                policy=self._policy,
                jitter=self._jitter(),
                held=self._held(run),
                shutting_down=self.draining,
                entries=entries,
            ),
        )

    def _frozen(self, run: RunRecord, now: datetime) -> RunRecord:
        if run.phase != Phase.RUNNING:
            return run
        by, why = self._who_pauses(run)
        return attempting.frozen(run, now, by=by, why=why)

    def _died(self, run: RunRecord, now: datetime, *, asked: bool) -> RunRecord:
        attempt = run.open_attempt
        units = self._new_units(run.run_id, attempt.id) if attempt is not None else 0
        if asked or self.draining:
            outcome = ended_as(run, self.draining, self._held(run))
            return attempting.end_attempt(run, outcome, now, units_done=units, held=self._held(run))
        return crashes.crashed(run, now, new_units=units, held=self._held(run))

    def _write(self, run_id: str, attempt_id: str, change: Callable[[RunRecord, datetime], RunRecord]) -> None:
        """Change a run whose open attempt is still `attempt_id`; else the news came too late and is dropped."""

        def checked(run: RunRecord) -> RunRecord:
            if run.open_attempt is None or run.open_attempt.id != attempt_id:
                return run
            return change(run, self._clock.now())

        self._writer.run(run_id, checked)

    # --- what each run wants ---------------------------------------------------------------------------------

    def _held(self, run: RunRecord) -> bool:
        batch = self._index.batches.get(run.batch_id)
        return self._index.pool.pause is not None or (batch is not None and batch.phase == BatchPhase.PAUSED)

    def _who_pauses(self, run: RunRecord) -> tuple[str, str]:
        if run.intent.want == Want.PAUSE:
            return run.intent.by, run.intent.why
        batch = self._index.batches.get(run.batch_id)
        pause = self._index.pool.pause or (batch.pause if batch is not None else None)
        return (pause.by, pause.why) if pause is not None else ("service", "")

    def _drive(self, run: RunRecord) -> float:
        batch = self._index.batches.get(run.batch_id)
        if batch is None:
            return IDLE_S  # never acknowledged: its batch file is the commit point
        if batch.cancel_by is not None and run.phase not in TERMINAL and run.intent.want != Want.CANCEL:
            run = self._writer.run(run.run_id, lambda run: cancel_with_batch(run, batch, self._clock.now()))
        if run.open_attempt is not None:
            return self._drive_attempt(run)
        if run.intent.again and run.phase in TERMINAL:
            self._writer.run(run.run_id, lambda run: start_round(run, batch.settings, self._catalog, self._clock.now()))
            return IDLE_S
        if run.phase == Phase.PAUSED and run.intent.want == Want.RUN and self._held(run):
            return IDLE_S
        moved = settle_intent(run, self._clock.now())
        if moved is not run:
            self._writer.run(run.run_id, lambda run: settle_intent(run, self._clock.now()))
            return IDLE_S
        if run.phase == Phase.RETRY_WAIT:
            left_s = due(run, self._clock.now())
            if left_s <= 0:
                self._writer.run(
                    run.run_id, lambda run: wait_over(run, self._clock.now()) if run.phase == Phase.RETRY_WAIT else run
                )
            return left_s or IDLE_S
        return POLL_S if run.waits_for else due(run, self._clock.now()) or IDLE_S

    def _drive_attempt(self, run: RunRecord) -> float:
        attempt = run.open_attempt
        if attempt is None or attempt.id not in self._attempts:
            return POLL_S  # of an older service; recovery takes it over once its owner is gone
        want = Want.PAUSE if run.intent.want == Want.RUN and self._held(run) else run.intent.want
        match want:
            case Want.STOP | Want.CANCEL | Want.SKIP:
                self._signal(attempt.id, Signal.KILL)
            case Want.PAUSE if run.phase == Phase.PAUSED:
                still_s = self._clock.monotonic() - self._still_since.get(attempt.id, float("-inf"))
                if still_s < self._pause_free_s:
                    return self._pause_free_s - still_s
                self._signal(attempt.id, Signal.KILL)
            case Want.PAUSE:
                # A transfer that stands still times out on the other side: it ends, and resumes from its partial file.
                self._signal(
                    attempt.id, Signal.KILL if self._catalog.lanes[attempt.stage] == "network" else Signal.FREEZE
                )
            case Want.RUN if self._signalled.get(attempt.id) == Signal.FREEZE:
                if run.phase == Phase.PAUSED:
                    self._writer.run(run.run_id, self._thawed)
                self._signalled.pop(attempt.id, None)
                self._engine.signal(attempt.id, Signal.THAW)
        return IDLE_S

    def _thawed(self, run: RunRecord) -> RunRecord:
        return attempting.thawed(run, self._clock.now(), by=run.intent.by) if run.phase == Phase.PAUSED else run

    def _signal(self, attempt_id: str, signal: Signal) -> None:
        """Send a signal once; KILL may follow FREEZE."""
        if self._signalled.get(attempt_id) in (signal, Signal.KILL):
            return
        self._signalled[attempt_id] = signal
        self._engine.signal(attempt_id, signal)

    def close(self) -> None:
        """After the engine is closed: hear what is left, and give back what is still open as shut down."""
        self._hear_all()
        for attempt_id, run_id in list(self._attempts.items()):
            self._put_off(run_id, partial(self._write, run_id, attempt_id, self._left_open))

    def _left_open(self, run: RunRecord, now: datetime) -> RunRecord:
        held = self._held(run)
        return attempting.end_attempt(run, ended_as(run, True, held), now, held=held)
