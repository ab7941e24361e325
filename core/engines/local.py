"""The engine of one machine: warm worker processes in lanes, each the leader of its own process group."""

import queue
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.engines.engine import Died, EngineEvent, Finished, Frozen, Signal, Slot
from core.engines.process import WorkerProcess
from core.runner.outcome import Assignment, Report
from core.runner.worker import Do, End
from core.system.clock import Clock

FREEZE_LIMIT_S = 1.0


class _Place:
    """One slot: its worker, kept warm between attempts, and the attempt in it."""

    def __init__(self, lane: str, number: int) -> None:
        self.lane, self.number = lane, number
        self.worker: WorkerProcess | None = None
        self.reserved = False
        self.attempt_id: str | None = None


class LocalEngine:
    """Child processes of the service.

    `worker_argv(lane)` is the command of a worker. `wake()` is called, from any thread, when events wait. Workers must
    be started from one thread that lives as long as the service: the kernel kills them when that thread ends.
    """

    def __init__(
        self,
        *,
        lanes: Mapping[str, int],
        worker_argv: Callable[[str], Sequence[str]],
        environment: Mapping[str, str],
        log: Path,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._lanes = dict(lanes)
        self._worker_argv, self._environment, self._log = worker_argv, environment, log
        self._clock, self._wake = clock, wake
        self._lock = threading.Lock()
        self._places = [_Place(lane, number) for lane, total in lanes.items() for number in range(total)]
        self._events: queue.Queue[EngineEvent] = queue.Queue()

    def lanes(self) -> dict[str, int]:
        """How many slots each lane has."""
        return dict(self._lanes)

    def free(self) -> dict[str, int]:
        """How many slots of each lane are free now."""
        with self._lock:
            free = dict.fromkeys(self._lanes, 0)
            for place in self._places:
                free[place.lane] += not place.reserved
            return free

    def reserve(self, lane: str) -> Slot | None:
        """A free slot of `lane`, one with a warm worker first; a missing worker is started.

        Raises `OSError` when no process can be started now; the slot stays free.
        """
        with self._lock:
            idle = [place for place in self._places if place.lane == lane and not place.reserved]
            if not idle:
                return None
            place = next((place for place in idle if place.worker is not None), idle[0])
            if place.worker is None:
                place.worker = self._start(lane)
            place.reserved = True
            return Slot(lane=lane, number=self._places.index(place), owner=place.worker.owner)

    def warm(self, lane: str) -> None:
        """Start a worker of `lane` before there is work for it."""
        slot = self.reserve(lane)
        if slot is not None:
            self.release(slot)

    def release(self, slot: Slot) -> None:
        """Give back a reserved slot that nothing was submitted to."""
        with self._lock:
            self._places[slot.number].reserved = False

    def submit(self, slot: Slot, assignment: Assignment) -> None:
        """Hand the attempt to the slot's worker."""
        with self._lock:
            place = self._places[slot.number]
            place.attempt_id = assignment.attempt_id
            worker = place.worker if place.worker is not None and place.worker.owner == slot.owner else None
        if worker is None:
            self._finish(place, Died(attempt_id=assignment.attempt_id, how="died before it began"))
            return
        # A worker that was frozen in the moment it finished its last attempt stands still without one.
        worker.frozen = False
        worker.signal_group(signal.SIGCONT)
        worker.send(Do(assignment=assignment))

    def signal(self, attempt_id: str, what: Signal) -> bool:
        """Freeze, thaw, end, terminate or kill a running attempt; False when it is not running here any more."""
        with self._lock:
            place = next((place for place in self._places if place.attempt_id == attempt_id), None)
            worker = place.worker if place is not None else None
        if worker is None:
            return False
        match what:
            case Signal.FREEZE:
                return self._freeze(attempt_id, worker)
            case Signal.THAW:
                worker.frozen = False
                return worker.signal_group(signal.SIGCONT)
            case Signal.END:
                worker.send(End())
                return True
            case Signal.TERM:
                return worker.terminate()
            case Signal.KILL:
                return worker.signal_group(signal.SIGKILL)

    def events(self) -> list[EngineEvent]:
        """What happened since the last call, in order."""
        happened = []
        while True:
            try:
                happened.append(self._events.get_nowait())
            except queue.Empty:
                return happened

    def close(self, grace_s: float) -> None:
        """End all attempts at their next unit boundary, kill what is left after `grace_s` seconds, stop the workers.

        What stands still is killed at once.
        """
        deadline = self._clock.monotonic() + grace_s
        with self._lock:
            busy = [place.worker for place in self._places if place.worker is not None and place.attempt_id is not None]
            everyone = [place.worker for place in self._places if place.worker is not None]
        for worker in busy:
            if worker.frozen:  # what is paused does nothing any more, also not to end well
                worker.signal_group(signal.SIGKILL)
            else:
                worker.send(End())
        while self._busy() and self._clock.monotonic() < deadline:
            self._clock.sleep(0.02)
        for worker in everyone:
            worker.signal_group(signal.SIGKILL)
        for worker in everyone:
            worker.join(2.0)

    def _busy(self) -> bool:
        with self._lock:
            return any(place.attempt_id is not None for place in self._places)

    def _start(self, lane: str) -> WorkerProcess:
        return WorkerProcess(
            self._worker_argv(lane),
            environment=self._environment,
            log=self._log,
            clock=self._clock,
            on_report=self._reported,
            on_death=self._died,
        )

    def _freeze(self, attempt_id: str, worker: WorkerProcess) -> bool:
        if not worker.signal_group(signal.SIGSTOP):
            return False
        worker.frozen = True
        deadline = self._clock.monotonic() + FREEZE_LIMIT_S
        while not worker.stands_still() and self._clock.monotonic() < deadline:
            self._clock.sleep(0.002)
        self._events.put(Frozen(attempt_id=attempt_id))
        self._wake()
        return True

    def _reported(self, worker: WorkerProcess, report: Report) -> None:
        with self._lock:
            place = next((place for place in self._places if place.worker is worker), None)
        if place is not None and place.attempt_id == report.attempt_id:
            self._finish(place, Finished(attempt_id=report.attempt_id, outcome=report.outcome))

    def _died(self, worker: WorkerProcess, how: str) -> None:
        with self._lock:
            place = next((place for place in self._places if place.worker is worker), None)
            if place is None:
                return
            place.worker = None
            attempt_id = place.attempt_id
        if attempt_id is not None:
            self._finish(place, Died(attempt_id=attempt_id, how=how))

    def _finish(self, place: _Place, event: EngineEvent) -> None:
        with self._lock:
            place.attempt_id = None
            place.reserved = False
        self._events.put(event)
        self._wake()
