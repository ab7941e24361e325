"""The console output that attempts left, put together in order."""

from typing import Any

import msgspec

from core.domain.run import RunRecord
from core.store.layout import Layout

MAX_LINES = 5000


class Logs:
    """Reads the logs of attempts."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def lines(self, run: RunRecord, stage: str | None = None) -> list[dict[str, Any]]:
        """The lines of a run's attempts, oldest first, at most the last `MAX_LINES`: t, stage, attempt, text."""
        found: list[dict[str, Any]] = []
        for attempt in run.attempts:
            if stage in (None, attempt.stage):
                found.extend(self._of_attempt(run.run_id, attempt.stage, attempt.id))
        return found[-MAX_LINES:]

    def _of_attempt(self, run_id: str, stage: str, attempt_id: str) -> list[dict[str, Any]]:
        try:
            raw = self._layout.attempt_log(run_id, stage, attempt_id).read_bytes()
        except FileNotFoundError:
            return []
        lines = []
        for line in raw.splitlines():
            try:
                said = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue  # the last line of an attempt that was killed while writing it
            lines.append({"t": said["t"], "stage": stage, "attempt": attempt_id, "text": said["text"]})
        return lines
