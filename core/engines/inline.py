"""The simplest engine: one slot a lane, attempts made in the caller's own thread when events are asked for.

For tests of everything above it, and for tracing an attempt in a debugger.
"""

from collections.abc import Mapping

from core.engines.engine import EngineEvent, Finished, Signal, Slot
from core.runner.control import Control
from core.runner.outcome import Assignment
from core.runner.runner import Runner
from core.system.identity import this_process


class InlineEngine:
    """Makes each attempt when its events are drained."""

    def __init__(self, runner: Runner, lanes: Mapping[str, int]) -> None:
        self._runner = runner
        self._lanes = dict(lanes)
        self._reserved: dict[str, int] = dict.fromkeys(lanes, 0)
        self._waiting: list[tuple[Slot, Assignment, Control]] = []
        self._number = 0

    def lanes(self) -> dict[str, int]:
        """How many slots each lane has."""
        return dict(self._lanes)

    def free(self) -> dict[str, int]:
        """How many slots of each lane are free now."""
        return {lane: total - self._reserved[lane] for lane, total in self._lanes.items()}

    def reserve(self, lane: str) -> Slot | None:
        """A free slot of `lane`, or None."""
        if self.free().get(lane, 0) < 1:
            return None
        self._reserved[lane] += 1
        self._number += 1
        return Slot(lane=lane, number=self._number, owner=this_process())

    def warm(self, lane: str) -> None:
        """Nothing has to be made ready."""

    def release(self, slot: Slot) -> None:
        """Give back a reserved slot."""
        self._reserved[slot.lane] -= 1

    def submit(self, slot: Slot, assignment: Assignment) -> None:
        """Keep the attempt until events are asked for."""
        self._waiting.append((slot, assignment, Control()))

    def signal(self, attempt_id: str, signal: Signal) -> bool:
        """End an attempt that has not begun; nothing else can reach one that runs in the caller's thread."""
        for _, assignment, control in self._waiting:
            if assignment.attempt_id == attempt_id:
                if signal in (Signal.END, Signal.TERM, Signal.KILL):
                    control.end()
                return True
        return False

    def events(self) -> list[EngineEvent]:
        """Make every submitted attempt now and return how each ended."""
        waiting, self._waiting = self._waiting, []
        happened: list[EngineEvent] = []
        for slot, assignment, control in waiting:
            outcome = self._runner.execute(assignment, control)
            self._reserved[slot.lane] -= 1
            happened.append(Finished(attempt_id=assignment.attempt_id, outcome=outcome))
        return happened

    def close(self, grace_s: float) -> None:
        """Forget what has not begun."""
        self._waiting.clear()
