"""Answers that go out at once: a server that was given its socket leaves the kernel's delay on."""

import os
import socket
from contextlib import suppress


def answer_promptly() -> int:
    """Let no TCP socket that this process has open now, nor what they accept, hold a small write back; how many there are.

    An answer goes out in two writes, and with the delay (Nagle) the second waits until the first is acknowledged, 40 ms.
    asyncio turns it off for sockets that it makes itself and not for one that it is handed, as Streamlit does.
    """
    changed = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        # Closed meanwhile, or no socket at all.
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                changed += 1
    return changed
