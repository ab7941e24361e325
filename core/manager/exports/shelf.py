"""The exports there are, read again only where their files changed: nobody has to be told of them."""

import threading
from pathlib import Path

from core.domain.errors import Damaged, NotFound
from core.domain.exports import ExportRecord
from core.store.layout import is_id
from core.store.state import StateStore

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
            raise NotFound(f"There is no export {export_id[:60]}.", hint="./reprise exports lists them.")
        try:
            return self._read(export_id)
        except NotFound:
            raise NotFound(f"There is no export {export_id}.", hint="./reprise exports lists them.") from None

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


def _stamp(path: Path) -> Stamp | None:
    """What is another after every write: each puts another file in place."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
