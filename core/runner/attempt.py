"""What a running stage holds in its hands: its folders, its durable units, and ways to say how far it is."""

import os
import threading
from pathlib import Path
from typing import Any

import msgspec

from core.runner.control import Control
from core.stages.stage import Job
from core.store.layout import Layout
from core.store.progress import read_progress, write_progress
from core.store.units import UnitLog
from core.system.clock import Clock, rfc3339
from core.system.files import make_folder, open_append, write_all, write_durably

PROGRESS_INTERVAL_S = 0.25
# A stage looks once a second whether it has to end; after longer than this its process was stopped meanwhile.
STANDSTILL_S = 2.0
LOG_LIMIT_BYTES = 2 * 1024 * 1024
# A run that waits for a busy site makes an attempt every half minute, for days; its ledger forgets the oldest too.
KEPT_LOGS = 100


class RunningAttempt:
    """The `Attempt` of `core.stages.stage`, on real folders."""

    def __init__(
        self,
        *,
        layout: Layout,
        clock: Clock,
        control: Control,
        job: Job,
        run_id: str,
        stage: str,
        unit: str,
        attempt_id: str,
        key: str,
        work: Path,
        units: UnitLog,
    ) -> None:
        self.job = job
        self.work = work
        self.out = work / f"tmp.{attempt_id}"
        self.units = units
        self._layout, self._clock, self._control = layout, clock, control
        self._run_id, self._stage, self._unit, self._attempt_id, self._key = run_id, stage, unit, attempt_id, key
        self._lock = threading.Lock()
        before = read_progress(layout, run_id) or {}
        before = before if before.get("key") == key else {}
        self._share = float(before.get("share") or 0.0)
        self._reached_before = self._reached = float(before.get("reached") or 0.0)
        self._said_at = float("-inf")
        self._seen_at = clock.monotonic()
        self._worked_s = 0.0
        self._began: tuple[float, float] | None = None  # the first share told, and how long it had worked by then
        self._log_path = layout.attempt_log(run_id, stage, attempt_id)
        self._log_fd = -1
        self._log_left = LOG_LIMIT_BYTES

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Write how far it is, at most every `PROGRESS_INTERVAL_S`; the end of the work is always written."""
        with self._lock:
            now = self._work_goes_on()
            if total and self._began is None:
                self._began = (min(1.0, done / total), self._worked_s)
            self._share = max(self._share, min(1.0, done / total if total else 0.0))
            self._reached = max(self._reached, done)
            if now - self._said_at < PROGRESS_INTERVAL_S and not (total and done >= total):
                return
            self._said_at = now
            began_share, began_s = self._began or (None, self._worked_s)
            elapsed_s, worked_s = round(self._worked_s, 3), round(self._worked_s - began_s, 3)
        write_progress(
            self._layout,
            self._run_id,
            {
                "attempt": self._attempt_id,
                "stage": self._stage,
                "key": self._key,
                "unit": self._unit,
                "done": done,
                "total": total,
                "share": round(self._share, 4),
                "began_share": began_share,
                "reached": self._reached,
                "reached_before": self._reached_before,
                "worked_s": worked_s,
                "note": note,
                "elapsed_s": elapsed_s,
                "at": rfc3339(self._clock.now()),
            },
        )

    def log(self, text: str) -> None:
        """Keep one line of console output; past the limit of an attempt's log the rest is left out and that is said."""
        line = {"t": rfc3339(self._clock.now()), "text": printable(text)}
        with self._lock:
            if self._log_left <= 0:
                return
            encoded = msgspec.json.encode(line) + b"\n"
            self._log_left -= len(encoded)
            if self._log_left <= 0:
                encoded = msgspec.json.encode({**line, "text": "(the log is full; the rest is left out)"}) + b"\n"
            if self._log_fd < 0:
                _make_room(self._log_path.parent)
                self._log_fd = open_append(self._log_path, durable=False)
            write_all(self._log_fd, encoded)

    def close(self) -> None:
        """Let the log go."""
        with self._lock:
            if self._log_fd >= 0:
                os.close(self._log_fd)
                self._log_fd, self._log_left = -1, 0

    def check(self) -> None:
        """Raise `Stop` when the attempt has to end."""
        with self._lock:
            self._work_goes_on()
        self._control.check()

    def _work_goes_on(self) -> float:
        """Count the time since the last look as work, unless so much passed that this process stood still; gives now."""
        now = self._clock.monotonic()
        self._worked_s += min(now - self._seen_at, STANDSTILL_S)
        self._seen_at = now
        return now

    def file(self, name: str, content: bytes) -> Path:
        """Write `content` durably as `name` in the work folder."""
        path = self.work / name
        make_folder(self.work.parent)
        make_folder(self.work)
        write_durably(path, content)
        return path


def _make_room(folder: Path) -> None:
    """Leave room in a run's folder of logs for one more, without the oldest if there are as many as are kept."""
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        pass
    else:
        return
    logs = [(path.stat().st_mtime_ns, path) for path in folder.iterdir()]
    for _, path in sorted(logs)[: max(0, len(logs) + 1 - KEPT_LOGS)]:
        path.unlink(missing_ok=True)


def printable(text: Any) -> str:
    """`text` as one line a terminal can show: no control characters, no direction overrides, no lone surrogates."""
    cleaned = "".join(c if c.isprintable() or c == "\t" else "�" for c in str(text).rstrip("\r\n"))
    return cleaned.encode("utf-8", "replace").decode("utf-8")
