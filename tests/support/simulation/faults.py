"""What is to go wrong with the disk of one process, at which of its next operations."""

from collections.abc import Callable
from typing import Literal

from core.domain.errors import StorageError

Kind = Literal["crash before", "crash after", "error before", "error after", "meanwhile"]


class Crash(BaseException):
    """The process is gone in this moment: nothing may catch it, and nothing it does afterwards counts."""


class Faults:
    """Counts the operations of one process down to what was armed; each fault happens once."""

    def __init__(self) -> None:
        self._armed: list[tuple[int, Kind, Callable[[], None]]] = []
        self.count = 0
        self.dead = False

    def arm(self, kind: Kind, at: int, act: Callable[[], None] = lambda: None) -> None:
        """Let `kind` happen at the `at`-th operation from now (1: the next); `act` is what happens meanwhile."""
        self._armed.append((self.count + at, kind, act))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._armed.clear()

    def before(self, what: str) -> None:
        """To be called before each operation."""
        self._must_live()
        self.count += 1
        if not self._armed:
            return
        for fault in [fault for fault in self._armed if fault[0] <= self.count and not fault[1].endswith("after")]:
            self._armed.remove(fault)
            self._happen(fault[1], fault[2], what)

    def after(self, what: str) -> None:
        """To be called after each operation that became durable."""
        if not self._armed:
            return
        for fault in [fault for fault in self._armed if fault[0] <= self.count and fault[1].endswith("after")]:
            self._armed.remove(fault)
            self._happen(fault[1], fault[2], what)

    def _happen(self, kind: Kind, act: Callable[[], None], what: str) -> None:
        if kind == "meanwhile":
            act()
            self._must_live()
        elif kind.startswith("crash"):
            self.dead = True
            raise Crash(what)
        else:
            raise StorageError(f"The disk is full: {what}.")

    def _must_live(self) -> None:
        if self.dead:
            raise Crash("a dead process did something")
