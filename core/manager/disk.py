"""Whether there is room to work: below the reserve everything is held, and goes on by itself a little above it."""

from collections.abc import Callable

from msgspec.structs import replace

from core.domain.batch import Pause, PoolRecord
from core.system.clock import Clock

# Without a gap between stopping and going on, a disk that is just full would stop and start everything all the time.
GAP_SHARE = 0.1
MEGABYTE = 1e6
HELD_LOOK_S, IDLE_LOOK_S = 2.0, 30.0


class DiskHold:
    """Looked at once a turn; `free_bytes` tells how much room there is."""

    def __init__(self, free_bytes: Callable[[], int], reserve_bytes: int, clock: Clock) -> None:
        self._free_bytes, self._reserve_bytes, self._clock = free_bytes, reserve_bytes, clock
        self.pause: Pause | None = None

    def look(self) -> None:
        """Hold everything, or let it go on. Raises `OSError` when nothing can be learnt; all stays as it is then."""
        free_bytes = self._free_bytes()
        if not is_low(free_bytes, self._reserve_bytes, held=self.pause is not None):
            self.pause = None
        elif self.pause is None:
            why = (
                f"the disk has {free_bytes / MEGABYTE:.0f} MB left, and {self._reserve_bytes / MEGABYTE:.0f} MB are"
                " kept free; it goes on by itself once there is room"
            )
            self.pause = Pause(reason="disk", by="service", why=why, at=self._clock.now())

    def told(self, pool: PoolRecord) -> PoolRecord:
        """`pool` saying what is held because of the disk: views elsewhere cannot know what stopped and has not gone on."""
        return pool if pool.disk == self.pause else replace(pool, disk=self.pause)

    def look_again_s(self) -> float:
        """Seconds until the next look, since nobody tells of free space: soon while everything waits for it."""
        return HELD_LOOK_S if self.low() else IDLE_LOOK_S

    def low(self) -> bool:
        """Whether everything is held now."""
        return self.pause is not None


def needed_bytes(reserve_bytes: int, *, held: bool) -> int:
    """How much room there must be: what is held already goes on only once there is a tenth more than the reserve."""
    return int(reserve_bytes * (1.0 + GAP_SHARE if held else 1.0))


def is_low(free_bytes: int, reserve_bytes: int, *, held: bool) -> bool:
    """Whether everything is to be held."""
    return free_bytes < needed_bytes(reserve_bytes, held=held)
