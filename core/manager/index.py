"""All records in memory, one copy a process: loaded once, refreshed by the watch, and scanned again now and then."""

import threading
from collections.abc import Iterable
from pathlib import Path

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import Damaged, NotFound
from core.domain.run import RunRecord
from core.store.state import Finding, StateStore

POOL = "pool"


class Index:
    """The records as last read; never the truth, only a fast view of it."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.runs: dict[str, RunRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        self.pool = PoolRecord()
        self.damaged: dict[str, str] = {}  # records of which nothing can be believed, and why

    def load(self) -> None:
        """Read everything; what is damaged is set aside and restored by the store, or listed in `damaged`."""
        runs, of_runs = self._store.runs.load_all()
        batches, of_batches = self._store.batches.load_all()
        pool, of_pool = self._store.pool.load_all()
        with self._lock:
            self.damaged = dict(_lost([*of_runs, *of_batches, *of_pool]))
            self.runs = {key: stored.value for key, stored in runs.items()}
            self.batches = {key: stored.value for key, stored in batches.items()}
            self.pool = pool[POOL].value if POOL in pool else PoolRecord()

    def refresh(self, kind: str, record_id: str) -> None:
        """Read one record again; one that is gone is forgotten."""
        try:
            match kind:
                case "run":
                    self.put_run(self._store.runs.get(record_id).value)
                case "batch":
                    self.put_batch(self._store.batches.get(record_id).value)
                case "pool":
                    self.pool = self._store.pool.get(record_id).value
        except NotFound:
            with self._lock:
                self.runs.pop(record_id, None)
                self.batches.pop(record_id, None)

    def run(self, run_id: str) -> RunRecord:
        """A run that somebody asks for; raises `NotFound`, or `Damaged` when it or its batch cannot be believed."""
        run = self.runs.get(run_id)
        if run is not None and run.batch_id in self.batches:
            return run
        place = run_id if run is None else run.batch_id
        if place in self.damaged:
            raise Damaged(self.damaged[place])
        raise NotFound(f"There is no run {run_id}.")

    def batch(self, batch_id: str) -> BatchRecord:
        """A batch that somebody asks for; raises `NotFound`, or `Damaged` when it cannot be believed."""
        if batch_id in self.damaged:
            raise Damaged(self.damaged[batch_id])
        if batch_id not in self.batches:
            raise NotFound(f"There is no batch {batch_id}.")
        return self.batches[batch_id]

    def lose(self, record_id: str, error: Damaged | NotFound) -> None:
        """Note that a record turned out to be gone or damaged: whoever goes through the index meets it no more."""
        with self._lock:
            self.runs.pop(record_id, None)
            self.batches.pop(record_id, None)
            if isinstance(error, Damaged):
                self.damaged[record_id] = error.message

    def put_run(self, run: RunRecord) -> None:
        """Note a run that was just written or read."""
        with self._lock:
            self.runs[run.run_id] = run

    def put_batch(self, batch: BatchRecord) -> None:
        """Note a batch that was just written or read."""
        with self._lock:
            self.batches[batch.batch_id] = batch

    def snapshot(self) -> tuple[dict[str, RunRecord], dict[str, BatchRecord], PoolRecord]:
        """Copies that stay as they are while they are read."""
        with self._lock:
            return dict(self.runs), dict(self.batches), self.pool

    def runs_of(self, batch_id: str) -> list[RunRecord]:
        """The runs of a batch in their order."""
        with self._lock:
            runs = [run for run in self.runs.values() if run.batch_id == batch_id]
        return sorted(runs, key=lambda run: run.position)


def _lost(findings: Iterable[Finding]) -> Iterable[tuple[str, str]]:
    """The id of every record that could not be restored, and a sentence."""
    for found in findings:
        if not found.repaired:
            name = Path(found.path).name.partition(".")[0]
            yield name, f"The state of {name} is damaged: {found.problem}"
