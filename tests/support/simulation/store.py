"""The store in memory: what `core.store.state` promises, every value kept as the real codec's bytes, faults on demand.

`tests/contract/test_store.py` holds it and the real one to the same cases.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import Fenced, NotFound, StorageError
from core.domain.run import RunRecord
from core.store.codec import Codec
from core.store.journal import RECONCILED, Event, transition_event
from core.store.quarantine import Finding
from core.store.state import Conflict, Stored
from core.system.clock import Clock, rfc3339
from tests.support.simulation.disk import Disk
from tests.support.simulation.faults import Faults

T = TypeVar("T", bound=msgspec.Struct)
CODECS: dict[str, Codec[Any]] = {
    "run": Codec("run", RunRecord),
    "batch": Codec("batch", BatchRecord),
    "pool": Codec("pool", PoolRecord),
}
OnWrite = Callable[[str, str, Any, Any, int], None]


def ignore(kind: str, record_id: str, before: Any, after: Any, epoch: int) -> None:
    """Nobody wants to know what is written."""


class MemoryRecords(Generic[T]):
    """All records of one kind, as one process sees them; `on_write(kind, id, before, after, epoch)` is told of each write."""

    def __init__(self, kind: str, disk: Disk, faults: Faults, on_write: OnWrite) -> None:
        self._kind, self._files, self._faults, self._on_write = kind, disk.files[kind], faults, on_write
        self._codec: Codec[T] = CODECS[kind]
        self._held = disk.held

    def get(self, record_id: str) -> Stored[T]:
        """The record as it is now."""
        self._faults.before(f"reading {record_id}")
        return self._read(record_id)

    def ids(self) -> list[str]:
        """The ids of all records."""
        return sorted(self._files)

    def load_all(self, repair: bool = True) -> tuple[dict[str, Stored[T]], list[Finding]]:
        """Every record; none is ever damaged here."""
        self._faults.before(f"reading all {self._kind} records")
        return {record_id: self._read(record_id) for record_id in self.ids()}, []

    def create(self, record_id: str, value: T, epoch: int = 0) -> Stored[T]:
        """Write a record that was not there before."""
        self._faults.before(f"creating {record_id}")
        if record_id in self._files:
            raise Conflict(f"{record_id} is already there.")
        return self._write(record_id, None, value, 1, epoch)

    def put(self, record_id: str, value: T, expect_gen: int, epoch: int | None = None) -> Stored[T]:
        """Replace the record if it is still at generation `expect_gen`."""
        self._faults.before(f"writing {record_id}")
        self._require_free(record_id)
        before = self._read(record_id)
        if before.gen != expect_gen:
            raise Conflict(f"{record_id} was changed meanwhile.")
        self._fence(record_id, before, epoch)
        return self._write(record_id, before.value, value, before.gen + 1, max(before.epoch, epoch or 0))

    def update(self, record_id: str, change: Callable[[T], T], epoch: int | None = None) -> Stored[T]:
        """Replace the record by what `change` makes of it; the very same object is not written."""
        self._faults.before(f"changing {record_id}")
        self._require_free(record_id)
        before = self._read(record_id)
        self._fence(record_id, before, epoch)
        value = change(before.value)
        if value is before.value:
            return before
        return self._write(record_id, before.value, value, before.gen + 1, max(before.epoch, epoch or 0))

    def remove(self, record_id: str) -> None:
        """Remove the record for good; nothing happens when it is gone."""
        self._faults.before(f"removing {record_id}")
        self._require_free(record_id)
        if record_id in self._files:
            before = self._read(record_id)
            del self._files[record_id]
            self._on_write(self._kind, record_id, before.value, None, before.epoch)
        self._faults.after(f"removing {record_id}")

    @contextmanager
    def holding(self, record_id: str) -> Iterator[None]:
        """Hold the lock of a record for a block; who wants to change it meanwhile is told that it is locked."""
        self._require_free(record_id)
        self._held.add(record_id)
        try:
            yield
        finally:
            self._held.discard(record_id)

    def _require_free(self, record_id: str) -> None:
        if record_id in self._held:
            raise StorageError(f"{record_id}.state stayed locked for 20 s.")

    def lost_because(self, record_id: str) -> str | None:
        """Why a record cannot be believed; None when it can."""
        return None if record_id in self._files else "The file is missing."

    def _fence(self, record_id: str, before: Stored[T], epoch: int | None) -> None:
        if epoch is not None and epoch < before.epoch:
            raise Fenced(f"{record_id} belongs to a newer service (epoch {before.epoch}).")

    def _read(self, record_id: str) -> Stored[T]:
        if record_id not in self._files:
            raise NotFound(f"There is no {self._kind} {record_id}.")
        opened = self._codec.decode(record_id, self._files[record_id])
        return Stored(opened.value, opened.gen, opened.epoch)

    def _write(self, record_id: str, before: T | None, value: T, gen: int, epoch: int) -> Stored[T]:
        self._files[record_id] = self._codec.encode(record_id, value, gen=gen, epoch=epoch)
        self._on_write(self._kind, record_id, before, value, epoch)
        self._faults.after(f"writing {record_id}")
        return Stored(value, gen, epoch)


class MemoryJournal:
    """The journal of one storage, as one process sees it."""

    def __init__(self, disk: Disk, clock: Clock, faults: Faults) -> None:
        self._lines, self._clock, self._faults = disk.journal, clock, faults

    def append(self, events: Sequence[Event]) -> int:
        """Append `events`; gives the last number."""
        if events:
            self._faults.before("writing the journal")
            now = rfc3339(self._clock.now())
            for event in events:
                numbered = msgspec.structs.replace(event, seq=self.last_seq() + 1, t=now)
                self._lines.append(msgspec.to_builtins(numbered))
            self._faults.after("writing the journal")
        return self.last_seq()

    def last_seq(self) -> int:
        """The last number given, 0 when there is none."""
        return int(self._lines[-1]["seq"]) if self._lines else 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line, newest first."""
        return reversed(self._lines)

    def reemit(self, records: Iterable[RunRecord | BatchRecord]) -> int:
        """Append the transitions of `records` that are in no line, and a mark that this was done."""
        there = {line.get("data", {}).get("transition") for line in self._lines}
        missing = [(line.at, record, line) for record in records for line in record.transitions if line.id not in there]
        missing.sort(key=lambda found: found[0])
        events = [transition_event(record, line, via="recovery") for _, record, line in missing]
        self.append([*events, Event(type=RECONCILED, data={"added": len(events)})])
        return len(events)


class MemoryStore:
    """The state of everything, as one process sees it."""

    def __init__(self, disk: Disk, clock: Clock, faults: Faults | None = None, on_write: OnWrite = ignore) -> None:
        faults = faults or Faults()
        self.clock = clock
        self.journal = MemoryJournal(disk, clock, faults)
        self.runs: MemoryRecords[RunRecord] = MemoryRecords("run", disk, faults, on_write)
        self.batches: MemoryRecords[BatchRecord] = MemoryRecords("batch", disk, faults, on_write)
        self.pool: MemoryRecords[PoolRecord] = MemoryRecords("pool", disk, faults, on_write)
        if "pool" not in disk.files["pool"]:
            self.pool.create("pool", PoolRecord())
