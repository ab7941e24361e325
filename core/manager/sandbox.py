"""What keeps outside programs in bounds on this machine, tried out and not claimed.

`measure` starts a process as workers are started. That one starts a program as stages start theirs and asks the kernel
how it is bound; then it locks itself down as a download does, and tries what must be refused.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from core.domain.errors import RepriseError
from core.stages.download.guard import lock_down
from core.system.bound import Limits
from core.system.programs import run_program

PATIENCE_S = 20.0
LIMITS = Limits(address_space_bytes=2**31, file_size_bytes=2**20, cpu_s=60, open_files=64)
# Said by the kernel, from inside the program: its limits, its group, and the signal it gets when its parent dies.
_ASKED = """
import ctypes, json, os, resource, sys
death = ctypes.c_int(0)
ctypes.CDLL(None).prctl(2, ctypes.byref(death), 0, 0, 0)
print(json.dumps({"limits": {name: resource.getrlimit(getattr(resource, name))[0] for name in sys.argv[1:]},
                  "group": os.getpgid(0), "death": death.value}))
"""


class Sandbox(msgspec.Struct, frozen=True):
    """What is in force: each was seen to work, or is False."""

    limits: bool = False
    """Memory, file size, processor time and open files of a program are bounded by the kernel."""
    group: bool = False
    """A worker and its programs are a process group of their own, which can be stopped as a whole."""
    death: bool = False
    """The kernel kills a program whose parent died."""
    network: bool = False
    """A download connects to its proxy only, and looks up no name itself."""
    files: bool = False
    """A download writes into its work folder only."""


def measure() -> Sandbox:
    """Try it out, in about a second; what could not be tried counts as not in force. Raises `OSError` without a process."""
    with tempfile.TemporaryDirectory(prefix="reprise-sandbox-") as folder:
        try:
            tried = subprocess.run(
                [sys.executable, "-m", "core.manager.sandbox", folder],
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                timeout=PATIENCE_S,
            )
            return msgspec.json.decode(tried.stdout, type=Sandbox)
        except (subprocess.TimeoutExpired, msgspec.DecodeError):
            return Sandbox()


def _try(folder: Path) -> Sandbox:
    limits = LIMITS.as_rlimits()
    try:
        asked = run_program([sys.executable, "-I", "-S", "-c", _ASKED, *limits], check=lambda: None, limits=LIMITS)
        said = json.loads(asked.tail_stdout[-1])
    except (RepriseError, ValueError, IndexError):
        said = {"limits": {}, "group": 0, "death": 0}
    work = folder / "work"
    work.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        lock_down(work, proxy_port=1)
        return Sandbox(
            limits=said["limits"] == limits,
            group=said["group"] == os.getpid() == os.getsid(0),
            death=said["death"] == signal.SIGKILL,
            network=_is_forbidden(lambda: socket.create_connection(stranger.getsockname()).close()),
            files=_is_forbidden((folder / "outside").touch),
        )


def _is_forbidden(act: Callable[[], object]) -> bool:
    try:
        act()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_try(Path(sys.argv[1]))))
