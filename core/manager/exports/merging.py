"""Making one merged video, in a process of its own: each step is kept, so that who begins again goes on where this ended."""

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from core.domain.cuts import Span
from core.domain.errors import Damaged, ErrorClass, StageError
from core.domain.exports import MERGED, PART, ExportRecord, Missing, Packed
from core.domain.run import Source
from core.domain.settings import Settings
from core.manager.exports.making import Made
from core.manager.exports.zipping import path_of, read_member
from core.runner.attempt import RunningAttempt
from core.runner.control import Control
from core.stages.rendering.groups import scratch_bytes
from core.stages.rendering.media import Media, look
from core.stages.rendering.parts import alike, merge, merge_spec, normalise, part_key, shown_s, suffix_for
from core.stages.rendering.spec import Spec
from core.stages.stage import Job, Units
from core.store.artifacts import Artifacts, Receipt
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import StateStore
from core.store.units import UnitLog
from core.system.clock import Clock
from core.system.files import free_bytes

_LOCK_S = 30.0
# What joining costs beside making a second of video alike.
_JOIN_SHARE = 0.05
_KEY_LENGTH = 32
MEGABYTE = 1e6


class Merger:
    """Makes merged videos of a storage."""

    def __init__(
        self, layout: Layout, store: StateStore, artifacts: Artifacts, clock: Clock, reserve_bytes: int
    ) -> None:
        self._layout, self._store, self._artifacts, self._clock = layout, store, artifacts, clock
        self._reserve_bytes = reserve_bytes

    def make(self, export_id: str) -> Made:
        """Make and publish the video of an export; one that is published already is taken.

        What cannot be read is left out and named. Raises `StageError`, and `RepriseError` of the storage.
        """
        record = self._store.exports.get(export_id).value
        with Lock(self._layout.key_lock(MERGED, record.key)).holding(_LOCK_S):
            return self._published(record) or self._make(record)

    def _published(self, record: ExportRecord) -> Made | None:
        """What is there under the key, unless it lacks what could be in it by now."""
        receipt = self._artifacts.verify(MERGED, record.key, deep=True)
        if receipt is None or not self._artifacts.touch(MERGED, record.key):  # young: not swept before it is named
            return None
        left_out = _left_out(record, receipt)
        unreadable = {record.videos[number].run_id for number in receipt.facts.get("unreadable", ())}
        missed = [member for member in record.videos if member.run_id in left_out.keys() - unreadable]
        if any(self._is_whole(member) for member in missed):
            shutil.rmtree(self._layout.artifact(MERGED, record.key))
            return None
        return _made(
            receipt,
            [_missing(member, left_out[member.run_id]) for member in record.videos if member.run_id in left_out],
        )

    def _make(self, record: ExportRecord) -> Made:
        work = self._layout.work(MERGED, record.key)
        attempt_id = f"a_{secrets.token_hex(8)}"
        began = self._clock.now()
        with self._attempt(record, work, attempt_id) as attempt:
            for old in work.glob("tmp.*"):
                shutil.rmtree(old)
            attempt.out.mkdir(mode=0o700)
            found, left_out, unreadable = self._sources(record, attempt)
            media = [medium for _, medium in found]
            attempt.log(f"{len(media)} videos, {'alike: they are copied' if alike(media) else 'made alike first'}")
            self._require_room(record, media)
            behind_s, total_s = 0.0, sum(medium.duration for medium in media) * (1 + _JOIN_SHARE)
            if not alike(media):
                media, behind_s = self._made_alike(found, attempt, total_s)
            name = f"merged.{suffix_for(media)}"
            merged = merge(
                media,
                attempt.out / name,
                work=work,
                check=attempt.check,
                on_progress=_scaled(attempt, behind_s, total_s, sum(float(shown_s(medium)) for medium in media)),
                log=attempt.log,
            )
            receipt = self._artifacts.publish(
                MERGED,
                record.key,
                attempt.out,
                Receipt(
                    stage=MERGED,
                    key=record.key,
                    version=1,
                    params={},
                    inputs={f"{number:04}": member.sha256 for number, member in enumerate(record.videos)},
                    facts={
                        "media": name,
                        "duration": merged.duration,
                        "left_out": {
                            str(number): missing.why
                            for number, member in enumerate(record.videos)
                            for missing in left_out
                            if missing.run_id == member.run_id
                        },
                        "unreadable": unreadable,
                    },
                    started_at=began,
                    attempt=attempt_id,
                ),
            )
        shutil.rmtree(work, ignore_errors=True)
        return _made(receipt, left_out)

    def _sources(
        self, record: ExportRecord, attempt: RunningAttempt
    ) -> tuple[list[tuple[Packed, Media]], list[Missing], list[int]]:
        """The videos that can be read, to their last byte as they were published; and those that cannot.

        The last are the numbers of those that are just what was published, and no video all the same.
        """
        found, left_out, unreadable = [], [], []
        for number, member in enumerate(record.videos, start=1):
            attempt.progress(0.0, None, f"looking at {number} of {len(record.videos)}")
            try:
                for _ in read_member(self._layout, member):
                    attempt.check()
                found.append((member, look(path_of(self._layout, member), attempt.check)))
            except Damaged as error:
                self._artifacts.verify(member.stage, member.key, deep=True)
                left_out.append(_missing(member, error.message))
            except StageError as error:
                if error.error_class not in (ErrorClass.NOT_MEDIA, ErrorClass.LIMIT_EXCEEDED, ErrorClass.INPUT_LOST):
                    raise
                left_out.append(_missing(member, error.message))
                if error.error_class == ErrorClass.NOT_MEDIA:
                    unreadable.append(number - 1)
        if not found:
            raise StageError(ErrorClass.NOT_MEDIA, "None of the videos can be read.")
        return found, left_out, unreadable

    def _made_alike(
        self, found: list[tuple[Packed, Media]], attempt: RunningAttempt, total_s: float
    ) -> tuple[list[Media], float]:
        """A part of one size and rate for each video, made or taken from the cache; and how far that is, in seconds."""
        spec = merge_spec([medium for _, medium in found])
        parts, behind_s = [], 0.0
        for number, (member, medium) in enumerate(found, start=1):
            note = f"{number} of {len(found)}: {member.title}"
            attempt.progress(behind_s, total_s, note)
            path = self._part(member, medium, spec, _PartOf(attempt, behind_s, total_s, medium.duration, note))
            parts.append(look(path, attempt.check))
            behind_s += medium.duration
        return parts, behind_s

    def _part(self, member: Packed, medium: Media, spec: Spec, of: "_PartOf") -> Path:
        """The part of one video, by its content and `spec`: made once, whatever it is merged with."""
        key = part_key(member.sha256, spec)[:_KEY_LENGTH]
        with Lock(self._layout.key_lock(PART, key)).holding(_LOCK_S):
            name = "part.mp4"
            if self._artifacts.verify(PART, key, deep=True) is None or not self._artifacts.touch(PART, key):
                work = self._layout.work(PART, key)
                attempt_id = f"a_{secrets.token_hex(8)}"
                units = UnitLog(work / "units.jsonl", attempt_id, 0)
                try:
                    of.begin(work, units)
                    for old in work.glob("tmp.*"):
                        shutil.rmtree(old)
                    out = work / f"tmp.{attempt_id}"
                    out.mkdir(mode=0o700)
                    normalise(medium, spec, attempt=of, out=out / name)
                    receipt = Receipt(
                        stage=PART, key=key, version=1, params={}, inputs={"media": member.sha256}, attempt=attempt_id
                    )
                    self._artifacts.publish(PART, key, out, receipt)
                finally:
                    units.close()
                shutil.rmtree(work, ignore_errors=True)
            return self._layout.artifact(PART, key) / name

    def _require_room(self, record: ExportRecord, media: list[Media]) -> None:
        """Raise `StageError(DISK_FULL)` unless what is made fits beside what is kept free.

        Parts stand there a second time, and one after another has its sound unpacked.
        """
        needed = sum(video.size for video in record.videos)
        if not alike(media):
            spec = merge_spec(media)
            unpacked = max(scratch_bytes(one, [Span(0.0, one.duration)], spec) for one in media)
            needed = 2 * needed + unpacked
        room = free_bytes(self._layout.root) - self._reserve_bytes
        if needed > room:
            raise StageError(
                ErrorClass.DISK_FULL,
                f"Merging takes about {needed / MEGABYTE:.0f} MB, and {max(0, room) / MEGABYTE:.0f} MB are free.",
                hint="Free some disk space, then try again.",
            )

    def _is_whole(self, member: Packed) -> bool:
        return self._artifacts.verify(member.stage, member.key, deep=True) is not None

    @contextlib.contextmanager
    def _attempt(self, record: ExportRecord, work: Path, attempt_id: str) -> Iterator[RunningAttempt]:
        units = UnitLog(work / "units.jsonl", attempt_id, 0)
        attempt = RunningAttempt(
            layout=self._layout,
            clock=self._clock,
            control=Control(),
            job=Job(space_id="", source=Source(kind="file", value=""), settings=Settings(), inputs={}),
            run_id=record.export_id,
            stage=MERGED,
            unit="seconds",
            attempt_id=attempt_id,
            key=record.key,
            work=work,
            units=units,
        )
        try:
            yield attempt
        finally:
            units.close()
            attempt.close()


