"""What the download process forbids itself, beside what the proxy forbids: a second lock on the same door.

yt-dlp runs thousands of lines that read what strangers wrote. An audit hook, which cannot be taken off again, lets this
process connect only to the proxy, write only below its work folder, and start no program but the JavaScript sandbox
that yt-dlp itself looks for.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

BUFFER_BYTES = 128 * 1024
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STARTING = frozenset({"os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.startfile", "pty.spawn"})
_CHANGING = frozenset(
    {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
)
_PAIRS = frozenset({"os.rename", "os.link"})
_PROGRAMS = frozenset({"deno"})


def lock_down(work: Path, proxy_port: int) -> None:
    """Confine this process to the proxy on `proxy_port` and to the folder `work`, for good."""
    root = os.path.realpath(work)

    def inside(path: Any) -> bool:
        if isinstance(path, int):
            return True
        real = os.path.realpath(os.fsdecode(path))
        return real == root or real.startswith(root + os.sep) or real == os.devnull

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto"):
            address = args[1]
            if not (isinstance(address, tuple) and address[:2] == ("127.0.0.1", proxy_port)):
                raise PermissionError("only the proxy may be connected to")
            # What lies in the buffer when this process is killed was fetched in vain.
            args[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        elif event == "socket.getaddrinfo":
            if args[0] != "127.0.0.1":
                raise PermissionError("names are looked up by the proxy")
        elif event == "subprocess.Popen":
            if Path(os.fsdecode(args[0])).name not in _PROGRAMS:
                # The callers take this for “not installed”, which is what it means here.
                raise FileNotFoundError(f"{args[0]} is not started here")
        elif event in _STARTING:
            raise PermissionError("no program is started here")
        elif event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITING and path is not None and not inside(path):
                raise PermissionError(f"{path} is outside the work folder")
        elif event in _CHANGING and not all(inside(path) for path in args[: 2 if event in _PAIRS else 1]):
            raise PermissionError("outside the work folder")

    sys.addaudithook(hook)
