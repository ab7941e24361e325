"""Waits that end on time although somebody sets the wall clock back.

A record says until when it waits, in wall time, so that a wait outlives the service. While the service lives, its own
monotonic clock tells when the wait is over at the latest.
"""

from datetime import datetime

from core.system.clock import Clock


class Waits:
    """Remembers, for each key, when the wait it has now ends on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, tuple[datetime, float]] = {}

    def left_s(self, key: str, until: datetime | None, wait_s: float) -> float:
        """Seconds left until `until`, never more than `wait_s`, the whole wait, and never less than 0.

        From the first time it is asked for this `key` and `until`, time passes on the monotonic clock too: whichever
        clock says first that the wait is over is believed.
        """
        if until is None:
            return 0.0
        by_wall_s = max(0.0, min((until - self._clock.now()).total_seconds(), wait_s))
        now_s = self._clock.monotonic()
        known = self._ends.get(key)
        if known is None or known[0] != until:
            known = self._ends[key] = (until, now_s + by_wall_s)
        return max(0.0, min(by_wall_s, known[1] - now_s))
