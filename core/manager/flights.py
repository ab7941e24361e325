"""The attempts this service has in flight: what each was told last, and since when it stands still."""

from dataclasses import dataclass

from core.engines.engine import Signal


@dataclass
class Flight:
    """One open attempt of this service. `still_since` is on the monotonic clock, in seconds."""

    attempt_id: str
    run_id: str
    signalled: Signal | None = None
    still_since: float | None = None


class Flights:
    """The attempts in flight, by their ids; empty when a service starts."""

    def __init__(self) -> None:
        self._flights: dict[str, Flight] = {}

    def begin(self, attempt_id: str, run_id: str) -> None:
        """Note an attempt that is about to be handed to a worker."""
        self._flights[attempt_id] = Flight(attempt_id, run_id)

    def end(self, attempt_id: str) -> None:
        """Forget an attempt that is over."""
        self._flights.pop(attempt_id, None)

    def get(self, attempt_id: str) -> Flight | None:
        """The flight of an attempt; None when it is not one of this service, or over."""
        return self._flights.get(attempt_id)

    def all(self) -> list[Flight]:
        """Every flight, as they are now."""
        return list(self._flights.values())