class _PartOf:
    """The `Place` of one part: its own folder and units, and a share of the progress of the whole."""

    work: Path
    units: Units

    def __init__(self, attempt: RunningAttempt, behind_s: float, total_s: float, worth_s: float, note: str) -> None:
        self._attempt, self._behind_s, self._total_s, self._worth_s, self._note = (
            attempt,
            behind_s,
            total_s,
            worth_s,
            note,
        )

    def begin(self, work: Path, units: Units) -> None:
        """Work there, in these units."""
        self.work, self.units = work, units

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Tell how far the part is."""
        del note
        share = min(1.0, done / total) if total else 0.0
        self._attempt.progress(self._behind_s + share * self._worth_s, self._total_s, self._note)

    def log(self, text: str) -> None:
        """One line, in the log of the whole."""
        self._attempt.log(text)

    def check(self) -> None:
        """Raise `Stop` if the work has to end."""
        self._attempt.check()


def _scaled(attempt: RunningAttempt, behind_s: float, total_s: float, seconds: float) -> Callable[[float], None]:
    """What hears how many of these seconds are joined, which are what is left of the whole."""

    def tell(done_s: float) -> None:
        share = min(1.0, done_s / seconds) if seconds else 1.0
        attempt.progress(behind_s + share * (total_s - behind_s), total_s, "joining")

    return tell


def _missing(member: Packed, why: str) -> Missing:
    return Missing(run_id=member.run_id, title=member.title, why=why, lost=True)


def _left_out(record: ExportRecord, receipt: Receipt) -> dict[str, str]:
    """Why a run's video is not in what was published, by the run."""
    told: dict[str, str] = receipt.facts.get("left_out", {})
    return {record.videos[int(number)].run_id: why for number, why in told.items()}


def _made(receipt: Receipt, left_out: list[Missing]) -> Made:
    name, entry = next((name, entry) for name, entry in receipt.files.items())
    return Made(size=entry.size, sha256=entry.sha256, suffix=name[name.rfind(".") :], left_out=left_out)
