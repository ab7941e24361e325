"""All records in memory, one copy a process: loaded once, refreshed by the watch, and scanned again now and then."""

import threading

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import NotFound
from core.domain.run import RunRecord
from core.store.state import StateStore

POOL = "pool"


class Index:
    """The records as last read; never the truth, only a fast view of it."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.runs: dict[str, RunRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        self.pool = PoolRecord()

    def load(self) -> None:
        """Read everything; what is damaged is set aside and restored by the store."""
        runs, _ = self._store.runs.load_all()
        batches, _ = self._store.batches.load_all()
        pool, _ = self._store.pool.load_all()
        with self._lock:
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
