"""Whether processes really stand still, as the kernel sees it: states and processor time, not what anybody says."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def states(pids: Iterable[int]) -> dict[int, set[str]]:
    """The state letters of all threads of each process that still lives (T: stopped)."""
    found: dict[int, set[str]] = {}
    for pid in pids:
        letters = {fields[0] for fields in _threads(pid)}
        if letters:
            found[pid] = letters
    return found


def stopped(pids: Iterable[int]) -> bool:
    """Whether every thread of all these processes is stopped, and at least one lives."""
    found = states(pids)
    return bool(found) and all(letters <= {"T", "t"} for letters in found.values())


def processor_ticks(pids: Iterable[int]) -> int:
    """The processor time of all threads of these processes in clock ticks, of user and kernel together."""
    return sum(int(fields[11]) + int(fields[12]) for pid in pids for fields in _threads(pid))


def _threads(pid: int) -> list[list[str]]:
    """The fields of `stat` after the name, of every thread of a process."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found.append(path.read_text("utf-8", "replace").rpartition(")")[2].split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
