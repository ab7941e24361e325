"""Waiting while everything is paused, for work that is done for who asks and that no service dispatches."""

from collections.abc import Callable

from core.domain.batch import Pause
from core.domain.display import pause_sentence
from core.manager.index import POOL, Index
from core.system.clock import Clock

LOOK_S = 0.5


class PauseGate:
    """Closed by a pause of everything, read anew at each look: not every process that waits watches the storage."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index, self._clock = index, clock

    def why(self, *, begun: bool = False) -> str:
        """Who holds everything, and why, in a sentence; empty when it goes on. Work that has `begun` may end in a drain.

        Raises `StorageError` when it cannot be read.
        """
        pause = self._pause()
        if pause is None or (begun and pause.drain):
            return ""
        return f"Everything is {pause_sentence(pause, (), None, self._clock.now()).rstrip('.')}."

    def wait(self, check: Callable[[], None], held: Callable[[str], None]) -> None:
        """Return once nothing is paused; `held` is told what is waited for when there is a wait, `check` may raise."""
        told = ""
        while why := self.why():
            if why != told:
                held(why)
                told = why
            check()
            self._clock.sleep(LOOK_S)

    def _pause(self) -> Pause | None:
        self._index.refresh("pool", POOL)
        return self._index.pool.pause
