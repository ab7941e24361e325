"""All records in memory, one copy a process: loaded once, refreshed by the watch, and scanned again now and then."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from core.domain.batch import BatchRecord, PoolRecord, places
from core.domain.errors import Damaged, NotFound
from core.domain.run import RunRecord
from core.domain.states import BatchPhase
from core.manager.shelf import Shelf
from core.store.state import Finding, StateStore, Stored

POOL = "pool"
Runs = dict[str, RunRecord]
Batches = dict[str, BatchRecord]


class Changes:
    """The ids of runs and batches that changed, for one reader; made by `Index.follow`."""

    def __init__(self, runs: Shelf[RunRecord], batches: Shelf[BatchRecord]) -> None:
        self._runs, self._batches = runs.follow(), batches.follow()

    def take(self) -> tuple[set[str], set[str]]:
        """The runs and the batches that are new, changed or gone since the last time: at first all there are."""
        return self._runs(), self._batches()


class Index:
    """The records as last read; never the truth, only a fast view of it."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._runs: Shelf[RunRecord] = Shelf()
        self._batches: Shelf[BatchRecord] = Shelf()
        self._pool: Shelf[PoolRecord] = Shelf()
        self._counting: tuple[Runs, Batches, Runs, Batches] | None = None
        self._damaged: dict[str, str] = {}

    @property
    def runs(self) -> Mapping[str, RunRecord]:
        """Every run by its id."""
        return self._runs.values

    @property
    def batches(self) -> Mapping[str, BatchRecord]:
        """Every batch by its id."""
        return self._batches.values

    @property
    def pool(self) -> PoolRecord:
        """The pool; as it is at first while none was written."""
        return self._pool.values.get(POOL, PoolRecord())

    @property
    def damaged(self) -> Mapping[str, str]:
        """The records of which nothing can be believed, and why."""
        return self._damaged

    @property
    def latest(self) -> datetime | None:
        """When the latest change of any record was made, as it told itself; None while there are none."""
        known = (self._runs.latest, self._batches.latest, self._pool.latest)
        return max((at for at in known if at is not None), default=None)

    def load(self) -> None:
        """Read everything; what is damaged is set aside and restored by the store, or listed in `damaged`."""
        findings = [
            *self._runs.load(self._store.runs.load_all),
            *self._batches.load(self._store.batches.load_all),
            *self._pool.load(self._store.pool.load_all),
        ]
        self._damaged = dict(_lost(findings))

    def refresh(self, kind: str, record_id: str) -> bool:
        """Read one record again; one that is gone or can no longer be believed is met no more. Whether it is news.

        Raises `StorageError` when it cannot be read just now; what was known of it stays.
        """
        try:
            match kind:
                case "run":
                    return self.put_run(record_id, self._store.runs.get(record_id))
                case "batch":
                    return self.put_batch(record_id, self._store.batches.get(record_id))
                case "pool":
                    return self.put_pool(self._store.pool.get(record_id))
        except (NotFound, Damaged) as error:
            self.lose(record_id, error)
        return True

    def look_for_batches(self) -> None:
        """Read the batches that other processes made and of which nobody has told yet. Raises `StorageError`."""
        for record_id in self._store.batches.ids():
            if record_id not in self.batches:
                self.look("batch", record_id)

    def there(self) -> Iterator[tuple[str, str]]:
        """Kind and id of every record on the disk or known, for `look`, always in one order. Raises `StorageError`."""
        yield "pool", POOL
        for record_id in dict.fromkeys([*self._store.batches.ids(), *self.batches]):
            yield "batch", record_id
        for record_id in dict.fromkeys([*self._store.runs.ids(), *self.runs]):
            yield "run", record_id

    def look(self, kind: str, record_id: str) -> None:
        """Like `refresh`, and as `load` does it: the same record is no news, and an older one in its place is believed."""
        try:
            match kind:
                case "run":
                    self._runs.look(record_id, lambda: self._store.runs.get(record_id))
                case "batch":
                    self._batches.look(record_id, lambda: self._store.batches.get(record_id))
                case "pool":
                    self._pool.look(record_id, lambda: self._store.pool.get(record_id))
        except (NotFound, Damaged) as error:
            self.lose(record_id, error)
        else:
            self._believe(record_id)

    def _believe(self, record_id: str) -> None:
        if record_id in self.damaged:
            self._damaged = {id_: why for id_, why in self._damaged.items() if id_ != record_id}

    def run(self, run_id: str) -> RunRecord:
        """A run that somebody asks for; raises `NotFound`, or `Damaged` when it or its batch cannot be believed."""
        run = self.runs.get(run_id)
        if run is not None and run.batch_id in self.batches:
            return run
        place = run_id if run is None else run.batch_id
        if place in self.damaged:
            raise Damaged(self.damaged[place])
        if run_id in self.batches:
            hint = f"./reprise show {run_id} lists its runs."
            raise NotFound(f"{run_id} is a batch; a run is needed here.", hint=hint)
        raise NotFound(f"There is no run {run_id[:60]}.")

    def batch(self, batch_id: str) -> BatchRecord:
        """A batch that somebody asks for; raises `NotFound`, or `Damaged` when it cannot be believed."""
        if batch_id in self.damaged:
            raise Damaged(self.damaged[batch_id])
        if batch_id in self.batches:
            return self.batches[batch_id]
        if batch_id in self.runs:
            hint = f"./reprise show {batch_id} names its batch."
            raise NotFound(f"{batch_id} is a run; a batch is needed here.", hint=hint)
        raise NotFound(f"There is no batch {batch_id[:60]}.")

    def lose(self, record_id: str, error: Damaged | NotFound) -> None:
        """Note that a record turned out to be gone or damaged: whoever goes through the index meets it no more."""
        self._runs.drop(record_id)
        self._batches.drop(record_id)
        if isinstance(error, Damaged):
            self._damaged = {**self._damaged, record_id: error.message}
        else:
            self._believe(record_id)

    def put_run(self, run_id: str, stored: Stored[RunRecord]) -> bool:
        """Note a run that was just written or read; whether it is news."""
        self._believe(run_id)
        return self._runs.put(run_id, stored)

    def put_batch(self, batch_id: str, stored: Stored[BatchRecord]) -> bool:
        """Note a batch that was just written or read; whether it is news."""
        return self._batches.put(batch_id, stored)

    def put_pool(self, stored: Stored[PoolRecord]) -> bool:
        """Note the pool as it was just written or read; whether it is news."""
        return self._pool.put(POOL, stored)

    def follow(self) -> Changes:
        """What tells one reader which runs and batches changed since it asked last."""
        return Changes(self._runs, self._batches)

    def snapshot(self) -> tuple[dict[str, RunRecord], dict[str, BatchRecord], PoolRecord]:
        """Copies of all that counts, which stay as they are while they are read.

        Removed runs, deleted batches and their runs do not count: whatever goes by a snapshot does not meet them.
        """
        runs, batches, pool = self.everything()
        known = self._counting
        if known is None or known[0] is not runs or known[1] is not batches:
            deleted = {batch_id for batch_id, batch in batches.items() if batch.phase == BatchPhase.DELETED}
            there = {id_: run for id_, run in runs.items() if not run.removed and run.batch_id not in deleted}
            kept = {id_: batch for id_, batch in batches.items() if id_ not in deleted}
            known = self._counting = (runs, batches, there, kept)
        return known[2], known[3], pool

    def everything(self) -> tuple[dict[str, RunRecord], dict[str, BatchRecord], PoolRecord]:
        """Copies of all records, also of what was removed or deleted."""
        return self._runs.copy(), self._batches.copy(), self.pool

    def runs_of(self, batch_id: str) -> list[RunRecord]:
        """The runs of a batch, deleted or not, in their order; without those that were removed from it."""
        runs = [run for run in self.everything()[0].values() if run.batch_id == batch_id and not run.removed]
        batch = self.batches.get(batch_id)
        place = places(batch, runs) if batch is not None else {run.run_id: run.position for run in runs}
        return sorted(runs, key=lambda run: place[run.run_id])


def _lost(findings: Iterable[Finding]) -> Iterable[tuple[str, str]]:
    """The id of every record that could not be restored, and a sentence."""
    for found in findings:
        if not found.repaired:
            name = Path(found.path).name.partition(".")[0]
            yield name, f"The state of {name} is damaged: {found.problem}"
