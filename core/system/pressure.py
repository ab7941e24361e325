"""How much memory and processor this machine has to spare: what keeps the heavy lane from beginning more work."""

import os
from collections.abc import Callable
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
HEAVY_LANE = "cpu"
GIGABYTE = 1e9


class Pressure:
    """Says which lanes are to begin nothing just now, and why; limits of 0 are no limits."""

    def __init__(
        self,
        min_free_memory_bytes: int,
        max_load_per_core: float,
        *,
        meminfo: Path = MEMINFO,
        cgroup: Path = CGROUP,
        cgroups: Path = CGROUPS,
        load_average: Callable[[], float] = lambda: os.getloadavg()[0],
    ) -> None:
        self._memory, self._load = min_free_memory_bytes, max_load_per_core
        self._meminfo, self._cgroup, self._cgroups, self._load_average = meminfo, cgroup, cgroups, load_average

    def throttled(self) -> dict[str, str]:
        """A sentence for each lane that is to begin nothing now."""
        said = self._memory_is_short() or self._load_is_high()
        return {HEAVY_LANE: said} if said else {}

    def free_memory(self) -> int | None:
        """Bytes that programs can still have: of the machine, or of this control group if that has less; None: unknown."""
        known = [free for free in (_available(self._meminfo), self._left_in_group()) if free is not None]
        return min(known, default=None)

    def _memory_is_short(self) -> str:
        free = self.free_memory() if self._memory else None
        if free is None or free >= self._memory:
            return ""
        return (
            f"Waits for memory: {free / GIGABYTE:.1f} GB are free, {self._memory / GIGABYTE:.1f} GB are to stay free."
        )

    def _load_is_high(self) -> str:
        load = self._load_average() / (os.cpu_count() or 1) if self._load else 0.0
        if load <= self._load:
            return ""
        return f"Waits for the processor: the load is {load:.1f} a core, and is to be {self._load:g} at most."

    def _left_in_group(self) -> int | None:
        """What the control groups this process is in, of version 2, allow beyond what they use."""
        try:
            lines = self._cgroup.read_text("utf-8").splitlines()
        except OSError:
            return None
        name = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), None)
        if name is None:
            return None
        folder, known = self._cgroups / name, []
        for group in (folder, *folder.parents):
            if not group.is_relative_to(self._cgroups):
                break
            limit, used = _number(group / "memory.max"), _number(group / "memory.current")
            if limit is not None and used is not None:
                known.append(max(0, limit - used + (_inactive(group / "memory.stat") or 0)))
        return min(known, default=None)


def _available(meminfo: Path) -> int | None:
    try:
        for line in meminfo.read_text("utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def _number(path: Path) -> int | None:
    """The number in a file; None for `max`, and where there is none."""
    try:
        return int(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _inactive(stat: Path) -> int | None:
    """Bytes of files read that can be given back at once; they are counted as used."""
    try:
        for line in stat.read_text("utf-8").splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return None
