"""Asking for an export: what it would be, making its record, cancelling it. The same asked for twice is one export."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

import msgspec

from core.domain.access import Scope
from core.domain.batch import BatchRecord
from core.domain.errors import NotFound, Refused
from core.domain.exports import (
    MERGED,
    OPEN,
    ExportOptions,
    ExportPhase,
    ExportRecord,
    Missing,
    Packed,
    asked_to_cancel,
    cancelled,
    renewed,
)
from core.domain.merge_size import merged_bytes
from core.domain.package_names import check_pattern, package_name
from core.domain.packing import packed
from core.domain.states import TERMINAL, BatchPhase
from core.manager.access import EVERYTHING, Gate
from core.manager.exports.finding import Finding
from core.manager.exports.listing import listed
from core.manager.exports.shelf import ExportShelf
from core.manager.exports.zipping import Package, gone
from core.manager.index import Index
from core.manager.writer import Writer
from core.store.artifacts import Artifacts, stage_key
from core.store.layout import Layout, new_export_id
from core.store.locks import Lock
from core.store.state import StateStore
from core.system.clock import Clock

MERGE_FORMAT = 1  # raised when the same videos must be merged into something else
SUFFIXES = {"zip": ".zip", "playlist": ".m3u8"}
_UNDER_WAY = frozenset({BatchPhase.RUNNING})


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an export would be: its name, files and size in bytes, of which `exact` says whether it is more than a guess.

    `unfinished` counts the videos that are still being worked on; `refusal` says why it cannot be made as things are.
    """

    name: str
    members: list[Packed]
    missing: list[Missing]
    size: int | None
    exact: bool
    duration_s: float
    unfinished: int
    refusal: str = ""

    @property
    def videos(self) -> list[Packed]:
        """The videos in it."""
        return [member for member in self.members if member.kind == "video"]


