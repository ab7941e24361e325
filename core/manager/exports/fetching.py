"""Fetching what was exported: by a link that is good for a while, or into a file on this machine."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from core.domain.batch import BatchRecord
from core.domain.errors import Damaged, Gone, NotFound, Refused
from core.domain.exports import MERGED, ExportPhase, ExportRecord, Packed
from core.domain.states import BatchPhase
from core.manager.exports.listing import listed
from core.manager.exports.shelf import ExportShelf
from core.manager.exports.zipping import Broken, Package, gone, path_of, read_member
from core.manager.index import Index
from core.manager.links import WHOLE, Links
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock
from core.system.logs import Log

log = Log("exports")


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What can be fetched: its name, its size in bytes, what tells it from another, and its bytes from any place on.

    `path` is the one file that it is, where it is one.
    """

    name: str
    size: int
    etag: str
    stream: Callable[[int], Iterator[bytes]]
    path: Path | None = None


class Fetching:
    """Gives what is ready, as long as its time is not over and every file of it is still what it was."""

    def __init__(
        self, *, index: Index, layout: Layout, artifacts: Artifacts, shelf: ExportShelf, links: Links, clock: Clock
    ) -> None:
        self._index, self._layout, self._artifacts = index, layout, artifacts
        self._shelf, self._links, self._clock = shelf, links, clock

    def link(self, record: ExportRecord, member: int | None = None) -> str:
        """The address below `/api/exports/` where the export, or one of its members, is fetched until it expires."""
        until = record.expires_at or self._clock.now()
        what = WHOLE if member is None else str(member)
        last, signature = self._links.sign(record.export_id, what, until)
        place = "download" if member is None else f"files/{member}"
        return f"/api/exports/{record.export_id}/{place}?{urlencode({'until': last, 'signature': signature})}"

    def check(self, export_id: str, what: str, until: str, signature: str) -> None:
        """Raises `NotFound` or `Gone` unless this is a link of ours, for this, whose time is not over."""
        self._links.check(export_id, what, until, signature, self._clock.now())

    def whole(self, record: ExportRecord, where: Callable[[int, Packed], str]) -> Fetched:
        """The export itself; `where` tells a playlist where its videos are found.

        Raises `Refused` while it is not ready, `Gone` after its time, `NotFound` when its batch was deleted, and
        `Damaged` naming a file that is not there any more.
        """
        self._check_ready(record)
        made_at = record.completed_at or record.created_at
        match record.options.format:
            case "zip":
                self._check_there(record.members)
                package = Package(self._layout, record.members, made_at)
                return Fetched(
                    name=record.name,
                    size=package.size,
                    etag=package.etag,
                    stream=lambda start: self.told(record, package.stream(start)),
                )
            case "playlist":
                text = listed(self._batch(record).name, record.members, where).encode()
                return Fetched(
                    name=record.name, size=len(text), etag=record.same, stream=lambda start: iter([text[start:]])
                )
        return self._merged(record)

    def member(self, record: ExportRecord, number: int) -> Fetched:
        """One video of a playlist; raises as `whole` does, and `NotFound` when it has no such member."""
        self._check_ready(record)
        if not 0 <= number < len(record.members) or record.members[number].kind != "video":
            raise NotFound(f"Export {record.export_id} has no file {number}.")
        return self._file(record.members[number])

    def save(self, record: ExportRecord, target: Path, told: Callable[[int, int], None]) -> Path:
        """Write the export to `target`, or into it when it is a folder; whole under its name or not at all.

        `told` hears the bytes written so far and all. A playlist names the files on this machine. Raises what `whole`
        does, and `StorageError` when it cannot be written.
        """
        fetched = self.whole(record, lambda _, member: path_of(self._layout, member).as_uri())
        path = target / fetched.name if target.is_dir() else target
        written = 0
        with files.saving(path) as temporary, temporary.open("wb") as file:
            for piece in fetched.stream(0):
                file.write(piece)
                written += len(piece)
                told(written, fetched.size)
            if written != fetched.size:
                raise Damaged(f"{path.name} came out with {written} bytes instead of {fetched.size}.")
        return path.absolute()

    def broken(self, record: ExportRecord, now: datetime) -> str:
        """Why something that was ready cannot be fetched any more; empty when it can, or its time is over anyway."""
        if record.phase != ExportPhase.READY or record.expired(now):
            return ""
        if record.options.format == "merged":
            whole = self._artifacts.receipt(MERGED, record.key) is not None
            return "" if whole else "The merged video is gone."
        lost = gone(self._layout, record.members)
        return f"{lost[0].name} is gone{f', and {len(lost) - 1} more' if len(lost) > 1 else ''}." if lost else ""

    def told(self, record: ExportRecord | None, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What comes in `pieces`; an artifact that turns out to be damaged goes to quarantine, so that it is made again."""
        try:
            yield from pieces
        except Broken as error:
            found = self._artifacts.verify(error.member.stage, error.member.key, deep=True)
            log.error(
                "export_broken",
                export=record.export_id if record is not None else None,
                file=error.member.name,
                error=error.message,
                whole=found is not None,
            )
            raise

    def _merged(self, record: ExportRecord) -> Fetched:
        receipt = self._artifacts.receipt(MERGED, record.key)
        if receipt is None or not receipt.files:
            raise Damaged("The merged video is gone.", hint="Make a new export.")
        name, entry = next(iter(receipt.files.items()))
        video = Packed(
            name=record.name,
            kind="video",
            stage=MERGED,
            key=record.key,
            file=name,
            size=entry.size,
            sha256=entry.sha256,
        )
        return self._file(video)

    def _file(self, member: Packed) -> Fetched:
        self._check_there([member])
        return Fetched(
            name=member.name,
            size=member.size,
            etag=member.sha256,
            stream=lambda start: self.told(None, _from(read_member(self._layout, member), start)),
            path=path_of(self._layout, member),
        )

    def _check_ready(self, record: ExportRecord) -> None:
        self._batch(record)
        if record.phase != ExportPhase.READY:
            raise Refused(
                f"Export {record.export_id} is {record.phase}.",
                hint="./reprise exports tells how far it is.",
                code="not_ready",
            )
        if record.expired(self._clock.now()):
            raise Gone(f"Export {record.export_id} has expired.", hint="Make a new one.")

    def _check_there(self, members: list[Packed]) -> None:
        for lost in gone(self._layout, members):
            raise Damaged(f"{lost.name} is gone, so this export cannot be whole.", hint="Make a new export.")

    def _batch(self, record: ExportRecord) -> BatchRecord:
        batch = self._index.batches.get(record.batch_id)
        if batch is None or batch.phase == BatchPhase.DELETED:
            raise NotFound("The batch of this export was deleted.", hint="A deleted batch can be restored.")
        return batch


def _from(pieces: Iterator[bytes], start: int) -> Iterator[bytes]:
    for piece in pieces:
        if start < len(piece):
            yield piece[start:] if start else piece
        start = max(0, start - len(piece))
