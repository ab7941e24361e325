"""Removing results and pieces of work that nothing names any more.

One lives while a run, a batch or an export names it, while its key is locked, or while it is young. What does not is
renamed aside, everything is looked at once more, and only then is it removed: a cut leaves it aside, for the next time.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from core.domain.exports import MERGED, OPEN, PART
from core.domain.states import Phase
from core.manager.aside import move, remove_tree, weight
from core.manager.exports.removing import held_places
from core.manager.exports.shelf import ExportShelf
from core.manager.index import Index
from core.manager.needs import Place, attempts_on, named_by
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.layout import Layout, keyed
from core.store.locks import Lock
from core.store.progress import read_progress
from core.store.state import StateStore

ASIDE = "swept"
DONE = (Phase.COMPLETED, Phase.SKIPPED)


class Unused(msgspec.Struct, frozen=True, kw_only=True):
    """What nothing names: a result and its piece of work, or one of them; `bytes` of both."""

    stage: str
    key: str
    bytes: int


class Sweep:
    """Sweeps one storage; the caller sees to it that it happens in one process at a time."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        artifacts: Artifacts,
        store: StateStore,
        kept_s: float,
    ) -> None:
        self._index, self._writer, self._artifacts, self._store = index, writer, artifacts, store
        self._layout, self._clock, self._kept_s = store.layout, store.clock, kept_s
        self._aside = self._layout.quarantine / ASIDE

    def find(self) -> list[Unused]:
        """What would be removed now; nothing while a record cannot be believed, or when all is kept for ever."""
        return [
            Unused(stage=place[0], key=place[1], bytes=sum(map(weight, self._folders(place))))
            for place in self._search()
            if place is not None
        ]

    def blind(self) -> list[str]:
        """The runs and batches that cannot be read, so that nobody knows what they need."""
        return sorted(self._index.damaged)

    def lost_exports(self) -> list[str]:
        """The exports that cannot be read: no merged video goes, nor what it is made of, since one may be theirs.

        Nothing else waits for them: what is lost cannot be fetched, and what is in it is made again for who asks again.
        """
        lost = set(self._store.exports.ids()) - {record.export_id for record in ExportShelf(self._store).all()}
        return sorted(lost.intersection(self._store.exports.ids())) if lost else []

    def steps(self) -> Iterator[str]:
        """The steps of it, each taken and then told; after it nothing is left aside. Raises `StorageError`."""
        swept, size = 0, 0
        for place in self._search():
            if place is None:
                yield "looked at one"
            elif self._set_aside(place):
                yield f"aside {'/'.join(place)}"
        if self._kept_s <= 0 or self.blind():
            return
        self._forget_sound()
        if not self._aside.is_dir():
            return
        self._index.load()
        if self.blind():
            return  # it stays aside until all is known again
        living = self._living()
        for folder in sorted([*self._aside.glob("artifacts/*/*"), *self._aside.glob("work/*/*")]):
            where = folder.relative_to(self._aside)
            back, place = self._layout.root / where, (folder.parent.name, folder.name)
            if (living.has(place, Layout(self._aside)) or self._young(folder)) and not back.exists():
                move(folder, back)
                yield f"put back {'/'.join(place)}"
            else:
                swept, size = swept + 1, size + weight(folder)
                move(folder, self._aside / "gone" / where)  # so that nothing half removed is put back
                yield f"thrown away {'/'.join(place)}"
        remove_tree(self._aside)
        if swept:
            self._writer.note("storage.swept", data={"folders": swept, "bytes": size})
        yield "nothing aside"

    def _search(self) -> Iterator[Place | None]:
        """Each result and piece of work that nothing needs; None for one that is needed."""
        if self._kept_s <= 0 or self.blind():
            return
        living = self._living()
        for place in sorted(self._there()):
            yield None if living.has(place) or self._is_young(place) else place

    def _living(self) -> "_Living":
        held = held_places(self._store, self._clock.now())
        if any(record.phase in OPEN for record in ExportShelf(self._store).all()):
            held |= {place for place in self._there() if place[0] == PART}  # nobody knows yet which ones it is made of
        if self.lost_exports():
            held |= {place for place in self._there() if place[0] in (MERGED, PART)}
        return _Living(self._index, self._layout, held)

    def _there(self) -> set[Place]:
        """Every result and every piece of work."""
        return {*self._artifacts.published(), *((path.parent.name, path.name) for path in self._works())}

    def _set_aside(self, place: Place) -> bool:
        """Rename a result and its work aside, unless somebody works on it just now."""
        lock = Lock(self._layout.key_lock(*place), named=False)
        if not lock.acquire():
            return False
        try:
            if self._is_young(place):
                return False  # it was found useful meanwhile
            for folder in self._folders(place):
                to = self._aside / folder.relative_to(self._layout.root)
                if to.exists():
                    return False  # one of the same key is aside from before
                move(folder, to)
        finally:
            lock.release()
        return True

    def _forget_sound(self) -> None:
        """Remove what was measured for previews of media that are not here any more; it is measured again when needed."""
        measured = sorted(folder for folder in self._layout.sound.iterdir() if folder.is_dir())
        if not measured:
            return
        receipts = (self._artifacts.receipt(*place) for place in self._artifacts.published() if place[0] == "download")
        known = {entry.sha256 for receipt in receipts if receipt is not None for entry in receipt.files.values()}
        for folder in measured:
            if folder.name not in known and not self._young(folder):
                remove_tree(folder)

    def _works(self) -> list[Path]:
        return keyed(self._layout.work_root, "*/*")

    def _folders(self, place: Place) -> list[Path]:
        return [folder for folder in (self._layout.artifact(*place), self._layout.work(*place)) if folder.is_dir()]

    def _is_young(self, place: Place) -> bool:
        return any(self._young(folder) for folder in self._folders(place))

    def _young(self, folder: Path) -> bool:
        """Whether something in the folder, or the folder itself, was changed or found useful lately."""
        since = datetime.fromtimestamp(_changed(folder), UTC)
        return self._clock.now() - since < timedelta(seconds=self._kept_s)


class _Living:
    """What is named, as it is known now."""

    def __init__(self, index: Index, layout: Layout, held: Collection[Place]) -> None:
        runs, _, _ = index.everything()
        self._layout = layout
        self._named: set[Place] = {place for run in runs.values() for place in named_by(run)} | set(held)
        unfinished = [run for run in runs.values() if run.phase not in DONE]
        self._attempts = {attempt.id for run in unfinished for attempt in run.attempts}
        for run in unfinished:
            told = read_progress(layout, run.run_id) or {}
            self._named.add((str(told.get("stage")), str(told.get("key"))))

    def has(self, place: Place, aside: Layout | None = None) -> bool:
        """Whether something needs it: it is named, or it is what an unfinished run has begun (in `aside`, if moved)."""
        if place in self._named:
            return True
        layouts = (self._layout, aside) if aside is not None else (self._layout,)
        return any(not self._attempts.isdisjoint(attempts_on(layout, place)) for layout in layouts)


def _changed(folder: Path) -> float:
    """When something was last changed in a folder, as its file system says."""
    latest = 0.0
    with suppress(FileNotFoundError):  # it was published or removed meanwhile
        latest = folder.stat().st_mtime
        for path in folder.iterdir():
            latest = max(latest, path.lstat().st_mtime)
    return latest
