"""The attempts this service has in flight: what each was told last, why it is ended, and how long it really worked."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from core.domain.run import Failure
from core.engines.engine import Signal
from core.system.clock import Clock


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """Why the service itself ends an attempt: it stalled, or took too long, which is the `failure`."""

    kind: Literal["stalled", "timeout"]
    failure: Failure | None = None


@dataclass
class Flight:
    """One open attempt of this service. What ends in `_at_s` and `_since_s` is on the monotonic clock."""

    attempt_id: str
    run_id: str
    began_at_s: float
    signalled: Signal | None = None
    signalled_at_s: float = 0.0
    still_since_s: float | None = None  # since every process was seen standing still
    frozen_at_s: float | None = None  # since it was told to stand still
    frozen_s: float = 0.0  # earlier times of standing still
    ending: Ending | None = None
    forced_after_s: float | None = None  # asked to end, it did not, and was killed after so many seconds

    def active_s(self, now_s: float) -> float:
        """How long it has worked until `now_s`, without the times it stood still."""
        frozen_s = self.frozen_s + (now_s - self.frozen_at_s if self.frozen_at_s is not None else 0.0)
        return max(0.0, now_s - self.began_at_s - frozen_s)

    def tell(self, signal: Signal, now_s: float) -> None:
        """Note that it was sent `signal`."""
        if self.frozen_at_s is not None and signal != Signal.FREEZE:
            self.frozen_s += now_s - self.frozen_at_s
            self.frozen_at_s = None
        if signal == Signal.FREEZE:
            self.frozen_at_s = now_s
        elif signal == Signal.KILL and self.signalled == Signal.TERM:
            self.forced_after_s = now_s - self.signalled_at_s
        elif signal == Signal.THAW:
            self.still_since_s = None
        self.signalled, self.signalled_at_s = None if signal == Signal.THAW else signal, now_s

    @property
    def note(self) -> str:
        """What is to be said of how it ended; empty when it ended as it was asked to."""
        return "" if self.forced_after_s is None else f"It had to be killed after {self.forced_after_s:.3g} s."


class Flights:
    """The attempts in flight, by their ids; empty when a service starts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._flights: dict[str, Flight] = {}

    def begin(self, attempt_id: str, run_id: str) -> None:
        """Note an attempt that is about to be handed to a worker."""
        self._flights[attempt_id] = Flight(attempt_id, run_id, self._clock.monotonic())

    def end(self, attempt_id: str) -> None:
        """Forget an attempt that is over."""
        self._flights.pop(attempt_id, None)

    def get(self, attempt_id: str) -> Flight | None:
        """The flight of an attempt; None when it is not one of this service, or over."""
        return self._flights.get(attempt_id)

    def all(self) -> list[Flight]:
        """Every flight, as they are now."""
        return list(self._flights.values())
