"""What this process uses for a piece of work: processor time, its tools' too, and the most memory it had itself."""

import os
from pathlib import Path

import msgspec

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_s` seconds of processor time, of programs that have ended too; `memory_bytes` is None where that is not told."""

    cpu_s: float
    memory_bytes: int | None = None


class Meter:
    """Measures from its making on; one at a time in a process, since that has one peak."""

    def __init__(self) -> None:
        self._began_s = _cpu_s()
        try:
            _CLEAR.write_text(_RESET_PEAK, "ascii")
            self._peaks = True
        except OSError:
            self._peaks = False

    def spent(self) -> Spent:
        """What it was until now."""
        return Spent(cpu_s=round(_cpu_s() - self._began_s, 2), memory_bytes=_peak() if self._peaks else None)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak() -> int | None:
    try:
        for line in _STATUS.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None
