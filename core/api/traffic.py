"""What was asked of this process: requests by route and status, and how long they took."""

import threading
from collections import defaultdict

from core.domain.totals import Histogram

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Traffic:
    """What was asked of this process since it began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)  # method, route, status
        self.seconds: dict[str, Histogram] = {}
        self.open = 0

    def begun(self) -> None:
        """A request came in."""
        with self._lock:
            self.open += 1

    def ended(self, method: str, route: str, status: int, took_s: float) -> None:
        """A request was answered, with all of its body."""
        with self._lock:
            self.open -= 1
            self.requests[method, route, status] += 1
            self.seconds.setdefault(route, Histogram(BUCKETS_S)).add(took_s)
