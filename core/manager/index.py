"""All records in memory, one copy a process: loaded once, refreshed by the watch, and scanned again now and then."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from core.domain.batch import BatchRecord, PoolRecord, places
from core.domain.errors import Damaged, NotFound
from core.domain.run import RunRecord
from core.domain.states import BatchPhase
from core.store.state import Finding, StateStore, Stored

POOL = "pool"
T = TypeVar("T", bound=msgspec.Struct)
Runs = dict[str, RunRecord]
Batches = dict[str, BatchRecord]


class Changes:
    """The ids of runs and batches that changed, for one reader; made by `Index.follow`."""

    def __init__(self, runs: "Shelf[RunRecord]", batches: "Shelf[BatchRecord]") -> None:
        self._runs, self._batches = runs.follow(), batches.follow()

    def take(self) -> tuple[set[str], set[str]]:
        """The runs and the batches that are new, changed or gone since the last time: at first all there are."""
        return self._runs(), self._batches()


class Shelf(Generic[T]):
    """The records of one kind as last read. Thread-safe; what is newer is never replaced by what is older."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.values: dict[str, T] = {}
        self._gens: dict[str, int] = {}
        self._clock = 0  # counts changes, so that a long reading knows what happened while it read
        self._changed: dict[str, int] = {}
        self._followers: list[set[str]] = []
        self.latest: datetime | None = None  # when the latest change was made, by what the records ever told
        self._copy: dict[str, T] | None = None

    def follow(self) -> Callable[[], set[str]]:
        """What gives, each time it is called, the ids that changed since the last time; at first all there are."""
        with self._lock:
            mine = set(self.values)
            self._followers.append(mine)

        def take() -> set[str]:
            with self._lock:
                taken = set(mine)
                mine.clear()
            return taken

        return take

    def put(self, record_id: str, stored: Stored[T]) -> bool:
        """Note a record that was just written or read; whether it is newer than what was known."""
        with self._lock:
            known = self._gens.get(record_id, 0)
            if stored.gen >= known:
                self._set(record_id, stored)
                self._mark(record_id)
            return stored.gen > known

    def drop(self, record_id: str) -> None:
        """Forget a record that is gone or damaged."""
        with self._lock:
            self.values.pop(record_id, None)
            self._gens.pop(record_id, None)
            self._mark(record_id)
            self._tell(record_id)

    def load(self, read: Callable[[], tuple[dict[str, Stored[T]], list[Finding]]]) -> list[Finding]:
        """Take what `read` finds on the disk, but for records that were noted while it read; gives its findings."""
        with self._lock:
            began = self._clock
        found, findings = read()
        with self._lock:
            for record_id in [known for known in self.values if known not in found]:
                if self._changed.get(record_id, 0) <= began:
                    del self.values[record_id]
                    self._gens.pop(record_id, None)
                    self._tell(record_id)
            for record_id, stored in found.items():
                self._take(record_id, stored, began)
            self._changed = {record_id: at for record_id, at in self._changed.items() if at > began}
        return findings

    def look(self, record_id: str, read: Callable[[], Stored[T]]) -> None:
        """Like `load`, for one record: take what `read` finds, but when it was noted while that was read."""
        with self._lock:
            began = self._clock
        stored = read()
        with self._lock:
            self._take(record_id, stored, began)

    def _take(self, record_id: str, stored: Stored[T], began: int) -> None:
        known = self._gens.get(record_id)
        if known == stored.gen:
            return  # the same record: whoever keeps something of it need not look again
        if self._changed.get(record_id, 0) <= began or known is None or stored.gen > known:
            self._set(record_id, stored)

    def copy(self) -> dict[str, T]:
        """A copy that stays as it is while it is read; the same one until something changes, so nobody may change it."""
        with self._lock:
            if self._copy is None:
                self._copy = dict(self.values)
            return self._copy

    def _set(self, record_id: str, stored: Stored[T]) -> None:
        self.values[record_id] = stored.value
        self._gens[record_id] = stored.gen
        changed_at: datetime | None = getattr(stored.value, "updated_at", None)
        if changed_at is not None:
            self.latest = max(changed_at, self.latest or changed_at)
        self._tell(record_id)

    def _tell(self, record_id: str) -> None:
        self._copy = None
        for follower in self._followers:
            follower.add(record_id)

    def _mark(self, record_id: str) -> None:
        self._clock += 1
        self._changed[record_id] = self._clock


class Index:
    """The records as last read; never the truth, only a fast view of it."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._runs: Shelf[RunRecord] = Shelf()
        self._batches: Shelf[BatchRecord] = Shelf()
        self._pool: Shelf[PoolRecord] = Shelf()
        self._counting: tuple[Runs, Batches, Runs, Batches] | None = None
        self.damaged: dict[str, str] = {}  # records of which nothing can be believed, and why

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
        self.damaged = dict(_lost(findings))

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
            self.damaged = {id_: why for id_, why in self.damaged.items() if id_ != record_id}

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
        raise NotFound(f"There is no run {run_id}.")

    def batch(self, batch_id: str) -> BatchRecord:
        """A batch that somebody asks for; raises `NotFound`, or `Damaged` when it cannot be believed."""
        if batch_id in self.damaged:
            raise Damaged(self.damaged[batch_id])
        if batch_id in self.batches:
            return self.batches[batch_id]
        if batch_id in self.runs:
            hint = f"./reprise show {batch_id} names its batch."
            raise NotFound(f"{batch_id} is a run; a batch is needed here.", hint=hint)
        raise NotFound(f"There is no batch {batch_id}.")

    def lose(self, record_id: str, error: Damaged | NotFound) -> None:
        """Note that a record turned out to be gone or damaged: whoever goes through the index meets it no more."""
        self._runs.drop(record_id)
        self._batches.drop(record_id)
        if isinstance(error, Damaged):
            self.damaged = {**self.damaged, record_id: error.message}
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
        runs = [run for run in self._runs.copy().values() if run.batch_id == batch_id and not run.removed]
        batch = self.batches.get(batch_id)
        place = places(batch, runs) if batch is not None else {run.run_id: run.position for run in runs}
        return sorted(runs, key=lambda run: place[run.run_id])


def _lost(findings: Iterable[Finding]) -> Iterable[tuple[str, str]]:
    """The id of every record that could not be restored, and a sentence."""
    for found in findings:
        if not found.repaired:
            name = Path(found.path).name.partition(".")[0]
            yield name, f"The state of {name} is damaged: {found.problem}"
