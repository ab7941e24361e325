"""Outside programs: started so that they cannot outlive us, watched so that they can always be stopped.

A program stays in the process group of this process, so that stopping or killing the group reaches it too, and it is
killed by the kernel when its parent dies (`core.system.bound`). That signal comes when the *thread* that started the
program ends; so `Program` is a context manager that starts, watches and waits in one thread, which cannot end before
the program has.
"""

import fcntl
import os
import selectors
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Literal, Self

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.system.bound import CANNOT_START, NO_LIMITS, Limits, bound_argv
from core.system.shortage import shortage
from core.system.streams import LineSplitter, read_all, read_some

POLL_S = 0.2
GRACE_S = 2.0
KEEP_LINES = 40
MAX_LINE_BYTES = 64 * 1024
DATA_PIPE_BYTES = 1024 * 1024
# A wake-up later than this means that we ourselves stood still (a pause); such time is not held against the program.
STANDSTILL_S = 2.0

Stream = Literal["stdout", "stderr"]


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended: its return code (negative: killed by that signal) and its last lines."""

    returncode: int
    tail_stdout: tuple[str, ...]
    tail_stderr: tuple[str, ...]


class Program:
    """A running outside program; use it with `with`, in one thread from start to end.

    `lines()` gives its output line by line; leaving the block before its end terminates it (SIGTERM, SIGKILL after
    `grace_s`) and waits for its real exit. `check` is called at least 4 times a second while waiting and may raise.
    With `on_data` standard output is no text: it is handed over as it comes, and is not among the lines.

    Raises `StageError(TOOLING)` when the program does not exist or cannot be started, and the one for a shortage that
    passes when there are no more processes or open files.
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
        on_data: Callable[[bytes], None] | None = None,
    ) -> None:
        self._check = check
        self._on_data = on_data
        self._stdin = stdin
        self._grace_s = grace_s
        self._tails: dict[Stream, deque[str]] = {"stdout": deque(maxlen=KEEP_LINES), "stderr": deque(maxlen=KEEP_LINES)}
        self._splitters = {"stdout": LineSplitter(max_line_bytes), "stderr": LineSplitter(max_line_bytes)}
        self._active_s = 0.0
        self._process = self._start([os.fspath(word) for word in argv], cwd, env, limits)
        if on_data is not None and self._process.stdout is not None:
            # So that neither side wakes the other for every 64 KB; where pipes may not be so large, they stay as they are.
            with suppress(OSError):
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, DATA_PIPE_BYTES)

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
        try:
            return subprocess.Popen(
                bound_argv(program, limits),
                stdin=subprocess.DEVNULL if self._stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=None if env is None else dict(env),
                bufsize=0,
            )
        except OSError as error:
            broken = StageError(
                ErrorClass.TOOLING, f"The program {Path(argv[0]).name} cannot be started: {error.strerror}."
            )
            raise (shortage(error) or broken) from error

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
                    chunks = read_all(key.fd) if not running else read_some(key.fd)
                    for chunk in chunks:
                        if not chunk:
                            selector.unregister(key.fileobj)
                        if key.data == "stdout" and self._on_data is not None:
                            self._on_data(chunk)
                        else:
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
    on_data: Callable[[bytes], None] | None = None,
) -> Finished:
    """Run a program to its end and tell how it ended; the last 40 lines of each stream are kept, no more.

    `on_line` gets every line of standard output (`on_data` its bytes instead), `on_error_line` of standard error. What
    `check` raises (`Stop`) ends the program first and is then raised. Raises `StageError(TOOLING)` when the program is missing, or has not
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
        on_data=on_data,
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


def signal_name(returncode: int) -> str:
    """How a return code is told to a person: `exit code 3`, `killed by SIGKILL`."""
    if returncode >= 0:
        return f"exit code {returncode}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-returncode).name}"
    return f"killed by signal {-returncode}"


__all__ = ["Finished", "Limits", "Program", "run_program", "signal_name"]
