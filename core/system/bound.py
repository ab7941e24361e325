"""How a program is bound to the process that starts it, and limited: by a small interpreter that becomes the program.

`PR_SET_PDEATHSIG` lets the kernel kill a child when its parent dies, even by SIGKILL. It must be set after the fork:
`preexec_fn` would run Python between fork and exec, which can deadlock in a process with threads, and `setpriv` is not
on every machine. So `_SHIM` (about 20 ms) sets it, compares its parent with the one it was told (which may have died
before), applies the resource limits, resets the signals, and executes the program.
"""

import json
import os
import sys

import msgspec

CANNOT_START = 127
_SHIM = """
import ctypes, json, os, resource, signal, sys
parent, limits, program = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    os._exit(137)
for name, value in limits.items():
    hard = resource.getrlimit(getattr(resource, name))[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(getattr(resource, name), (value, value))
for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
try:
    os.execv(program[0], program)
except OSError as error:
    sys.stderr.write("%s: %s\\n" % (program[0], error.strerror))
    os._exit(127)
"""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel allows a program; None leaves a limit as it is. Bytes, and seconds of processor time."""

    address_space_bytes: int | None = None
    file_size_bytes: int | None = None
    cpu_s: int | None = None
    open_files: int | None = None

    def as_rlimits(self) -> dict[str, int]:
        """The limits by their names in the module `resource`, the unset ones left out; no core dumps."""
        named = {
            "RLIMIT_AS": self.address_space_bytes,
            "RLIMIT_FSIZE": self.file_size_bytes,
            "RLIMIT_CPU": self.cpu_s,
            "RLIMIT_NOFILE": self.open_files,
        }
        return {"RLIMIT_CORE": 0, **{name: value for name, value in named.items() if value is not None}}


NO_LIMITS = Limits()


def bound_argv(program: list[str], limits: Limits) -> list[str]:
    """The argument list that starts `program` (an absolute path and its arguments) bound to this process."""
    return [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), json.dumps(limits.as_rlimits()), *program]
