"""What exports hold, and what goes away with the batch that they are of."""

import shutil
from collections.abc import Iterator
from datetime import datetime

from core.domain.exports import MERGED, ExportRecord
from core.manager.exports.shelf import ExportShelf
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import StateStore
from core.system import files

Place = tuple[str, str]


def held_places(store: StateStore, now: datetime, *, but: str = "") -> set[Place]:
    """Stage and key of every artifact that an export still needs; without those of the batch `but`."""
    return {place for record in ExportShelf(store).all() if record.batch_id != but for place in record.places(now)}


def exporting(store: StateStore, now: datetime) -> set[str]:
    """The batches of which an export is being made, or can still be fetched."""
    return {record.batch_id for record in ExportShelf(store).all() if record.places(now)}


def remove_exports(store: StateStore, batch_id: str) -> Iterator[str]:
    """Remove the exports of a batch with the merged videos that were made for them, step by step; each is told.

    One that is being made just now keeps its work, which is swept later. Raises `StorageError`.
    """
    for record in ExportShelf(store).of_batch(batch_id):
        remove_export(store, record)
        yield record.export_id


def remove_export(store: StateStore, record: ExportRecord) -> None:
    """Remove an export, with its merged video if no other one is that. Raises `StorageError`."""
    others = {other.key for other in ExportShelf(store).all() if other.export_id != record.export_id}
    if record.key and record.key not in others:
        _remove_merged(store.layout, record)
    with files.explained(f"removing export {record.export_id}"):
        store.layout.progress_file(record.export_id).unlink(missing_ok=True)
    store.exports.remove(record.export_id)


def _remove_merged(layout: Layout, record: ExportRecord) -> None:
    lock = Lock(layout.key_lock(MERGED, record.key))
    if not lock.acquire():
        return
    try:
        with files.explained(f"removing the merged video of {record.export_id}"):
            for folder in (layout.artifact(MERGED, record.key), layout.work(MERGED, record.key)):
                if folder.is_dir():
                    shutil.rmtree(folder)
    finally:
        lock.release()
