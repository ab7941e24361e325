"""The engine of a simulated service: lanes with workers that live in the world, not in the service."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.domain.run import Owner
from core.domain.states import Want
from core.engines.engine import Died, EngineEvent, Finished, Frozen, Signal, Slot
from core.manager.index import Index
from core.manager.signs import Sign
from core.runner.outcome import Assignment, Outcome
from tests.support.simulation.violation import require
from tests.support.simulation.workers import SimWorker

if TYPE_CHECKING:
    from tests.support.simulation.world import World


class SimEngine:
    """What `core.engines.engine.Engine` promises; each attempt's end is told exactly once, while the service lives."""

    def __init__(self, world: "World", lanes: dict[str, int], wake: Callable[[], None], index: Index) -> None:
        self._world, self._lanes = world, lanes
        self._events: list[EngineEvent] = []
        self._wake, self._index = wake, index
        self._used: dict[str, str] = {}  # slot or attempt -> lane
        self._workers: dict[str, SimWorker] = {}

    def lanes(self) -> dict[str, int]:
        """How many slots each lane has."""
        return dict(self._lanes)

    def free(self) -> dict[str, int]:
        """How many are free."""
        used = list(self._used.values())
        return {lane: total - used.count(lane) for lane, total in self._lanes.items()}

    def reserve(self, lane: str) -> Slot | None:
        """A free slot; now and then no process can be started."""
        if self._world.no_processes:
            raise OSError(11, "Resource temporarily unavailable")
        if self.free().get(lane, 0) < 1:
            return None
        number = next(self._world.pids)
        self._used[f"slot {number}"] = lane
        return Slot(lane=lane, number=number, owner=Owner(host="sim", boot_id="boot", pid=number, start_ticks=number))

    def warm(self, lane: str) -> None:
        """Nothing has to be made ready."""

    def release(self, slot: Slot) -> None:
        """Give back a reserved slot."""
        del self._used[f"slot {slot.number}"]

    def submit(self, slot: Slot, assignment: Assignment) -> None:
        """Hand the attempt to a worker."""
        lane = self._used.pop(f"slot {slot.number}")
        require("an attempt is handed out once", assignment.attempt_id not in self._workers, assignment)
        self._used[assignment.attempt_id] = lane
        worker = SimWorker(self._world, self, assignment)
        self._workers[assignment.attempt_id] = worker
        self._world.workers.append(worker)
        require("lane limits hold", min(self.free().values()) >= 0, self.free())

    def signal(self, attempt_id: str, signal: Signal) -> bool:
        """Do something to a running attempt; its last words may be on their way already."""
        worker = self._workers.get(attempt_id)
        if worker is None:
            return False
        if worker.outcome is not None and not worker.still and self._world.dice.random() < 0.5:
            worker.report()
        match signal:
            case Signal.FREEZE:
                self._judge(worker.assignment.run_id)
                worker.still = True
                self._events.append(Frozen(attempt_id=attempt_id))
                self._wake()
            case Signal.THAW:
                worker.still = False
            case Signal.END:
                worker.ending = True
            case Signal.TERM if worker.stuck:
                worker.still = False  # it is asked, and does not listen
            case _ if not worker.over:
                worker.dying = True
                if self._world.dice.random() < 0.7:
                    worker.die()
        return True

    def _judge(self, run_id: str) -> None:
        """What stands still does so for a pause that does not let the running stage end."""
        index = self._index
        run = index.runs[run_id]
        batch = index.batches.get(run.batch_id)
        own = run.intent.want == Want.PAUSE and not run.intent.drain
        others = [index.pool.pause, batch.pause if batch is not None else None]
        held = any(pause is not None and not pause.drain for pause in others) or self._world.disk_low
        require("a stage that may end stands not still", own or held, (run.intent, others))

    def sign(self, attempt_id: str) -> Sign:
        """How far an attempt is, as its progress file would say."""
        worker = self._workers.get(attempt_id)
        if worker is None or not worker.key:
            return Sign()
        done = worker.made_units
        return Sign(told=f"{worker.state} {done}", unit_bytes=100 * done, done=float(done))

    def events(self) -> list[EngineEvent]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def close(self, grace_s: float) -> None:
        """End everything at the next unit, and kill what does not end; what stands still is killed at once."""
        for worker in list(self._workers.values()):
            worker.ending = True
            for _ in range(3):
                worker.advance()
            worker.die()

    def crash(self) -> None:
        """The service is gone: the kernel kills its workers, but for those it was not asked to kill."""
        for worker in list(self._workers.values()):
            if not worker.outlives:
                worker.die()

    def finished(self, worker: SimWorker, outcome: Outcome) -> None:
        """A worker reported."""
        self._forget(worker)
        self._events.append(Finished(attempt_id=worker.assignment.attempt_id, outcome=outcome))
        self._wake()

    def died(self, worker: SimWorker) -> None:
        """A worker is gone without a word."""
        self._forget(worker)
        self._events.append(Died(attempt_id=worker.assignment.attempt_id, how="signal SIGKILL"))
        self._wake()

    def _forget(self, worker: SimWorker) -> None:
        del self._workers[worker.assignment.attempt_id]
        del self._used[worker.assignment.attempt_id]
