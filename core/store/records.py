"""The records of one kind, one state file each; nothing is believed that is not bit for bit what was written.

Every change is made under the record's `.state` lock, by the one protocol of `core.store.protocol`.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from core.domain.errors import Damaged, Fenced, NotFound, RepriseError
from core.store.codec import Codec, Opened
from core.store.layout import Layout
from core.store.protocol import previous, write_state
from core.store.quarantine import Finding, move_to_quarantine, set_aside
from core.store.record_files import SUFFIX, RecordFiles
from core.system import files
from core.system.allocator import no_garbage_collection
from core.system.clock import Clock

T = TypeVar("T", bound=msgspec.Struct)
OnDamage = Callable[[Finding], None]

# A generation given to a restored record is beyond the lost one, so that nobody who saw that one takes it for newer.
_LOST_GENERATIONS = 2


class Conflict(RepriseError):
    """Somebody else changed it meanwhile; what was to be written is not."""

    code = "conflict"
    hint = "Look at it again, then repeat the command."


class Stored(msgspec.Struct, Generic[T], frozen=True):
    """A record as it is on the disk: its value, how often it was written, and the epoch of the last phase write."""

    value: T
    gen: int
    epoch: int


class Records(Generic[T]):
    """All records of one kind: a folder with one state file each."""

    def __init__(
        self, layout: Layout, clock: Clock, codec: Codec[T], *, folder: Path, prefix: str, on_damage: OnDamage
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._codec = codec
        self._files = RecordFiles(layout, codec, folder, prefix)
        self._folder = folder
        self._on_damage = on_damage

    # --- reading ----------------------------------------------------------------------------------------------

    def get(self, record_id: str) -> Stored[T]:
        """The record as it is now; a damaged file is moved to quarantine and what was there before it restored.

        Raises `NotFound`, `Damaged` when nothing of it can be believed any more, `NewerVersion`, and `StorageError`
        when it cannot be read just now.
        """
        path = self._files.path(record_id)
        try:
            return _stored(self._files.open(path, record_id)[0])
        except (Damaged, FileNotFoundError):
            with self._files.locked(record_id):
                return _stored(self._current(path, record_id)[0])

    def ids(self) -> list[str]:
        """The ids of all records, damaged ones included, in order of their creation."""
        names = self._files.names()
        return sorted({name[: name.index(SUFFIX)] for name in names})

    def load_all(self, repair: bool = True) -> tuple[dict[str, Stored[T]], list[Finding]]:
        """Every record that can be believed, and what is wrong with the others, which are restored if `repair`."""
        found: dict[str, Stored[T]] = {}
        findings: list[Finding] = []
        folder = f"{self._folder}{os.sep}"
        with no_garbage_collection():
            for name in self.ids():
                path = f"{folder}{name}{SUFFIX}"
                try:
                    found[name] = _stored(self._files.open(path, name)[0])
                except (Damaged, FileNotFoundError) as error:
                    if not repair:
                        findings.append(_left(path, error))
                        continue
                    self._load_restored(Path(path), name, found, findings)
                except RepriseError as error:
                    findings.append(_left(path, error))
        return found, findings

    def _load_restored(self, path: Path, name: str, found: dict[str, Stored[T]], findings: list[Finding]) -> None:
        count = len(findings)
        try:
            with self._files.locked(name):
                found[name] = _stored(self._current(path, name, findings.append)[0])
        except NotFound:
            return
        except RepriseError as error:
            if len(findings) == count:
                findings.append(_left(str(path), error))

    # --- writing ----------------------------------------------------------------------------------------------

    def create(self, record_id: str, value: T, epoch: int = 0) -> Stored[T]:
        """Write a record that was not there before; durable when this returns. Raises `Conflict` when it was."""
        path = self._files.path(record_id)
        with self._files.locked(record_id):
            if path.exists() or previous(path).exists():
                raise Conflict(f"{record_id} is already there.")
            data = self._codec.encode(record_id, value, gen=1, epoch=epoch)
            self._write(path, record_id, data, None)
        return Stored(value, 1, epoch)

    def put(self, record_id: str, value: T, expect_gen: int, epoch: int | None = None) -> Stored[T]:
        """Replace the record if it is still at generation `expect_gen`; durable when this returns.

        Raises `Conflict` when it is at another one, `Fenced` when `epoch` is older than that of the record.
        """
        path = self._files.path(record_id)
        with self._files.locked(record_id):
            before, raw = self._current(path, record_id)
            if before.gen != expect_gen:
                raise Conflict(f"{record_id} was changed meanwhile (generation {before.gen}, not {expect_gen}).")
            return self._replace(path, record_id, value, before, raw, epoch)

    def update(self, record_id: str, change: Callable[[T], T], epoch: int | None = None) -> Stored[T]:
        """Replace the record by what `change` makes of it, under its lock; durable when this returns.

        When `change` gives back the very same object nothing is written. What it raises passes through. With an
        `epoch` this is a phase write: refused (`Fenced`) when a newer service has written one.
        """
        path = self._files.path(record_id)
        with self._files.locked(record_id):
            before, raw = self._current(path, record_id)
            _fence(record_id, before.epoch, epoch)
            value = change(before.value)
            if value is before.value:
                return _stored(before)
            return self._replace(path, record_id, value, before, raw, epoch)

    def remove(self, record_id: str) -> None:
        """Remove the record for good; nothing happens when it is gone. A cut leaves it whole, or gone."""
        path = self._files.path(record_id)
        with self._files.locked(record_id), files.explained(f"removing {path}"):
            for file in (Path(f"{path}.tmp"), previous(path), path):
                file.unlink(missing_ok=True)
            files.fsync_folder(path.parent)

    def holding(self, record_id: str) -> AbstractContextManager[None]:
        """Hold the lock of a record for a block in which others change that belong to it."""
        return self._files.locked(record_id)

    def _replace(
        self, path: Path, record_id: str, value: T, before: Opened[T], raw: bytes, epoch: int | None
    ) -> Stored[T]:
        _fence(record_id, before.epoch, epoch)
        new_epoch = max(before.epoch, epoch or 0)
        data = self._codec.encode(
            record_id, value, gen=before.gen + 1, epoch=new_epoch, prev_crc=before.crc, before=raw
        )
        if before.schema < self._codec.schema:
            self._back_up(path, before.schema, raw)
        self._write(path, record_id, data, raw)
        return Stored(value, before.gen + 1, new_epoch)

    def _write(self, path: Path, record_id: str, data: bytes, before: bytes | None) -> None:
        try:
            write_state(path, data, before)
        except OSError as error:
            raise files.storage_error(error, f"writing the state of {record_id}") from error

    def _back_up(self, path: Path, schema: int, raw: bytes) -> None:
        folder = self._layout.backups / f"schema-{schema}"
        try:
            files.make_folder(folder)
            files.write_durably(folder / path.name, raw)
        except OSError as error:
            raise files.storage_error(error, f"backing up {path.name} before its migration") from error

    # --- damage -----------------------------------------------------------------------------------------------

    def _current(self, path: Path, record_id: str, tell: OnDamage | None = None) -> tuple[Opened[T], bytes]:
        """The record under its lock; a missing or damaged file is restored from the one before it."""
        try:
            return self._files.open(path, record_id)
        except FileNotFoundError:
            problem = "The file is missing."
        except Damaged as error:
            problem = error.message
        try:
            before = self._files.open(previous(path), record_id)
        except FileNotFoundError:
            if not os.path.lexists(path):
                raise NotFound(f"There is no {self._codec.kind} {record_id}.") from None
            raise self._lost(path, problem, tell) from None
        except Damaged as error:
            raise self._lost(path, f"{problem} The one before it: {error.message}", tell) from None
        self._restore(path, record_id, problem, before, tell)
        return self._files.open(path, record_id)

    def lost_because(self, record_id: str) -> str | None:
        """Why neither the record nor the one before it can be believed; None when one can, or cannot be read just now."""
        return self._files.lost_because(record_id)

    def replace_lost(self, record_id: str, value: T, *, gen: int, epoch: int) -> Finding:
        """Put `value`, made again from elsewhere, in place of a record that is lost; its files go to quarantine.

        Raises `Conflict` when the record can be believed after all.
        """
        path = self._files.path(record_id)
        with self._files.locked(record_id):
            problem = self.lost_because(record_id)
            if problem is None:
                raise Conflict(f"{record_id} can be believed; nothing is put in its place.")
            data = self._codec.encode(record_id, value, gen=gen, epoch=epoch)
            try:
                there = [file for file in (path, previous(path)) if os.path.lexists(file)]
                kept = [set_aside(self._layout, self._clock, file, problem).name for file in there]
                self._write(path, record_id, data, None)
                files.remove(previous(path))
            except OSError as error:
                raise files.storage_error(error, f"making {record_id} again") from error
            action = f"kept as {' and '.join(kept)}; " if kept else ""
            action += "made again from its batch and the journal"
            finding = Finding(path=str(path), problem=problem, action=action, repaired=True)
            self._report(finding, None)
        return finding

    def set_lost_aside(self, record_id: str) -> Finding:
        """Move a record that is lost to quarantine, so that it is there no more; for those that nothing else needs.

        Raises `Conflict` when the record can be believed, or has gone meanwhile.
        """
        path = self._files.path(record_id)
        with self._files.locked(record_id):
            problem = self.lost_because(record_id)
            there = [file for file in (previous(path), path) if os.path.lexists(file)]  # a cut leaves it listed
            if problem is None or not there:
                raise Conflict(f"{record_id} is not lost; nothing is moved.")
            with files.explained(f"moving {path} to quarantine"):
                kept = [move_to_quarantine(self._layout, self._clock, file, problem).name for file in there]
            action = f"moved to {' and '.join(kept)}; it can be asked for again"
            finding = Finding(path=str(path), problem=problem, action=action, repaired=True)
            self._report(finding, None)
        return finding

    def _restore(
        self, path: Path, record_id: str, problem: str, before: tuple[Opened[T], bytes], tell: OnDamage | None
    ) -> None:
        action = "restored from the one before it; the last change may be lost"
        opened, raw = before
        gen = opened.gen + _LOST_GENERATIONS
        try:
            if os.path.lexists(path):
                moved = move_to_quarantine(self._layout, self._clock, path, problem)
                action = f"moved to {moved.name}; {action}"
            data = self._codec.encode(
                record_id, opened.value, gen=gen, epoch=opened.epoch, prev_crc=opened.crc, before=raw
            )
            self._write(path, record_id, data, None)
        except OSError as error:
            raise files.storage_error(error, f"restoring the state of {record_id}") from error
        self._report(Finding(path=str(path), problem=problem, action=action, repaired=True), tell)

    def _lost(self, path: Path, problem: str, tell: OnDamage | None) -> Damaged:
        """Neither file can be believed: both stay, so that the record is listed as damaged and never vanishes."""
        finding = Finding(path=str(path), problem=problem, action="left in place, listed as damaged", repaired=False)
        self._report(finding, tell)
        return Damaged(f"The state of {path.name.removesuffix(SUFFIX)} is damaged: {problem}")

    def _report(self, finding: Finding, tell: OnDamage | None) -> None:
        if tell is not None:
            tell(finding)
        self._on_damage(finding)


def _stored(opened: Opened[T]) -> Stored[T]:
    return Stored(opened.value, opened.gen, opened.epoch)


def _left(path: str, error: RepriseError | FileNotFoundError) -> Finding:
    problem = error.message if isinstance(error, RepriseError) else "The file is missing."
    return Finding(path=path, problem=problem, action="left as it is", repaired=False)


def _fence(record_id: str, stored: int, epoch: int | None) -> None:
    if epoch is not None and epoch < stored:
        raise Fenced(f"{record_id} belongs to a newer service (epoch {stored}); epoch {epoch} may not write it.")