class Asking:
    """Makes the records of exports. Whoever asks needs no service; a merged video needs one to be made."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        store: StateStore,
        artifacts: Artifacts,
        shelf: ExportShelf,
        clock: Clock,
        kept_s: float,
        gate: Gate = EVERYTHING,
    ) -> None:
        self._gate = gate
        self._index, self._writer, self._store, self._artifacts = index, writer, store, artifacts
        self._shelf, self._clock, self._kept = shelf, clock, timedelta(seconds=kept_s)
        self._layout: Layout = store.layout
        self._finding = Finding(index, artifacts)

    def plan(self, batch_id: str, options: ExportOptions) -> Plan:
        """What an export of the batch would be now. Raises `NotFound`, and `BadInput` for a pattern that is none."""
        batch = self.there(batch_id)
        check_pattern(options.pattern)
        members, missing = packed(self._finding.runs(batch_id, options), options, batch.name)
        videos = [member for member in members if member.kind == "video"]
        unfinished = sum(run.phase not in TERMINAL or run.intent.again for run in self._index.runs_of(batch_id))
        name = package_name(batch.name, SUFFIXES.get(options.format) or ".mp4")
        size, exact = self._size(batch, options, members)
        return Plan(
            name=name,
            members=members,
            missing=missing,
            size=size if videos else None,
            exact=exact,
            duration_s=round(sum(video.duration_s or 0.0 for video in videos), 3),
            unfinished=unfinished if batch.phase in _UNDER_WAY else 0,
            refusal="" if videos else _nothing(batch, missing),
        )

    def ask(
        self, batch_id: str, options: ExportOptions, *, by: str, partial: bool = False
    ) -> tuple[ExportRecord, bool]:
        """The export, durable, and whether it is new; one that is there already and still good is given again.

        It can be fetched for at least half of the time that exports are kept: one that is near its end is kept anew.
        `partial` takes what is finished of a batch that is still at work. Raises `Refused` when there is nothing to
        export, or when the batch is still at work and `partial` is not given; `NotAllowed`.
        """
        self._gate.need(Scope.OPERATE, "export")
        with Lock(self._layout.exports_lock()).holding():
            self._index.refresh("batch", batch_id)  # who cleans up holds this lock too
            plan, batch = self.plan(batch_id, options), self.there(batch_id)
            if plan.unfinished and not partial:
                raise Refused(
                    f"Batch {batch_id} is still at work: {plan.unfinished} of its videos are not finished.",
                    hint="Wait, or take what is finished with --partial.",
                    code="not_finished",
                )
            if plan.refusal:
                raise Refused(
                    plan.refusal, hint=f"./reprise show {batch_id} tells how far they are.", code="nothing_to_export"
                )
            record = self._record(batch, options, plan, by)
            for known in self._shelf.of_batch(batch_id):
                if known.same == record.same and self._is_good(known, plan):
                    return self._renewed(known), False
            self._store.exports.create(record.export_id, record)
        self._writer.note(
            "command.export",
            actor=by,
            batch_id=batch_id,
            data={"export": record.export_id, **msgspec.to_builtins(options), "videos": len(record.videos)},
        )
        return record, True

    def cancel(self, export_id: str, *, by: str) -> ExportRecord:
        """Ask for the end of an export that is being made; one that nobody has begun ends at once.

        Raises `Refused`, `NotAllowed`.
        """
        self._gate.need(Scope.OPERATE, "cancel an export")
        self._shelf.get(export_id)
        now = self._clock.now()

        def change(record: ExportRecord) -> ExportRecord:
            asked = asked_to_cancel(record, by, now)
            waits = asked is not record and record.phase == ExportPhase.QUEUED
            return cancelled(asked, now) if waits else asked

        after = self._store.exports.update(export_id, change).value
        self._writer.note("command.cancel_export", actor=by, batch_id=after.batch_id, data={"export": export_id})
        return after

    def _renewed(self, known: ExportRecord) -> ExportRecord:
        now = self._clock.now()
        if renewed(known, now, self._kept) is known:
            return known
        return self._store.exports.update(known.export_id, lambda record: renewed(record, now, self._kept)).value

    def there(self, batch_id: str) -> BatchRecord:
        """A batch that can be exported from; raises `NotFound`, also for one that was deleted."""
        batch = self._index.batch(batch_id)
        if batch.phase == BatchPhase.DELETED:
            raise NotFound(f"Batch {batch_id} was deleted.", hint=f"./reprise restore {batch_id} brings it back.")
        return batch

    def _is_good(self, record: ExportRecord, plan: Plan) -> bool:
        """Whether who asks for the same may have this one: not if it lacks a video that may be whole again by now."""
        if record.phase in OPEN:
            return record.cancel_by is None
        if record.phase != ExportPhase.READY or record.expired(self._clock.now()):
            return False
        if record.options.format == "merged":
            has_all = {video.run_id for video in plan.videos} == {video.run_id for video in record.videos}
            return has_all and self._artifacts.verify(MERGED, record.key, deep=False) is not None
        return not gone(self._layout, record.members)

    def _record(self, batch: BatchRecord, options: ExportOptions, plan: Plan, by: str) -> ExportRecord:
        now = self._clock.now()
        made_at_once = options.format != "merged"
        said = msgspec.json.encode([batch.batch_id, batch.name, options, plan.members, plan.missing])
        return ExportRecord(
            export_id=new_export_id(self._clock),
            batch_id=batch.batch_id,
            owner=by,
            name=plan.name,
            options=options,
            same=hashlib.sha256(said).hexdigest()[:32],
            created_at=now,
            updated_at=now,
            phase=ExportPhase.READY if made_at_once else ExportPhase.QUEUED,
            members=plan.members,
            missing=plan.missing,
            size=plan.size if made_at_once else None,
            duration_s=plan.duration_s,
            key="" if made_at_once else merged_key(plan.videos),
            started_at=now if made_at_once else None,
            completed_at=now if made_at_once else None,
            expires_at=now + self._kept if made_at_once else None,
        )

    def _size(self, batch: BatchRecord, options: ExportOptions, members: Sequence[Packed]) -> tuple[int, bool]:
        """The bytes of the export, and whether that is exact."""
        if options.format == "zip":
            return Package(self._layout, members, self._clock.now()).size, True
        if options.format == "merged":
            return merged_bytes(members), False
        return len(listed(batch.name, members, lambda _, member: quote(member.name)).encode()), False


def merged_key(videos: Sequence[Packed]) -> str:
    """The key of these videos merged, by their content and order: who merges the same again finds it."""
    inputs = {f"{number:04}": video.sha256 for number, video in enumerate(videos)}
    return stage_key(MERGED, MERGE_FORMAT, {}, inputs, 0)


def _nothing(batch: BatchRecord, missing: Sequence[Missing]) -> str:
    why = f": {missing[0].why}" if len(missing) == 1 else ""
    return f"Nothing of batch {batch.batch_id} can be exported{why or ' yet' if missing else ''}."
