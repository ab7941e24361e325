"""A worker process: assignments come in on standard input, reports go out on standard output, one JSON line each.

It dies with the service that started it, even when that is killed: the kernel is asked to (PR_SET_PDEATHSIG), and the
end of standard input says the same a second time.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from core.runner.control import Control
from core.runner.outcome import Assignment, Report, encode_line
from core.runner.runner import Runner

PR_SET_PDEATHSIG = 1


class End(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """End the present attempt at its next unit boundary."""


class Do(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Make this attempt."""

    assignment: Assignment


Message = Do | End


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies; exits if that has happened already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        sys.exit(0)


def serve_assignments(make_runner: Callable[[], Runner], stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Make every attempt that comes in on `stdin`, and report each on `stdout`, until `stdin` ends."""
    control = Control()
    assignments: queue.Queue[Assignment | None] = queue.Queue()
    listener = threading.Thread(target=_listen, args=(stdin, control, assignments), daemon=True, name="listener")
    listener.start()
    runner = make_runner()
    while (assignment := assignments.get()) is not None:
        outcome = runner.execute(assignment, control)
        stdout.write(encode_line(Report(attempt_id=assignment.attempt_id, outcome=outcome)))
        stdout.flush()


def _listen(stdin: BinaryIO, control: Control, assignments: "queue.Queue[Assignment | None]") -> None:
    decoder = msgspec.json.Decoder(Message)
    for line in stdin:
        match decoder.decode(line):
            case Do(assignment=assignment):
                control.begin()
                assignments.put(assignment)
            case End():
                control.end()
    # The service is gone: nothing that goes on now would be noticed, and all that is whole is durable.
    os._exit(0)
