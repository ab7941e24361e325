"""Faults at the boundary to the kernel: kill or fail exactly the n-th call of one kind, with `strace`."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

FILE_CALLS = "%file,%desc"
# Calls of which an error harms nothing: they are only looked at, or their failure is the answer.
_LOOKING = frozenset(
    {
        "stat",
        "lstat",
        "fstat",
        "newfstatat",
        "statx",
        "lseek",
        "access",
        "readlink",
        "getdents64",
        "flock",
        "fcntl",
        "ioctl",
        "mmap",
        "dup",
        "poll",
        "read",
        "pread64",
        "getcwd",
        "statfs",
        "fstatfs",
    }
)
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


@dataclass(frozen=True)
class Point:
    """The n-th call of one kind."""

    call: str
    number: int


@dataclass
class Outcome:
    """How the victim ended, what it had acknowledged by then, and the calls it made."""

    status: int
    acks: list[str] = field(default_factory=list)
    said: str = ""
    calls: list[str] = field(default_factory=list)

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Victims:
    """The server that forks victims; use it with `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start(self, act: str, storage: Path, sabotage: str = "") -> int:
        """Fork a victim that stands still just before `act`; gives its pid. To be followed by `finish`."""
        self.acks.unlink(missing_ok=True)
        self._tell({"act": act, "folder": str(storage), "acks": str(self.acks), "sabotage": sabotage})
        answer = self._hear()
        assert "pid" in answer, self.acks.read_text()
        return answer["pid"]

    def finish(self) -> Outcome:
        """Wait for the end of the victim."""
        status = self._hear()["status"]
        text = self.acks.read_text() if self.acks.exists() else ""
        acks = [line.removeprefix("ack ") for line in text.splitlines() if line.startswith("ack ")]
        return Outcome(status, acks, text)

    def acked(self) -> int:
        """How many acknowledgements there are so far."""
        return self.acks.read_bytes().count(b"\n") if self.acks.exists() else 0

    def run(self, act: str, storage: Path, *, fault: str = "", sabotage: str = "", trace: str = FILE_CALLS) -> Outcome:
        """Let a victim do `act` under strace, with `fault` injected (`fsync:error=EIO:when=2`); gives the calls it made."""
        pid = self.start(act, storage, sabotage)
        log = self._folder / "trace"
        argv = ["strace", "-y", "-s", "0", "-o", str(log), "-e", f"trace={trace}", "-p", str(pid)]
        argv += ["-e", f"inject={fault}"] if fault else []
        tracer = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr is not None
        attached = tracer.stderr.readline()
        os.kill(pid, signal.SIGCONT)
        outcome = self.finish()
        rest = tracer.stderr.read()
        tracer.wait(30)
        tracer.stderr.close()
        assert "attached" in attached, attached + rest
        outcome.calls = log.read_text().splitlines()
        return outcome

    @property
    def acks(self) -> Path:
        """The file in which the victims acknowledge."""
        return self._folder / "acks"

    def _tell(self, request: dict[str, str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, int]:
        assert self._process.stdout is not None
        answer: dict[str, int] = json.loads(self._process.stdout.readline())
        return answer


def points(calls: list[str], under: Path) -> Iterator[tuple[Point, str]]:
    """Every call of a trace that touches something below `under`, as a point at which something can happen."""
    seen: Counter[str] = Counter()
    for line in calls:
        match = _CALL.match(line)
        if match:
            seen[match[1]] += 1
            if f"{under}/" in line:
                yield Point(match[1], seen[match[1]]), line


def changes(point: Point) -> bool:
    """Whether a call of this kind changes something on the disk or makes it durable."""
    return point.call not in _LOOKING
