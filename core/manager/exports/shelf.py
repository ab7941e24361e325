"""The exports there are, read again only where their files changed: nobody has to be told of them."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from core.domain.errors import Damaged, NotFound
from core.domain.exports import ExportRecord
from core.store.layout import is_id
from core.store.state import StateStore

Foreign = Callable[[str], None]
Stamp = tuple[int, int]


class ExportShelf:
    """All exports of a storage. Thread-safe."""

    def __init__(self, store: StateStore) -> None:
        self._store, self._lock = store, threading.Lock()
        self._known: dict[str, tuple[Stamp, ExportRecord]] = {}

    def all(self) -> list[ExportRecord]:
        """Every export that can be believed, the newest first. Raises `StorageError` when they cannot be read now."""
        found = {}
        for export_id in self._store.exports.ids():
            try:
                found[export_id] = self._read(export_id)
            except (Damaged, NotFound):
                continue  # it is told of in the journal, and by `check`
        with self._lock:
            self._known = {id_: known for id_, known in self._known.items() if id_ in found}
        return sorted(found.values(), key=lambda record: record.export_id, reverse=True)

    def of_batch(self, batch_id: str) -> list[ExportRecord]:
        """The exports of one batch, the newest first."""
        return [record for record in self.all() if record.batch_id == batch_id]

    def get(self, export_id: str) -> ExportRecord:
        """One export; raises `NotFound`, or `Damaged` when its record cannot be believed."""
        if not is_id(export_id, "e_"):
            raise missing(export_id)
        try:
            return self._read(export_id)
        except NotFound:
            raise missing(export_id) from None

    def _read(self, export_id: str) -> ExportRecord:
        stamp = _stamp(self._store.layout.export_state(export_id))
        with self._lock:
            known = self._known.get(export_id)
        if known is not None and known[0] == stamp:
            return known[1]
        record = self._store.exports.get(export_id).value
        if stamp is not None:
            with self._lock:
                self._known[export_id] = (stamp, record)
        return record


class OwnShelf(ExportShelf):
    """The exports of one owner's batches, whoever asked for them; the others do not exist.

    `foreign` hears of each that exists and was asked for by its id.
    """

    def __init__(self, whole: ExportShelf, batches: Callable[[], Mapping[str, object]], foreign: Foreign) -> None:
        self._whole, self._batches, self._foreign = whole, batches, foreign

    def all(self) -> list[ExportRecord]:
        """Every export of the owner that can be believed, the newest first."""
        own = self._batches()
        return [record for record in self._whole.all() if record.batch_id in own]

    def get(self, export_id: str) -> ExportRecord:
        """One export of the owner; raises as `ExportShelf.get` does."""
        record = self._whole.get(export_id)
        if record.batch_id not in self._batches():
            self._foreign(export_id)
            raise missing(export_id)
        return record


def missing(export_id: str) -> NotFound:
    """What is said of an export that is not there."""
    return NotFound(f"There is no export {export_id[:60]}.", hint="./reprise exports lists them.")


def _stamp(path: Path) -> Stamp | None:
    """What is another after every write: each puts another file in place."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
