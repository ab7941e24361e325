"""The port between the service, which decides, and whatever makes attempts.

The service keeps the queue and hands over only what can start now. An engine knows slots in lanes, nothing of batches,
retries or pauses. `tests/contract/test_engine.py` holds every engine to this.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from core.domain.run import Owner
from core.runner.outcome import Assignment, Outcome


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A place reserved for one attempt, and the process that will make it."""

    lane: str
    number: int
    owner: Owner


class Signal(StrEnum):
    """What can be done to a running attempt."""

    FREEZE = "freeze"  # stand still at once, keeping everything
    THAW = "thaw"  # go on after FREEZE
    END = "end"  # end at the next unit boundary
    TERM = "term"  # asked to end now, whatever it does; what of it does not is killed by a KILL that follows
    KILL = "kill"  # end now; every process of it is gone before `Died` is reported


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt reported its outcome."""

    attempt_id: str
    outcome: Outcome


class Died(msgspec.Struct, frozen=True, kw_only=True):
    """The process of an attempt is gone without an outcome; `how` says what the operating system told."""

    attempt_id: str
    how: str


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Every process of an attempt stands still."""

    attempt_id: str


EngineEvent = Finished | Died | Frozen


class Engine(Protocol):
    """Makes attempts in lanes."""

    def lanes(self) -> dict[str, int]:
        """How many slots each lane has."""
        ...

    def free(self) -> dict[str, int]:
        """How many slots of each lane are free now."""
        ...

    def reserve(self, lane: str) -> Slot | None:
        """A free slot of `lane`, with its process started, or None."""
        ...

    def warm(self, lane: str) -> None:
        """Get a slot of `lane` ready before there is work for it."""
        ...

    def release(self, slot: Slot) -> None:
        """Give back a reserved slot that nothing was submitted to."""
        ...

    def submit(self, slot: Slot, assignment: Assignment) -> None:
        """Start the attempt in the reserved slot; exactly one `Finished` or `Died` follows."""
        ...

    def signal(self, attempt_id: str, signal: Signal) -> bool:
        """Do `signal` to a running attempt; False when it is not running here (any more)."""
        ...

    def events(self) -> list[EngineEvent]:
        """What happened since the last call, in order."""
        ...

    def close(self, grace_s: float) -> None:
        """End all attempts at their next unit boundary, kill what is left after `grace_s` seconds, stop the workers."""
        ...
