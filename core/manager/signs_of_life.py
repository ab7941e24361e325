"""The service says with every turn that it does something: to whoever watches the storage, and to its supervisor."""

from collections.abc import Callable

from core.store.beat import Beat
from core.store.layout import Layout
from core.system.clock import Clock
from core.system.supervisor import Supervisor


def signs_of_life(layout: Layout, clock: Clock, every_s: float) -> Callable[[], float]:
    """What says it, and gives the seconds until it is to be said again at the latest."""
    beat, supervisor = Beat(layout, clock), Supervisor()

    def turn() -> float:
        supervisor.alive()
        try:
            beat.tell()
        except OSError:
            return 1.0  # a disk that is full or gone is told of by what has to be written
        return every_s

    return turn
