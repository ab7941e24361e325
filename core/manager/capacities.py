"""Whose capacity holds: that of the service that runs, or, while none does, what one started from here would have."""

from core.config import Config
from core.domain.capacity import Capacity
from core.manager.index import Index
from core.store.layout import Layout
from core.store.locks import Lock


class Capacities:
    """Asks the pool's record and the service's lock; nothing is kept."""

    def __init__(self, index: Index, layout: Layout, config: Config) -> None:
        self._index, self._layout, self._own = index, layout, config.capacity

    def in_force(self) -> tuple[Capacity, bool]:
        """The capacity that holds now, and whether a service is alive."""
        alive = Lock(self._layout.service_lock()).held_by_other()
        published = self._index.snapshot()[2].capacity
        return (published if alive and published is not None else self._own), alive
