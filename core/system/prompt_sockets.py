"""Answers that go out at once: a server that was given its socket leaves the kernel's delay on."""

import os
import socket
import stat
from contextlib import suppress


def answer_promptly() -> int:
    """Let no TCP socket that this process has open now, nor what they accept, hold a small write back; how many there are.

    An answer goes out in two writes, and with the delay (Nagle) the second waits until the first is acknowledged, 40 ms.
    asyncio turns it off for sockets that it makes itself and not for one that it is handed, as Streamlit does.
    """
    changed = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        with suppress(OSError):  # closed meanwhile
            changed += stat.S_ISSOCK(os.fstat(int(name)).st_mode) and _is_prompt(os.dup(int(name)))
    return changed


def _is_prompt(fd: int) -> bool:
    """Whether the socket `fd`, which is closed here, is one of TCP and holds nothing back from now on."""
    try:
        found = socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        raise
    with found:
        if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
            return False
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return True
