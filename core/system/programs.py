"""Outside programs: started so that they cannot outlive us, watched so that they can always be stopped.

A program stays in the process group of this process, so that stopping or killing the group reaches it too, and it is
killed by the kernel when its parent dies, even by SIGKILL. `PR_SET_PDEATHSIG` does that, with two traps:

- it must be set in the child, after the fork. `preexec_fn` would run Python between fork and exec, which can deadlock
  in a process with threads, and `setpriv` is not on every machine, so a small interpreter (`_SHIM`, about 20 ms) sets
  it, applies the resource limits, resets the signals and then becomes the program;
- it fires when the *thread* that started the program ends. `Program` is therefore a context manager that starts,
  watches and waits in one thread: the thread cannot end before the program has.

The shim also compares its parent with the one it was told, for a parent that died before the signal was armed.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Literal, Self

import msgspec

from core.domain.errors import ErrorClass, StageError

POLL_S = 0.2
GRACE_S = 2.0
KEEP_LINES = 40
MAX_LINE_BYTES = 64 * 1024
# A wake-up later than this means that we ourselves stood still (a pause); such time is not held against the program.
STANDSTILL_S = 2.0

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

Stream = Literal["stdout", "stderr"]


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


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended: its return code (negative: killed by that signal) and its last lines."""

    returncode: int
    tail_stdout: tuple[str, ...]
    tail_stderr: tuple[str, ...]


