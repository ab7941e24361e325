"""What exports hold, and what goes away with the batch that they are of."""

import shutil
from collections.abc import Iterator
from datetime import datetime

from core.domain.exports import MERGED, PART, ExportRecord
from core.manager.exports.shelf import ExportShelf
from core.store.artifacts import Artifacts
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


def remove_exports(store: StateStore, artifacts: Artifacts, batch_id: str) -> Iterator[str]:
    """Remove the exports of a batch with the merged videos that were made for them, step by step; each is told.

    What only they were made of goes too. One that is being made just now keeps its work, which is swept later. Raises
    `StorageError`.
    """
    records = ExportShelf(store).all()
    # The records go last: who was cut off finds by them what is left.
    for key in _parts(artifacts, [record for record in records if record.batch_id == batch_id], records):
        if _remove_made(store.layout, PART, key, batch_id):
            yield f"part {key}"
    for record in records:
        if record.batch_id != batch_id:
            continue
        remove_export(store, record)
        yield record.export_id


def _parts(artifacts: Artifacts, mine: list[ExportRecord], records: list[ExportRecord]) -> Iterator[str]:
    """The keys of the parts of merged videos that were made of the videos in `mine`, and of none of the other records."""
    own = {video.sha256 for record in mine if record.key for video in record.videos}
    own -= {video.sha256 for record in records if record.key and record not in mine for video in record.videos}
    for stage, key in artifacts.published() if own else ():
        receipt = artifacts.receipt(stage, key) if stage == PART else None
        if receipt is not None and receipt.inputs and own.issuperset(receipt.inputs.values()):
            yield key


def remove_export(store: StateStore, record: ExportRecord) -> None:
    """Remove an export, with its merged video if no other one is that. Raises `StorageError`."""
    others = {other.key for other in ExportShelf(store).all() if other.export_id != record.export_id}
    if record.key and record.key not in others:
        _remove_made(store.layout, MERGED, record.key, record.export_id)
    with files.explained(f"removing export {record.export_id}"):
        store.layout.progress_file(record.export_id).unlink(missing_ok=True)
    store.exports.remove(record.export_id)


def _remove_made(layout: Layout, stage: str, key: str, of: str) -> bool:
    """Remove what was made under a key; False, and nothing is, while somebody works on it."""
    lock = Lock(layout.key_lock(stage, key))
    if not lock.acquire():
        return False
    try:
        with files.explained(f"removing the merged video of {of}"):
            for folder in (layout.artifact(stage, key), layout.work(stage, key)):
                if folder.is_dir():
                    shutil.rmtree(folder)
    finally:
        lock.release()
    return True
