"""What all processes of the simulated world share: records as bytes, the journal, artifacts, units and locks."""

from pathlib import Path
from typing import Any

import msgspec


class Line(msgspec.Struct):
    """One piece of work: who took it over last, and which units count."""

    owner: tuple[int, str] = (0, "")
    units: dict[int, str] = msgspec.field(default_factory=dict)  # by number, the attempt that made it


class Disk:
    """Everything that survives the death of every process."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {"run": {}, "batch": {}, "pool": {}}
        self.journal: list[dict[str, Any]] = []
        self.artifacts: dict[tuple[str, str], str] = {}  # by stage and key, the attempt that published it
        self.held: set[str] = set()  # records whose lock somebody holds for a block
        self.work: dict[tuple[str, str], Line] = {}

    def take_over(self, stage: str, key: str, attempt: str, epoch: int) -> Line:
        """The units of a piece of work, opened for an attempt, as `core.store.units` does it."""
        line = self.work.setdefault((stage, key), Line())
        if epoch >= line.owner[0]:
            line.owner = (epoch, attempt)
        return line

    def add_unit(self, stage: str, key: str, number: int, attempt: str, epoch: int) -> None:
        """One more unit; it counts only when nobody took the work over meanwhile."""
        line = self.work[(stage, key)]
        if line.owner == (epoch, attempt):
            line.units.setdefault(number, attempt)

    def units_of(self, attempt: str) -> int:
        """How many units that count an attempt made."""
        return sum(made == attempt for line in self.work.values() for made in line.units.values())


class Locks:
    """The kernel's locks: held until the holder lets go or dies."""

    def __init__(self) -> None:
        self._holders: dict[str, object] = {}

    def take(self, name: str, holder: object) -> bool:
        """Whether `holder` has it now."""
        return self._holders.setdefault(name, holder) is holder

    def let_go(self, name: str, holder: object) -> None:
        """Nothing happens when it is another's."""
        if self._holders.get(name) is holder:
            del self._holders[name]

    def died(self, holder: object) -> None:
        """Everything `holder` held is free."""
        for name in [name for name, one in self._holders.items() if one is holder]:
            del self._holders[name]

    def held(self, name: str) -> bool:
        """Whether anybody holds it."""
        return name in self._holders

    def holder(self, name: str) -> object | None:
        """Who holds it."""
        return self._holders.get(name)

    def at(self, path: Path) -> "PathLock":
        """The lock of a path as `core.store.locks.Lock` offers it."""
        return PathLock(self, path.name)


class PathLock:
    """One taker's handle on a lock."""

    def __init__(self, locks: Locks, name: str) -> None:
        self._locks, self._name = locks, name

    def acquire(self, timeout_s: float = 0) -> bool:
        """Whether it was free; nobody waits in this world."""
        return self._locks.take(self._name, self)

    def release(self) -> None:
        """Let go."""
        self._locks.let_go(self._name, self)
