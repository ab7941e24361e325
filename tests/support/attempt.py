"""An attempt in a real folder, as the runner gives it to a stage: units survive it, and it can be stopped anywhere."""

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.domain.errors import Stop
from core.domain.run import Source
from core.domain.settings import Settings
from core.stages.stage import Job, Published


class FolderUnits:
    """Units in a file of lines, read again by the next attempt on the same folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.added: list[int] = []
        self.begun: list[int] = []
        self.withdrawn: list[int] = []
        self.thrown_away = 0.0
        self.die_after: int | None = None

    def begin(self, number: int, size: float | None = None) -> None:
        with self._lock:
            self.begun.append(number)

    def withdraw(self, number: int) -> None:
        with self._lock:
            self.withdrawn.append(number)

    def lost(self, size: float) -> None:
        with self._lock:
            self.thrown_away += size

    def done(self) -> dict[int, dict[str, Any]]:
        if not self._path.exists():
            return {}
        lines = [json.loads(line) for line in self._path.read_text().splitlines()]
        return {line["number"]: line["data"] for line in lines}

    def add(self, number: int, size: float, data: dict[str, Any]) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps({"number": number, "size": size, "data": data}) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self.added.append(number)
        if self.die_after is not None and len(self.added) >= self.die_after:
            raise Killed(f"after unit {number}")


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it, and nothing after it happens."""


class FolderAttempt:
    """An attempt whose work is kept in `folder/work` and whose results are in `folder/out`, empty at the start.

    `stop` makes the next `check` raise `Stop`; `FolderUnits.die_after` raises `Killed` after so many units.
    """

    def __init__(
        self,
        folder: Path,
        inputs: Mapping[str, Published] | None = None,
        settings: Settings | None = None,
        source: Source | None = None,
    ) -> None:
        self.job = Job(
            space_id="s_test",
            source=source or Source(kind="file", value="/nowhere/talk.mp4"),
            settings=settings or Settings(),
            inputs=inputs or {},
        )
        self.work = folder / "work"
        self.out = folder / "out"
        self.work.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.units = FolderUnits(folder / "units.jsonl")
        self.lines: list[str] = []
        self.reports: list[tuple[float, float | None, str]] = []
        self.stop = threading.Event()
        self.checks = 0

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        self.reports.append((done, total, note))

    def log(self, text: str) -> None:
        self.lines.append(text)

    def check(self) -> None:
        self.checks += 1
        if self.stop.is_set():
            raise Stop

    def file(self, name: str, content: bytes) -> Path:
        temporary = self.work / (name + ".tmp")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return temporary.replace(self.work / name)