class Program:
    """A running outside program; use it with `with`, in one thread from start to end.

    `lines()` gives its output line by line; leaving the block before its end terminates it (SIGTERM, SIGKILL after
    `grace_s`) and waits for its real exit. `check` is called at least 4 times a second while waiting and may raise.

    Raises `StageError(TOOLING)` when the program does not exist or cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        check: Callable[[], None],
        stdin: bytes | None = None,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        limits: Limits = NO_LIMITS,
        grace_s: float = GRACE_S,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self._check = check
        self._stdin = stdin
        self._grace_s = grace_s
        self._tails: dict[Stream, deque[str]] = {"stdout": deque(maxlen=KEEP_LINES), "stderr": deque(maxlen=KEEP_LINES)}
        self._splitters = {"stdout": LineSplitter(max_line_bytes), "stderr": LineSplitter(max_line_bytes)}
        self._active_s = 0.0
        self._process = self._start([os.fspath(word) for word in argv], cwd, env, limits)

    def _start(
        self,
        argv: list[str],
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        limits: Limits,
    ) -> subprocess.Popen[bytes]:
        found = shutil.which(argv[0], path=(env or os.environ).get("PATH"))
        if found is None:
            raise StageError(ErrorClass.TOOLING, f"The program {Path(argv[0]).name} is missing or cannot be run.")
        program = [str(Path(found).absolute()), *argv[1:]]
        shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid()), json.dumps(limits.as_rlimits())]
        try:
            return subprocess.Popen(
                [*shim, *program],
                stdin=subprocess.DEVNULL if self._stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=None if env is None else dict(env),
                bufsize=0,
            )
        except OSError as error:
            raise StageError(
                ErrorClass.TOOLING, f"The program {Path(argv[0]).name} cannot be started: {error.strerror}."
            ) from error

    @property
    def pid(self) -> int:
        """The process id, valid inside the block."""
        return self._process.pid

    @property
    def active_s(self) -> float:
        """Seconds the program has been watched, without those in which this process itself stood still."""
        return self._active_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    def terminate(self) -> None:
        """End the program if it still runs, and return when it has really exited."""
        process = self._process
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(self._grace_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def lines(self, *, on_poll: Callable[[], None] | None = None) -> Iterator[tuple[Stream, str]]:
        """Every line of output with its stream, until the program has ended; then `finished` tells how.

        Lines end at a line feed or a carriage return and are cut at `max_line_bytes`. `on_poll` is called like `check`.
        """
        process = self._process
        with selectors.DefaultSelector() as selector:
            for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, name)
            exited = os.pidfd_open(process.pid)
            try:
                selector.register(exited, selectors.EVENT_READ, "exit")
                if process.stdin is not None:
                    os.set_blocking(process.stdin.fileno(), False)
                    selector.register(process.stdin, selectors.EVENT_WRITE, "stdin")
                yield from self._watch(selector, on_poll)
            finally:
                os.close(exited)
        process.wait()

    def _watch(
        self, selector: selectors.BaseSelector, on_poll: Callable[[], None] | None
    ) -> Iterator[tuple[Stream, str]]:
        before = polled = monotonic()
        running, last_round = True, False
        while not last_round:
            # After the exit one more look takes what is left in the pipes; a grandchild holding them open is not waited for.
            last_round = not running
            events = selector.select(POLL_S if running else 0)
            now = monotonic()
            self._active_s += min(now - before, STANDSTILL_S)
            before = now
            if now - polled >= POLL_S or not events:
                polled = now
                self._check()
                if on_poll is not None:
                    on_poll()
            for key, _ in events:
                if key.data == "exit":
                    running = False
                    selector.unregister(key.fileobj)
                elif key.data == "stdin":
                    self._feed(selector)
                else:
                    chunks = _drain(key.fd) if not running else _read(key.fd)
                    for chunk in chunks:
                        if not chunk:
                            selector.unregister(key.fileobj)
                        yield from self._split(key.data, chunk)
        for stream in ("stdout", "stderr"):
            yield from self._split(stream, None)

    def _split(self, stream: Stream, chunk: bytes | None) -> Iterator[tuple[Stream, str]]:
        splitter = self._splitters[stream]
        for line in splitter.feed(chunk) if chunk is not None else splitter.rest():
            self._tails[stream].append(line)
            yield stream, line

    def _feed(self, selector: selectors.BaseSelector) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        assert self._stdin is not None
        try:
            self._stdin = self._stdin[os.write(pipe.fileno(), self._stdin[:65536]) :]
        except BrokenPipeError:
            self._stdin = b""
        if not self._stdin:
            selector.unregister(pipe)
            pipe.close()

    @property
    def finished(self) -> Finished:
        """How the program ended; only after `lines()` came to its end."""
        code = self._process.returncode
        assert code is not None, "the program still runs"
        if code == CANNOT_START and self._tails["stderr"]:
            raise StageError(ErrorClass.TOOLING, f"A program cannot be started: {self._tails['stderr'][-1]}.")
        return Finished(
            returncode=code, tail_stdout=tuple(self._tails["stdout"]), tail_stderr=tuple(self._tails["stderr"])
        )


def run_program(
    argv: Sequence[str | os.PathLike[str]],
    *,
    check: Callable[[], None],
    on_line: Callable[[str], None] | None = None,
    on_error_line: Callable[[str], None] | None = None,
    timeout_s: float | None = None,
    stdin: bytes | None = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    limits: Limits = NO_LIMITS,
    grace_s: float = GRACE_S,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Finished:
    """Run a program to its end and tell how it ended; the last 40 lines of each stream are kept, no more.

    `on_line` gets every line of standard output, `on_error_line` of standard error. What `check` raises (`Stop`)
    ends the program first and is then raised. Raises `StageError(TOOLING)` when the program is missing, or has not
    ended after `timeout_s` (not counting time in which this process itself stood still).
    """
    with Program(
        argv,
        check=check,
        stdin=stdin,
        cwd=cwd,
        env=env,
        limits=limits,
        grace_s=grace_s,
        max_line_bytes=max_line_bytes,
    ) as program:

        def watch_time() -> None:
            if timeout_s is not None and program.active_s > timeout_s:
                raise StageError(
                    ErrorClass.TOOLING, f"{Path(os.fspath(argv[0])).name} did not end within {timeout_s:g} seconds."
                )

        for stream, line in program.lines(on_poll=watch_time):
            listener = on_line if stream == "stdout" else on_error_line
            if listener is not None:
                listener(line)
        return program.finished


class LineSplitter:
    """Cuts a stream of bytes into lines without ever holding more than one line of `max_line_bytes`."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._held = b""
        self._dropping = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that `chunk` completes; what exceeds the longest line is dropped up to its end."""
        *whole, rest = chunk.replace(b"\r", b"\n").split(b"\n")
        for piece in whole:
            yield from self._end(piece)
        if not self._dropping:
            self._held += rest[: self._max - len(self._held)]
            self._dropping = len(self._held) >= self._max

    def rest(self) -> Iterator[str]:
        """What stood after the last line end."""
        yield from self._end(b"")

    def _end(self, piece: bytes) -> Iterator[str]:
        line = self._held + piece[: max(0, self._max - len(self._held))]
        self._held, self._dropping = b"", False
        if line:
            yield line.decode("utf-8", "replace")


def signal_name(returncode: int) -> str:
    """How a return code is told to a person: `exit code 3`, `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-returncode).name}"
    return f"killed by signal {-returncode}"


def _read(fd: int) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        yield os.read(fd, 65536)


def _drain(fd: int) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        while chunk := os.read(fd, 65536):
            yield chunk
