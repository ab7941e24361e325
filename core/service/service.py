"""The reconciling loop: woken by a file, an engine event or a timer, it takes one turn and sleeps again.

Starting up is not a special case: what was interrupted is put back, and the first turn goes on with it.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from core.domain.errors import Fenced, RepriseError
from core.engines.engine import Engine
from core.manager.dispatch import Dispatcher
from core.manager.exports.making import Making
from core.manager.index import Index
from core.manager.recovery import Recovery, RecoveryReport, lanes_ahead
from core.manager.rescan import Rescan
from core.manager.upkeep import Upkeep
from core.system.clock import Clock
from core.system.logs import Log

log = Log("service")
TROUBLE_S = 2.0
RUNG = ("", "")  # among the changes that the bell remembers: rung for something else
URGENT = frozenset({"pool", "batch"})  # what holds many runs at once; the service itself hardly ever writes them


class Wakeable(Protocol):
    """Something that calls back when files change."""

    def start(self) -> None:
        """Begin to listen."""
        ...

    def stop(self) -> None:
        """Stop listening."""
        ...


class Wake:
    """The loop's bell: rung from any thread, and it remembers which records changed, and whether it was rung for more."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._changed: dict[tuple[str, str], None] = {}  # in the order in which they changed
        self._urgent = False

    def ring(self) -> None:
        """Wake the loop for something that stands in no record, such as an event of the engine."""
        with self._lock:
            self._changed[RUNG] = None
        self._bell.set()

    def changed(self, kind: str, record_id: str) -> None:
        """Wake the loop because a record's file changed; progress files do not wake it."""
        if kind == "progress":
            return
        with self._lock:
            self._changed[(kind, record_id)] = None
            self._urgent |= kind in URGENT
        self._bell.set()

    def urgent(self) -> bool:
        """Whether something changed that the turn now being taken should not outlast, such as a pause of everything."""
        return self._urgent

    def wait(self, timeout_s: float) -> list[tuple[str, str]]:
        """Sleep until the bell rings or `timeout_s` seconds are over; what changed meanwhile, `RUNG` for what is no record."""
        self._bell.wait(timeout_s)
        self._bell.clear()
        with self._lock:
            changed, self._changed = list(self._changed), {}
            self._urgent = False
        return changed


class Service:
    """Runs until told to stop; holds the storage's service lock all that time (its maker takes it).

    What is `beside` is called at every turn, and tells in how many seconds it wants to be called again; what is to be
    done `at_end` is called once, when all attempts have ended.
    """

    def __init__(
        self,
        *,
        index: Index,
        dispatcher: Dispatcher,
        recovery: Recovery,
        upkeep: Upkeep,
        engine: Engine,
        watch: Wakeable,
        wake: Wake,
        clock: Clock,
        lanes: Mapping[str, str],
        rescan_s: float,
        shutdown_s: float,
        on_ready: Callable[[RecoveryReport], None],
        making: Making | None = None,
        beside: Iterable[Callable[[], float]] = (),
        at_end: Iterable[Callable[[], None]] = (),
    ) -> None:
        self._index, self._dispatcher, self._recovery, self._upkeep = index, dispatcher, recovery, upkeep
        self._beside, self._at_end = tuple(beside), tuple(at_end)
        self._engine, self._watch, self._wake, self._clock = engine, watch, wake, clock
        self._making = making
        self._lanes, self._shutdown_s, self._on_ready = lanes, shutdown_s, on_ready
        self._rescan = Rescan(index=index, recovery=recovery, clock=clock, every_s=rescan_s)
        self._stopping = threading.Event()
        self._due_at = 0.0  # on the monotonic clock

    def stop(self) -> None:
        """Ask the loop to end; from any thread."""
        self._stopping.set()
        self._wake.ring()

    def run(self) -> None:
        """Resume what was interrupted, then drive all runs until `stop`; leaves consistent state behind.

        Raises `Fenced` when a newer service has taken over.
        """
        self._watch.start()
        try:
            wait_s = self.begin()
            while not self._stopping.is_set():
                wait_s = self.once(self._wake.wait(wait_s))
        finally:
            self._watch.stop()
            self.end()

    def begin(self) -> float:
        """Read everything, take back what was interrupted and take the first turn; the seconds until something is due."""
        self._index.load()
        self._warm()
        report = self._recovery.recover()
        wait_s = 0.0 if self._stopping.is_set() else self._turn()
        self._on_ready(report)
        return wait_s

    def once(self, changed: Iterable[tuple[str, str]]) -> float:
        """One turn, after the records that `changed` were read again; the seconds until something is due.

        The service hears of its own writes too. When there was nothing but runs it wrote, and nothing is due, no turn
        is taken: the turn that wrote them has acted on them.
        """
        changed = list(changed)
        news = [self._refresh(kind, record_id) or kind != "run" for kind, record_id in changed if kind]
        left_s = min(self._due_at - self._clock.monotonic(), self._rescan.left_s())
        if changed and RUNG not in changed and not any(news) and left_s > 0:
            return left_s
        self._rescan.step()
        return self._turn()

    def end(self) -> None:
        """End all attempts at their next unit, and note what is left open as shut down."""
        self._dispatcher.draining = True
        if self._making is not None:
            self._making.close()
        self._engine.close(self._shutdown_s)
        try:
            self._dispatcher.close()
        except (RepriseError, OSError) as error:
            log.error("not_noted", error=str(error), hint="the next start finds these runs interrupted")
        for close in self._at_end:
            close()

    def _warm(self) -> None:
        """Start workers first: that takes longer than everything else here, and is done meanwhile and not after it."""
        for lane in lanes_ahead(self._index, self._lanes):
            try:
                self._engine.warm(lane)
            except OSError as error:  # too many processes or files: the claim tries again
                log.error("not_warmed", lane=lane, error=str(error))

    def _turn(self) -> float:
        wait_s = self._take_turn()
        self._due_at = self._clock.monotonic() + wait_s
        return min(wait_s, self._rescan.left_s())

    def _take_turn(self) -> float:
        try:
            if self._recovery.held:
                self._recovery.retry_held()
            wait_s = min(self._dispatcher.turn(), self._upkeep.turn(), *(turn() for turn in self._beside))
            if self._making is not None:
                wait_s = min(wait_s, self._making.turn())
            return min(wait_s, 1.0) if self._recovery.held else wait_s
        except Fenced:
            raise
        except (RepriseError, OSError) as error:
            # A full disk or a failing one: nothing was acknowledged, so the next turn finds the same work to do.
            log.error("turn_failed", error=str(error))
            return TROUBLE_S

    def _refresh(self, kind: str, record_id: str) -> bool:
        try:
            return self._index.refresh(kind, record_id)
        except (RepriseError, OSError) as error:
            log.error("unreadable", kind=kind, id=record_id, error=str(error))
            return True
