"""Who a process is, told so that a reused pid, a reboot or another container is never mistaken for it."""

import getpass
import os
import socket
from pathlib import Path

from core.domain.run import Owner

_PID_LIMIT = 2**22 + 1  # the kernel gives none beyond


def this_user() -> str:
    """Who this process acts as, by the operating system: `local:ana`, or the number where that has no name."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"local:{os.getuid()}"


def this_process(pid: int | None = None) -> Owner:
    """The identity of process `pid`, or of this one. Raises `ProcessLookupError` when there is none."""
    pid = os.getpid() if pid is None else pid
    ticks = start_ticks(pid)
    if ticks is None:
        raise ProcessLookupError(f"there is no process {pid}")
    return Owner(
        host=socket.gethostname(), boot_id=boot_id(), pid=pid, start_ticks=ticks, pid_namespace=pid_namespace()
    )


def is_alive(owner: Owner) -> bool | None:
    """Whether exactly this process still lives; None when that cannot be known from here, and then nothing is assumed."""
    if owner.host != socket.gethostname():
        return None
    if owner.boot_id != boot_id():
        return False
    if owner.pid_namespace != pid_namespace():
        return None
    return start_ticks(owner.pid) == owner.start_ticks


def start_ticks(pid: int) -> int | None:
    """When process `pid` started, in clock ticks since boot; None when there is none, or it is dead and not yet reaped."""
    if not 0 < pid < _PID_LIMIT:
        return None
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = line.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def boot_id() -> str:
    """What is different after every boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def pid_namespace() -> int:
    """The number of the pid namespace: two containers may share host name and boot but not this."""
    return Path("/proc/self/ns/pid").stat().st_ino
