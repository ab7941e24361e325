"""Deleting a batch for good, step by step: cut off anywhere it is finished by being done again.

The batch is marked first and its file goes last, so that it is known what is left to do. Its results are renamed aside,
looked at once more, and only then removed; the records of its runs go after those, since they tell which results are theirs.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from core.domain.errors import Damaged, NotFound, StorageError
from core.domain.run import RunRecord
from core.manager.aside import move, remove_tree
from core.manager.exports.removing import held_places, remove_exports
from core.manager.index import Index
from core.manager.needs import Needs, made_by
from core.manager.uploads import Uploads
from core.manager.usage import Usage
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import StateStore
from core.system import files

WAIT_S = 10.0


class Purge:
    """Finishes what a `delete --hard` has marked; called by the command and by the service's upkeep."""

    def __init__(
        self, *, index: Index, writer: Writer, store: StateStore, artifacts: Artifacts, uploads: Uploads
    ) -> None:
        self._index, self._writer, self._store = index, writer, store
        self._artifacts, self._uploads = artifacts, uploads
        self._layout: Layout = store.layout
        self._usage = Usage(store.layout)

    def drop_uploads(self, run_ids: Collection[str]) -> None:
        """Remove what was uploaded for these runs alone: they were cancelled before they began. Raises `StorageError`."""
        self._uploads.drop(run_ids, "its batch was cancelled before it began")

    def finish_all(self) -> None:
        """Finish every batch that is marked, unless another process is at it."""
        _, batches, _ = self._index.everything()
        for batch_id in [batch_id for batch_id, batch in batches.items() if batch.purging]:
            self.finish(batch_id, wait_s=0.0)

    def finish(self, batch_id: str, *, wait_s: float = WAIT_S) -> bool:
        """Remove what is left of a marked batch; False when another process is still at it after `wait_s` seconds.

        Raises `StorageError` when the disk refuses; what is left then is removed by the next try.
        """
        lock = Lock(self._layout.purge_lock())
        if not lock.acquire(wait_s):
            return False
        try:
            with files.explained(f"deleting {batch_id} for good"):
                for _ in self.steps(batch_id):
                    pass
        finally:
            lock.release()
        return True

    def steps(self, batch_id: str) -> Iterator[str]:
        """The steps of it, each taken and then told; the caller holds the lock. Nothing for a batch that is not marked."""
        self._look(batch_id)
        runs, batches, _ = self._index.everything()
        batch = batches.get(batch_id)
        if batch is None or not batch.purging:
            return
        mine = {run_id: run for run_id, run in runs.items() if run.batch_id == batch_id}
        named = {member.run_id for member in batch.members}
        named |= {entry.run_id for run in mine.values() for entry in run.entries}
        run_ids = sorted(named | set(mine))
        aside = self._layout.quarantine / f"deleted-{batch_id}"
        if batch.tier:
            self._usage.keep(batch, mine.values(), self._store.clock.now())
            yield "usage"
        yield from remove_exports(self._store, self._artifacts, batch_id)
        yield from self._set_aside(batch_id, mine, run_ids, aside)
        self._look(batch_id)
        yield from self._throw_away(batch_id, run_ids, aside)
        self._uploads.drop(run_ids)
        yield "uploads"
        for run_id in run_ids:
            yield from self._forget(run_id)
        self._forget_backups(batch_id)
        self._store.batches.remove(batch_id)
        self._index.lose(batch_id, NotFound(f"There is no batch {batch_id}."))
        self._writer.note("batch.purged", batch_id=batch_id, data={"name": batch.name, "runs": len(run_ids)})
        yield batch_id

    def _needs(self, batch_id: str, run_ids: list[str]) -> Needs:
        """What others need: their runs, and exports that can still be fetched."""
        held = held_places(self._store, self._store.clock.now(), but=batch_id)
        return Needs(self._index, self._layout, self._artifacts, run_ids, held)

    def _look(self, batch_id: str) -> None:
        """Read every record; raises `Damaged` or `StorageError` when it is not known what is to be done, or shared."""
        self._index.load()
        if batch_id in self._index.damaged:
            raise Damaged(self._index.damaged[batch_id])
        for record_id, problem in self._index.damaged.items():
            records = self._store.runs if record_id.startswith("r_") else self._store.batches
            if records.lost_because(record_id) is None:  # it is not lost, it just cannot be read now
                raise StorageError(problem)

    def _set_aside(self, batch_id: str, mine: dict[str, RunRecord], run_ids: list[str], aside: Path) -> Iterator[str]:
        """Rename aside what no other run needs, under the lock of its key; what somebody works on stays."""
        needs = self._needs(batch_id, run_ids)
        for place, origins in sorted(made_by(mine, self._layout, self._artifacts).items()):
            lock = Lock(self._layout.key_lock(*place))
            if needs.needed(place, origins) or not lock.acquire():
                continue
            try:
                for folder in (self._layout.artifact(*place), self._layout.work(*place)):
                    if folder.is_dir():
                        move(folder, aside / "/".join(folder.relative_to(self._layout.root).parts))
                        yield f"aside {'/'.join(place)}"
            finally:
                lock.release()

    def _throw_away(self, batch_id: str, run_ids: list[str], aside: Path) -> Iterator[str]:
        """Look once more, put back what is needed after all, and remove the rest."""
        if not aside.is_dir():
            return
        needs = self._needs(batch_id, run_ids)
        runs = self._index.everything()[0]
        spaces = {runs[run_id].space_id for run_id in run_ids if run_id in runs}
        moved = self._artifacts.moved(aside)
        for folder in sorted([*aside.glob("artifacts/*/*"), *aside.glob("work/*/*")]):
            place = (folder.parent.name, folder.name)
            where = folder.relative_to(aside)
            back = self._layout.root / where
            receipt = moved.receipt(*place)
            origins = spaces | set(receipt.inputs.values() if receipt is not None else ())
            keep = needs.needed(place, origins) and not back.exists()
            move(folder, back if keep else aside / "gone" / where)  # so that nothing half removed is put back
            yield f"{'put back' if keep else 'thrown away'} {'/'.join(place)}"
        remove_tree(aside)
        yield "nothing aside"

    def _forget(self, run_id: str) -> Iterator[str]:
        """The logs and the progress of a run, then its record; its locks stay, as every lock does."""
        with files.explained(f"removing what {run_id} left"):
            self._layout.progress_file(run_id).unlink(missing_ok=True)
        remove_tree(self._layout.logs / run_id)
        self._forget_backups(run_id)
        yield f"logs of {run_id}"
        self._store.runs.remove(run_id)
        self._index.lose(run_id, NotFound(f"There is no run {run_id}."))
        yield run_id

    def _forget_backups(self, record_id: str) -> None:
        with files.explained(f"removing the backups of {record_id}"):
            for path in self._layout.backups.glob(f"*/{record_id}.json"):
                path.unlink(missing_ok=True)
