"""The journal read as it grows: what came after a line that was read before, oldest first.

A reader keeps the `seq` of the last line it has dealt with, and goes on from there after any crash: numbers never repeat.
"""

from pathlib import Path
from typing import Any

from core.store.layout import Layout
from core.system import files

BLOCK_BYTES = 1024 * 1024
_MARK_BYTES = 64


class Tail:
    """Follows the journal of one storage from the line after number `seq`; for one thread."""

    def __init__(self, layout: Layout, seq: int) -> None:
        self._folder, self.seq = layout.journal, seq
        self._day: str | None = None
        self._offset = 0
        self._mark = b""  # the bytes before the offset: another file there, or one cut back, is read again

    def more(self) -> list[dict[str, Any]]:
        """The next lines, at most about a megabyte of them; none when there is nothing new. Raises `StorageError`."""
        with files.explained("reading the journal"):
            days = sorted(path.name for path in self._folder.glob("*.jsonl"))
            if self._day not in days:
                self._begin(self._first(days))
            while self._day is not None:
                found = self._read(self._folder / self._day)
                if found:
                    self.seq = found[-1]["seq"]
                    return found
                later = [day for day in days if day > self._day]
                if not later:
                    break
                self._begin(later[0])
        return []

    def latest(self) -> tuple[list[dict[str, Any]], bool]:
        """The last lines, at most about a megabyte of them, and whether there never were others; `more` goes on from here.

        Raises `StorageError`.
        """
        with files.explained("reading the journal"):
            days = sorted(path.name for path in self._folder.glob("*.jsonl"))
            self._begin(days[-1] if days else None)
            if self._day is None:
                return [], True
            path = self._folder / self._day
            with path.open("rb") as file:
                begin = max(0, file.seek(0, 2) - BLOCK_BYTES)
                file.seek(begin)
                data = file.read(BLOCK_BYTES)
            lines = files.scan_crc_lines(data)  # where it does not begin with a line, that one is not believed
            self._offset, self._mark = begin + lines.whole_bytes, data[: lines.whole_bytes][-_MARK_BYTES:]
            self.seq = max([self.seq, *(record["seq"] for record in lines.records)])
            return lines.records, begin == 0 and len(days) == 1

    def _begin(self, day: str | None) -> None:
        self._day, self._offset, self._mark = day, 0, b""

    def _first(self, days: list[str]) -> str | None:
        """The last day that begins no later than where we are; the first one when all of them are news."""
        for day in reversed(days):
            with (self._folder / day).open("rb") as file:
                first = files.parse_crc_line(file.readline())
            if first is not None and first["seq"] <= self.seq:
                return day
        return days[0] if days else None

    def _read(self, path: Path) -> list[dict[str, Any]]:
        """The new whole lines of one day, a block of them; `[]` at its present end."""
        size = path.stat().st_size
        while True:
            with path.open("rb") as file:
                file.seek(self._offset - len(self._mark))
                if size < self._offset or file.read(len(self._mark)) != self._mark:
                    self._begin(path.name)  # what we read of it was never durable, and a power cut or an error took it
                    continue
                data = file.read(BLOCK_BYTES)
                if len(data) == BLOCK_BYTES and b"\n" not in data:
                    data += file.readline()
            lines = files.scan_crc_lines(data)
            if not lines.whole_bytes:
                return []
            whole = data[: lines.whole_bytes]
            self._offset += len(whole)
            self._mark = whole[-_MARK_BYTES:]
            found = [record for record in lines.records if record.get("seq", 0) > self.seq]
            if found:
                return found
