"""The durable units of one piece of work: one checksummed line each, which survive the attempt that made them.

A line `takeover` opens each attempt. From then on only lines of that attempt count, so what a stopped and woken process
of an older one still appends is ignored.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from core.store.begun import NAME as BEGUN
from core.store.begun import BegunLog
from core.system import files


class UnitRecord(msgspec.Struct, frozen=True):
    """One whole unit: its number, its size in the stage's unit, its data, and by which attempt of which epoch."""

    number: int
    size: float
    data: dict[str, Any]
    attempt: str
    epoch: int


def read_units(path: Path) -> dict[int, UnitRecord]:
    """The units in the file `path` that count, by number; changes nothing, none when there is no file."""
    return _counting(files.read_crc_lines(path))


class UnitLog:
    """The units of one piece of work, opened for one attempt, which holds the lock of its key. Thread-safe.

    Opening cuts off a torn last line and takes over from older attempts: from all that live, and these see it without
    an fsync; a power cut, which may take it back, ends them too. Raises `StorageError` when the disk refuses; a unit is
    acknowledged only by a normal return of `add`, the first of which also makes the names of file and folders durable.
    """

    def __init__(self, path: Path, attempt: str, epoch: int) -> None:
        self.path = path
        self.attempt = attempt
        self.epoch = epoch
        self._lock = threading.Lock()
        self._fd = -1
        self._named = False  # whether its own name and those of its folders are known to be durable
        self.begun = BegunLog(path.with_name(BEGUN), attempt)
        try:
            files.make_folder(path.parent, durable=False)
            lines = files.scan_crc_lines(path.read_bytes() if path.exists() else b"")
            self.damaged = lines.damaged
            self._units = _counting(lines.records)
            self._fd = files.open_append(path, durable=False)
            if os.fstat(self._fd).st_size > lines.whole_bytes:
                os.ftruncate(self._fd, lines.whole_bytes)
            files.write_all(self._fd, files.crc_line({"takeover": attempt, "epoch": epoch}))
        except OSError as error:
            self.close()
            raise files.storage_error(error, f"opening the units of {path.parent.name}") from error

    def done(self) -> dict[int, dict[str, Any]]:
        """The data of every whole unit, by its number."""
        with self._lock:
            return {number: unit.data for number, unit in self._units.items()}

    def records(self) -> list[UnitRecord]:
        """Every whole unit, in order of number."""
        with self._lock:
            return [self._units[number] for number in sorted(self._units)]

    def begin(self, number: int, size: float | None = None) -> None:
        """Note that unit `number` is begun; see `BegunLog.begin`."""
        self.begun.begin(number, size)

    def withdraw(self, number: int) -> None:
        """Note that the latest beginning of unit `number` cost nothing."""
        self.begun.withdraw(number)

    def lost(self, size: float) -> None:
        """Note that so much was made and had to be thrown away."""
        self.begun.lost(size)

    def redone(self) -> float | None:
        """How much of this work was begun, lost and made again by now, in the stage's unit; None if unknown."""
        return self.begun.redone(sizes(self.records()))

    def add(self, number: int, size: float, data: dict[str, Any]) -> None:
        """Make unit `number` durable; a number that is already whole is left as it is.

        Raises `StorageError` when the disk refuses (the unit does not count then, and this log takes no more), and
        `ValueError` for what JSON cannot hold.
        """
        line = {"unit": number, "size": size, "data": data, "attempt": self.attempt, "epoch": self.epoch}
        with self._lock:
            if number in self._units:
                return
            if self._fd < 0:
                raise files.storage_error(OSError("the log is closed"), f"keeping unit {number}")
            try:
                self._append(line)
            except OSError as error:
                self.close()
                raise files.storage_error(error, f"keeping unit {number}") from error
            self._units[number] = UnitRecord(number, size, data, self.attempt, self.epoch)

    def close(self) -> None:
        """Let the files go; what was added stays."""
        self.begun.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, line: dict[str, Any]) -> None:
        if not self._named:
            files.make_folder(self.path.parent.parent)
            files.make_folder(self.path.parent)
            files.fsync_folder(self.path.parent)
            self._named = True
        files.append_durably(self._fd, files.crc_line(line))


def sizes(units: Iterable[UnitRecord]) -> dict[int, float]:
    """The size of each of `units`, by its number."""
    return {unit.number: unit.size for unit in units}


def _counting(records: list[dict[str, Any]]) -> dict[int, UnitRecord]:
    """The first valid line of each unit, without those of an attempt that had been taken over from by then."""
    units: dict[int, UnitRecord] = {}
    owner: tuple[int, str] | None = None
    for record in records:
        if "takeover" in record:
            if owner is None or record["epoch"] >= owner[0]:
                owner = (record["epoch"], record["takeover"])
            continue
        if owner is not None and (record["epoch"], record["attempt"]) != owner:
            continue
        try:
            unit = UnitRecord(record["unit"], record["size"], record["data"], record["attempt"], record["epoch"])
        except KeyError:
            continue  # a line of another kind, from another version
        units.setdefault(unit.number, unit)
    return units
