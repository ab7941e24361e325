"""What ended just now, for pages that are open: told once to each of them, and kept nowhere."""

import threading
from collections import deque
from typing import Literal

import msgspec

from core.domain.states import BatchPhase, Phase
from core.manager.index import Index

KEPT = 300


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run or a batch that has just ended or paused itself; `title` is text of others."""

    number: int
    kind: Literal["run", "batch"]
    how: Literal["completed", "failed", "paused"]
    title: str
    owner: str
    alone: bool = False


class News:
    """Compares each record that changes with what it was; what is met for the first time is no news. Thread-safe."""

    def __init__(self, index: Index) -> None:
        self._index, self._lock = index, threading.Lock()
        runs, batches, _ = index.everything()
        self._runs = {run_id: run.phase for run_id, run in runs.items()}
        self._batches = {batch_id: batch.phase for batch_id, batch in batches.items()}
        self._ended: deque[Ended] = deque(maxlen=KEPT)
        self.last = 0

    def changed(self, kind: str, record_id: str) -> None:
        """Look at a record that changed, whatever it is."""
        with self._lock:
            if kind == "run":
                self._run(record_id)
            elif kind == "batch":
                self._batch(record_id)

    def since(self, number: int) -> list[Ended]:
        """What ended after the one with this number, oldest first."""
        with self._lock:
            return [one for one in self._ended if one.number > number]

    def _run(self, run_id: str) -> None:
        run = self._index.runs.get(run_id)
        if run is None:
            return
        before, self._runs[run_id] = self._runs.get(run_id), run.phase
        if before in (None, run.phase) or not (run.phase == Phase.COMPLETED or run.needs_attention):
            return
        alone = len(self._index.runs_of(run.batch_id)) == 1
        how: Literal["completed", "failed"] = "completed" if run.phase == Phase.COMPLETED else "failed"
        self._tell("run", how, run.title or run.source.value, run.owner, alone=alone)

    def _batch(self, batch_id: str) -> None:
        batch = self._index.batches.get(batch_id)
        if batch is None:
            return
        before, self._batches[batch_id] = self._batches.get(batch_id), batch.phase
        if before in (None, batch.phase):
            return
        if batch.phase == BatchPhase.PAUSED and batch.pause is not None and batch.pause.reason == "auto":
            self._tell("batch", "paused", batch.name, batch.owner)
        elif before == BatchPhase.RUNNING and batch.phase in (BatchPhase.COMPLETED, BatchPhase.FAILED):
            how: Literal["completed", "failed"] = "completed" if batch.phase == BatchPhase.COMPLETED else "failed"
            self._tell("batch", how, batch.name, batch.owner)

    def _tell(
        self,
        kind: Literal["run", "batch"],
        how: Literal["completed", "failed", "paused"],
        title: str,
        owner: str,
        *,
        alone: bool = False,
    ) -> None:
        self.last += 1
        self._ended.append(Ended(number=self.last, kind=kind, how=how, title=title, owner=owner, alone=alone))
