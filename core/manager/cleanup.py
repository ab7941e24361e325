"""Cleaning up: batches that ended long ago are archived and removed, and so is what nothing needs. Shown before, journaled after."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from core.domain.access import Actor, Scope
from core.domain.batch import BatchRecord
from core.domain.batch_commands import delete_batch, purge_batch
from core.domain.errors import Refused
from core.domain.exports import OPEN, ExportRecord
from core.domain.retention import ages, is_due, is_due_soon, untouched_since
from core.domain.run import RunRecord
from core.manager.access import EVERYTHING, Gate
from core.manager.archive import Archive
from core.manager.exports.removing import exporting, remove_export
from core.manager.exports.shelf import ExportShelf
from core.manager.index import Index
from core.manager.purge import Purge
from core.manager.sweep import Sweep, Unused
from core.manager.uploads import Uploads
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.locks import Lock
from core.store.state import StateStore
from core.system import files

WAIT_S = 10.0
SERVICE = "service"


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that ended long ago: when the last thing happened to it, and the bytes of its results.

    What another batch needs too is counted in `bytes` and stays.
    """

    batch_id: str
    name: str
    owner: str
    runs: int
    since: datetime
    bytes: int


class OldExport(msgspec.Struct, frozen=True, kw_only=True):
    """An export that can not be fetched any more since long ago."""

    export_id: str
    batch_id: str
    owner: str
    name: str
    since: datetime


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a clean-up would do now, and what is due within a week (`soon`). `hindered` says why nothing is swept."""

    batches: tuple[Old, ...]
    soon: tuple[Old, ...]
    exports: tuple[OldExport, ...]
    unused: tuple[Unused, ...]
    hindered: str
    cleaned_at: datetime | None

    @property
    def freed(self) -> int:
        """The room that it would make, at most."""
        return sum(one.bytes for one in self.batches) + sum(one.bytes for one in self.unused)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.batches or self.exports or self.unused)


class Cleanup:
    """Cleans one storage, in one process at a time."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        artifacts: Artifacts,
        store: StateStore,
        purge: Purge,
        uploads: Uploads,
        sweep: Sweep,
        kept_s: float,
        gate: Gate = EVERYTHING,
    ) -> None:
        self._index, self._writer, self._artifacts, self._store = index, writer, artifacts, store
        self._layout, self._clock = store.layout, store.clock
        self._purge, self._uploads, self._sweep = purge, uploads, sweep
        self.archive = Archive(store.layout, artifacts, store.clock, gate.actor)
        self._kept_s, self._gate = kept_s, gate

    def within(self, gate: Gate) -> "Cleanup":
        """The same for somebody else: what is another's is not told of, and only an administrator cleans up."""
        return Cleanup(
            index=self._index,
            writer=self._writer,
            artifacts=self._artifacts,
            store=self._store,
            purge=self._purge,
            uploads=self._uploads,
            sweep=self._sweep,
            kept_s=self._kept_s,
            gate=gate,
        )

    def plan(self) -> Plan:
        """What would be done now, of what this actor sees; changes nothing. Raises `StorageError`."""
        with files.explained("looking at what is kept"):
            plan = self._plan()
        return plan if self._gate.actor.may(Scope.ADMIN) else _within(plan, self._gate.actor)

    def _plan(self) -> Plan:
        now = self._clock.now()
        runs, batches, pool = self._index.everything()
        known = ages(batches, runs.values())
        of: dict[str, list[RunRecord]] = {batch_id: [] for batch_id in known}
        for run in runs.values():
            if run.batch_id in of:
                of[run.batch_id].append(run)

        def old(batch_id: str) -> Old:
            batch, mine = batches[batch_id], of[batch_id]
            return Old(
                batch_id=batch_id,
                name=batch.name,
                owner=batch.owner,
                runs=sum(not run.removed for run in mine),
                since=known[batch_id],
                bytes=self._weight(mine),
            )

        return Plan(
            batches=tuple(old(batch_id) for batch_id in self._due(known, now)),
            soon=tuple(old(batch_id) for batch_id, since in known.items() if is_due_soon(since, now, self._kept_s)),
            exports=tuple(_told(record) for record in self._old_exports(now)),
            unused=tuple(self._sweep.find()),
            hindered=_hindered(self._sweep.blind(), self._sweep.lost_exports()),
            cleaned_at=pool.cleaned_at,
        )

    def clean(self, by: str) -> Plan:
        """Do what `plan` tells, all of it; gives that plan. Raises `Refused` when another process is at it, `StorageError`, `NotAllowed`."""
        self._gate.need(Scope.ADMIN, "clean up")
        plan = self.plan()
        lock = Lock(self._layout.cleanup_lock())
        if not lock.acquire(WAIT_S):
            raise Refused("Another process is cleaning up this storage.", hint="Wait for it, then look again.")
        try:
            with files.explained("cleaning up"):
                for _ in self._steps(by):
                    pass
        finally:
            lock.release()
        return plan

    def steps(self, by: str) -> Iterator[str]:
        """The steps of a clean-up, each taken and then told; none when another process is at it. Raises `StorageError`."""
        lock = Lock(self._layout.cleanup_lock())
        if not lock.acquire():
            return
        try:
            with files.explained("cleaning up"):
                yield from self._steps(by)
        finally:
            lock.release()

    def _steps(self, by: str) -> Iterator[str]:
        runs, batches, pool = self._index.everything()
        now = self._clock.now()
        # Nobody finds old batches gone who has just begun to use this version: they are shown for a day first.
        unseen = pool.cleaned_at is None and by == SERVICE
        for batch_id in [] if unseen else self._due(ages(batches, runs.values()), now):
            if self._retire(batch_id, by):
                yield f"archived {batch_id}"
                self._purge.finish(batch_id, wait_s=0.0)
                yield f"removed {batch_id}"
        for record in self._old_exports(now):
            self.archive.keep_export(record, by)
            remove_export(self._store, record)
            self._writer.note("export.archived", actor=by, batch_id=record.batch_id, data={"name": record.name})
            yield f"removed {record.export_id}"
        self._uploads.clean()
        yield "uploads"
        yield from self._sweep.steps()
        self._writer.pool(lambda pool: msgspec.structs.replace(pool, cleaned_at=self._clock.now()))
        yield "cleaned"

    def _old_exports(self, now: datetime) -> list[ExportRecord]:
        return [
            record
            for record in ExportShelf(self._store).all()
            if record.phase not in OPEN and is_due(_since(record), now, self._kept_s)
        ]

    def _retire(self, batch_id: str, by: str) -> bool:
        """Archive a batch and mark it for removal, if it is still due; whether it was."""
        batch = self._index.batches.get(batch_id)
        if batch is None or not self._is_due(batch, self._index.runs_of(batch_id)):
            return False
        self.archive.keep(batch, self._index.runs_of(batch_id), by)

        def mark(batch: BatchRecord) -> BatchRecord:
            for run in self._index.runs_of(batch_id):  # as their files are now: who retries one holds this lock too
                self._index.refresh("run", run.run_id)
            runs = self._index.runs_of(batch_id)
            if not self._is_due(batch, runs):
                return batch
            now, since = self._clock.now(), untouched_since(batch, runs)
            deleted = delete_batch(batch, runs, now, by=by, why=f"untouched since {since:%Y-%m-%d}")
            return purge_batch(deleted, now)

        with Lock(self._layout.exports_lock()).holding(WAIT_S):  # nobody begins an export of it meanwhile
            after = self._writer.batch(batch_id, mark, command="archive", actor=by, data={"name": batch.name})
        if not after.purging:
            self._layout.archived(batch_id).unlink(missing_ok=True)  # somebody wants it after all
        return after.purging

    def _due(self, since: Mapping[str, datetime], now: datetime) -> list[str]:
        """The batches that are not kept any longer; who exports one of them needs it as long as the export is good."""
        held = exporting(self._store, now)
        return [one for one, at in since.items() if one not in held and is_due(at, now, self._kept_s)]

    def _is_due(self, batch: BatchRecord, runs: list[RunRecord]) -> bool:
        since = untouched_since(batch, runs)
        return since is not None and bool(self._due({batch.batch_id: since}, self._clock.now()))

    def _weight(self, runs: list[RunRecord]) -> int:
        places = {(name, state.key) for run in runs for name, state in run.stages.items() if state.key}
        receipts = (self._artifacts.receipt(stage, key) for stage, key in places)
        return sum(entry.size for receipt in receipts if receipt is not None for entry in receipt.files.values())


