"""The index as one owner may know it: what is another's does not exist in it, whoever asks and in which way."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import Damaged, NotFound
from core.domain.run import RunRecord
from core.manager.index import Batches, Changes, Index, Runs
from core.store.state import Stored

Foreign = Callable[[str], None]


class _Own:
    """What one owner has, and a copy of it that stays as it is while it is read."""

    def __init__(self) -> None:
        self.runs: Runs = {}
        self.batches: Batches = {}
        self.copies: tuple[Runs, Batches] | None = None


class Owners:
    """Which records are whose. Thread-safe; looks again only at what changed, however many there are."""

    def __init__(self, index: Index) -> None:
        self._index, self._changes = index, index.follow()
        self._guard = threading.Lock()
        self._of: dict[str, _Own] = {}
        self._owner: dict[str, str] = {}

    def of(self, owner: str) -> tuple[Runs, Batches]:
        """The runs and batches of an owner as they are now; the same dicts until one of them changes."""
        with self._guard:
            runs, batches = self._changes.take()
            for run_id in runs:
                self._sort(run_id, self._index.runs.get(run_id))
            for batch_id in batches:
                self._sort(batch_id, self._index.batches.get(batch_id))
            own = self._of.get(owner)
            if own is None:
                return {}, {}
            if own.copies is None:
                own.copies = dict(own.runs), dict(own.batches)
            return own.copies

    def _sort(self, record_id: str, record: RunRecord | BatchRecord | None) -> None:
        before = self._owner.pop(record_id, None)
        if before is not None and (record is None or record.owner != before):
            own = self._of[before]
            own.copies = None
            own.runs.pop(record_id, None)
            own.batches.pop(record_id, None)
        if record is None:
            return
        own = self._of.setdefault(record.owner, _Own())
        own.copies = None
        self._owner[record_id] = record.owner
        if isinstance(record, RunRecord):
            own.runs[record_id] = record
        else:
            own.batches[record_id] = record


class OwnIndex(Index):
    """The records of one owner; what is written or read anew goes into the whole index, of which this is a view.

    `foreign` hears of each record that exists, is another's, and was asked for by its id.
    """

    def __init__(self, whole: Index, owners: Owners, owner: str, foreign: Foreign) -> None:
        self._whole, self._owners, self._owner, self._foreign = whole, owners, owner, foreign
        self._store, self._counting = whole._store, None

    @property
    def runs(self) -> Mapping[str, RunRecord]:
        """Every run of the owner by its id."""
        return self._owners.of(self._owner)[0]

    @property
    def batches(self) -> Mapping[str, BatchRecord]:
        """Every batch of the owner by its id."""
        return self._owners.of(self._owner)[1]

    @property
    def pool(self) -> PoolRecord:
        """The pool, which is everybody's."""
        return self._whole.pool

    @property
    def damaged(self) -> Mapping[str, str]:
        """What cannot be believed and is known to be the owner's: its batch, or a run of it, still says so."""
        if not self._whole.damaged:
            return {}
        runs, batches = self._owners.of(self._owner)
        named = {run.batch_id for run in runs.values()}
        named.update(member.run_id for batch in batches.values() for member in batch.members)
        named.update(entry.run_id for run in runs.values() for entry in run.entries)
        return {record_id: why for record_id, why in self._whole.damaged.items() if record_id in named}

    @property
    def latest(self) -> datetime | None:
        """When the latest change of any record was made."""
        return self._whole.latest

    def run(self, run_id: str) -> RunRecord:
        """As `Index.run`; one of another owner is not found."""
        try:
            return super().run(run_id)
        except (NotFound, Damaged):
            if run_id in self._whole.runs and run_id not in self.runs:
                self._foreign(run_id)
            raise

    def batch(self, batch_id: str) -> BatchRecord:
        """As `Index.batch`; one of another owner is not found."""
        try:
            return super().batch(batch_id)
        except (NotFound, Damaged):
            if batch_id in self._whole.batches and batch_id not in self.batches:
                self._foreign(batch_id)
            raise

    def everything(self) -> tuple[Runs, Batches, PoolRecord]:
        """Copies of all records of the owner, also of what was removed or deleted."""
        runs, batches = self._owners.of(self._owner)
        return runs, batches, self.pool

    def load(self) -> None:
        """Read everything anew, of all owners."""
        self._whole.load()

    def refresh(self, kind: str, record_id: str) -> bool:
        """As `Index.refresh`, for the whole index."""
        return self._whole.refresh(kind, record_id)

    def look_for_batches(self) -> None:
        """As `Index.look_for_batches`, of all owners."""
        self._whole.look_for_batches()

    def there(self) -> Iterator[tuple[str, str]]:
        """As `Index.there`, of all owners."""
        return self._whole.there()

    def look(self, kind: str, record_id: str) -> None:
        """As `Index.look`, for the whole index."""
        self._whole.look(kind, record_id)

    def lose(self, record_id: str, error: Damaged | NotFound) -> None:
        """As `Index.lose`, for the whole index."""
        self._whole.lose(record_id, error)

    def put_run(self, run_id: str, stored: Stored[RunRecord]) -> bool:
        """As `Index.put_run`, for the whole index."""
        return self._whole.put_run(run_id, stored)

    def put_batch(self, batch_id: str, stored: Stored[BatchRecord]) -> bool:
        """As `Index.put_batch`, for the whole index."""
        return self._whole.put_batch(batch_id, stored)

    def put_pool(self, stored: Stored[PoolRecord]) -> bool:
        """As `Index.put_pool`, for the whole index."""
        return self._whole.put_pool(stored)

    def follow(self) -> Changes:
        """As `Index.follow`: ids of all owners, for who keeps something of them."""
        return self._whole.follow()
