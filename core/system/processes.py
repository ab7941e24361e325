"""What processes of this machine use: memory and processor time, of whole process groups, as the kernel counts them."""

import os
from pathlib import Path

import msgspec

PROC = Path("/proc")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """A process group by its leader: who started it, its command, what all of it uses, and how many processes it is.

    `cpu_s` are seconds of processor time of the living and of the dead that were buried; `memory_bytes` what is
    resident, shared pages counted in each.
    """

    pid: int
    parent: int
    start_ticks: int
    command: tuple[str, ...] = ()
    memory_bytes: int = 0
    cpu_s: float = 0.0
    processes: int = 1


def groups_below(parent: int, proc: Path = PROC) -> list[Usage]:
    """What each process group uses whose leader is a child of the process `parent`, in the order of their start."""
    page, tick = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    found: dict[int, list[tuple[int, list[str]]]] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] not in "ZX":
            found.setdefault(int(fields[2]), []).append((int(entry.name), fields))
    groups = []
    for leader, members in found.items():
        own = next((fields for pid, fields in members if pid == leader), None)
        if own is None or int(own[1]) != parent:
            continue
        groups.append(
            Usage(
                pid=leader,
                parent=parent,
                start_ticks=int(own[19]),
                command=_command(proc / str(leader)),
                memory_bytes=sum(int(fields[21]) for _, fields in members) * page,
                cpu_s=sum(int(ticks) for _, fields in members for ticks in fields[11:15]) / tick,
                processes=len(members),
            )
        )
    return sorted(groups, key=lambda group: (group.start_ticks, group.pid))


def _command(entry: Path) -> tuple[str, ...]:
    try:
        return tuple((entry / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ()