def _hindered(damaged: list[str], exports: list[str]) -> str:
    """Why not all can be swept; empty when it can."""
    if damaged:
        return f"What is needed cannot be known while {', '.join(damaged)} cannot be read."
    if exports:
        return (
            f"Merged videos are not swept while {', '.join(exports)} cannot be read;"
            " ./reprise check --repair moves that out of the way."
        )
    return ""


def _since(record: ExportRecord) -> datetime:
    """When an export was last of use."""
    return max(record.updated_at, record.expires_at or record.updated_at)


def _told(record: ExportRecord) -> OldExport:
    return OldExport(
        export_id=record.export_id, batch_id=record.batch_id, owner=record.owner, name=record.name, since=_since(record)
    )


def _within(plan: Plan, actor: Actor) -> Plan:
    """What of a plan is `actor`'s; results that nothing needs are nobody's."""
    return msgspec.structs.replace(
        plan,
        batches=tuple(one for one in plan.batches if actor.sees(one.owner)),
        soon=tuple(one for one in plan.soon if actor.sees(one.owner)),
        exports=tuple(one for one in plan.exports if actor.sees(one.owner)),
        unused=(),
        hindered="",
    )


def document(plan: Plan) -> dict[str, Any]:
    """A plan as the JSON of the outside contract."""
    return {**msgspec.to_builtins(plan), "bytes": plan.freed}
