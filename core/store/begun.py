"""Which units were begun: what makes it known, to the second of sound, how much work was done twice.

One checksummed line is appended to `begun.jsonl`, beside the units, before a unit is begun. Nothing is made durable
for it: a killed process loses no line, a power cut may, and what it loses is not counted.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.system import files

NAME = "begun.jsonl"


class BegunLog:
    """The notes of one attempt on one piece of work. Thread-safe; a disk that refuses costs the count, not the work."""

    def __init__(self, path: Path, attempt: str) -> None:
        self._path, self._attempt = path, attempt
        self._lock = threading.Lock()
        self._fd = -1
        self._complete = True

    def begin(self, number: int, size: float | None) -> None:
        """Unit `number` is begun; a `size` of None is that which the unit will have when it is whole."""
        self._note({"begun": number, "size": size})

    def withdraw(self, number: int) -> None:
        """The latest beginning of unit `number` came to nothing and cost nothing."""
        self._note({"withdrawn": number})

    def lost(self, size: float) -> None:
        """So much, in the stage's unit, was made and had to be thrown away."""
        self._note({"lost": size})

    def settle(self) -> None:
        """The work is published: what is begun from now on belongs to another making of it."""
        if self._path.exists():
            self._note({"published": True})

    def redone(self, whole: Mapping[int, float]) -> float | None:
        """How much was begun and lost in this making of the work, where `whole` are its units' sizes; None if unknown."""
        return _lost(_makings(self._path)[-1], whole) if self._complete else None

    def close(self) -> None:
        """Let the file go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _note(self, note: dict[str, Any]) -> None:
        line = files.crc_line({**note, "attempt": self._attempt})
        with self._lock:
            try:
                if self._fd < 0:
                    self._fd = _open(self._path)
                os.write(self._fd, line)
            except OSError:
                self._complete = False  # told as unknown; the unit itself is what says that the disk is full


def redone(path: Path, whole: Mapping[int, float]) -> float:
    """How much was begun and lost in the latest making of a published work with the notes `path`, in the stage's unit."""
    return _lost(next((notes for notes in reversed(_makings(path)) if notes), []), whole)


def _lost(notes: list[dict[str, Any]], whole: Mapping[int, float]) -> float:
    """What was thrown away, and of every unit each beginning but the one that made it `whole`."""
    total = 0.0
    begun: dict[int, list[float]] = {}
    for note in notes:
        if "begun" in note:
            size = note.get("size")
            begun.setdefault(note["begun"], []).append(whole.get(note["begun"], 0.0) if size is None else size)
        elif "withdrawn" in note:
            if sizes := begun.get(note["withdrawn"]):
                sizes.pop()
        elif "lost" in note:
            total += note["lost"]
    for number, sizes in begun.items():
        total += sum(sizes[:-1] if number in whole else sizes)
    return round(total, 3)


def in_flight(path: Path, attempt: str, whole: Mapping[int, float]) -> float:
    """The sizes of the units that `attempt` had begun by the notes `path` and that are not `whole`."""
    begun: dict[int, float] = {}
    for note in _makings(path)[-1]:
        if note.get("attempt") != attempt:
            continue
        if "begun" in note:
            begun[note["begun"]] = note.get("size") or 0.0
        elif "withdrawn" in note:
            begun.pop(note["withdrawn"], None)
    return round(sum(size for number, size in begun.items() if number not in whole), 3)


def _makings(path: Path) -> list[list[dict[str, Any]]]:
    """The notes of every making of the work; the last is the present one, in which nothing may have begun yet."""
    makings: list[list[dict[str, Any]]] = [[]]
    for note in files.read_crc_lines(path):
        if "published" in note:
            makings.append([])
        else:
            makings[-1].append(note)
    return makings


def _open(path: Path) -> int:
    """A descriptor that appends to `path`, without what a crash left half written at its end."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        whole = files.scan_crc_lines(path.read_bytes()).whole_bytes
        if os.fstat(fd).st_size > whole:
            os.ftruncate(fd, whole)
    except OSError:
        os.close(fd)
        raise
    return fd
