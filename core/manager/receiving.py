"""What may be uploaded: judged before the first byte comes, by its first bytes, and by how much is on its way already."""

import hashlib
import re
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from core.config import Config
from core.domain import names
from core.domain.access import Scope
from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput, NotFound, Refused, RepriseError, StorageError
from core.manager.access import EVERYTHING, Gate
from core.manager.index import Index
from core.stages.container import HEAD_BYTES, SUFFIXES, describe_other, sniff
from core.store.layout import Layout
from core.store.uploads import Received, Receiver, UploadStore
from core.system import files
from core.system.clock import Clock

Kind = Literal["media", "transcript", "archive"]
TRANSCRIPTS = frozenset({".srt", ".vtt", ".json"})
ARCHIVES = frozenset({".txt"})
MAX_TEXT_BYTES = 20 * 10**6
MOST_WAITING = 1000  # uploads of one owner that no run uses
# So long room is kept for what was announced and does not come; it may still come later, if there is room.
PROMISED = timedelta(hours=1)
MAX_WORD = 400  # as a page says: a name of 255 characters, a size and a time
LONGEST_NAME_BYTES = 180
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SUFFIX = re.compile(r"\.\w{1,9}", re.ASCII)
_filling = threading.Lock()


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as its sender sees it: `received` of `size` bytes; `path` once it is whole."""

    id: str
    name: str
    kind: Kind
    size: int
    received: int
    path: str | None = None


class Receiving:
    """Takes files in for one user, whose `gate` is asked; whoever else asks for them finds nothing."""

    def __init__(
        self, *, index: Index, layout: Layout, config: Config, clock: Clock, owner: str, gate: Gate = EVERYTHING
    ) -> None:
        self._index, self._root, self._config, self._owner = index, layout.uploads, config, owner
        self._clock, self._gate = clock, gate
        self._store = UploadStore(layout)

    def begin(self, name: str, size: int, *, group: str = "", mark: str = "", sha256: str = "") -> Sent:
        """Announce a file of `size` bytes; one that broke off under the same `mark` is gone on with.

        With `sha256`, 64 hexadecimal digits, the whole is compared with it.

        Raises `BadInput` for a name, kind or size that is not taken and for more files in a `group` than a batch holds,
        `Refused` while very many of the same owner are in no batch, `StorageError` when it does not fit on the disk
        together with what is on its way already.
        """
        self._gate.need(Scope.OPERATE, "uploading")
        kept, group, mark = stored_name(name), group[:MAX_WORD], mark[:MAX_WORD]
        if sha256 and not _SHA256.fullmatch(sha256):
            raise BadInput("A sha256 has 64 hexadecimal digits.", code="bad_checksum")
        self._check(kept, size)
        mine = [one for one in self._store.all() if one.upload.owner == self._owner]
        for one in mine:
            if mark and one.path is None and (one.upload.mark, one.upload.size) == (mark, size):
                return _sent(one)
        if kind_of(kept) == "media" and group:
            used = self._used()
            together = [one for one in mine if one.upload.group == group and one.upload.id not in used]
            if sum(kind_of(one.upload.name) == "media" for one in together) >= MAX_RUNS:
                raise BadInput(
                    f"A batch holds at most {MAX_RUNS} videos.",
                    hint="Put the rest into another batch.",
                    code="batch_full",
                )
        if len(mine) >= MOST_WAITING and len({one.upload.id for one in mine} - self._used()) >= MOST_WAITING:
            raise Refused(
                f"{MOST_WAITING} files are on their way or wait for a batch already.",
                hint="Put them into batches, or remove some.",
                code="too_many_uploads",
            )
        since = self._clock.now() - PROMISED
        promised = sum(one.upload.size - one.bytes for one in self._store.all() if one.at >= since)
        if size + promised > files.free_bytes(self._root) - self._config.free_space_bytes:
            raise StorageError(
                "There is not enough free disk space for this file.", hint="Free some, or add it by its path."
            )
        return _sent(self._store.begin(kept, size, owner=self._owner, group=group, mark=mark, sha256=sha256.lower()))

    def begin_in(self, slot: str, name: str, size: int, *, group: str) -> Sent:
        """Announce the one file of a `slot` of a batch, or go on with it; another that has not all come makes way for it.

        Raises what `begin` does, and `Refused` when a file has come there already.
        """
        mark = f"{slot}:{name}:{size}"[:MAX_WORD]
        with _filling:  # of two that come at once, one is the file
            for one in self._store.all():
                if one.upload.owner != self._owner or not one.upload.mark.startswith(f"{slot}:"):
                    continue
                if one.path is not None:
                    raise Refused(
                        "A file has come to this address already, and it takes one.",
                        hint=f"GET /api/uploads?group={group[:60]} tells of it; each file has an address of its own.",
                        code="upload_whole",
                    )
                if one.upload.mark != mark:
                    self._store.remove(one.upload.id)
            return self.begin(name, size, group=group, mark=mark)

    def find(self, upload_id: str) -> Sent:
        """How far an upload is. Raises `NotFound`."""
        return _sent(self._mine(upload_id))

    def open(
        self, upload_id: str, offset: int, announced: int | None = None, digest: bytes | None = None
    ) -> "Intaking":
        """Go on receiving at `offset`, `announced` bytes if that is known, whose SHA-256 is `digest` if that is.

        Raises as `UploadStore.open`, and `BadInput`.
        """
        self._gate.need(Scope.OPERATE, "uploading")
        found = self._mine(upload_id)
        if announced is not None and offset + announced > found.upload.size:
            raise BadInput(
                f"That would be more than the {found.upload.size} bytes that were announced.",
                hint="Upload the file again.",
            )
        receiver = self._store.open(upload_id, offset)
        return Intaking(self._store, receiver, self._root, self._config.free_space_bytes, digest)

    def cancel(self, upload_id: str) -> bool:
        """Remove an upload and what was received of it; False when there is none. One that a run reads is kept."""
        self._gate.need(Scope.OPERATE, "uploading")
        try:
            self._mine(upload_id)
        except NotFound:
            return False
        return upload_id not in self._used() and self._store.remove(upload_id)

    def waiting(self, group: str) -> list[Sent]:
        """What was sent in this group and is in no batch yet, by name."""
        used, whose = self._used(), (self._owner, group[:MAX_WORD])
        mine = [one for one in self._store.all() if (one.upload.owner, one.upload.group) == whose]
        return sorted((_sent(one) for one in mine if one.upload.id not in used), key=lambda one: (one.name, one.id))

    def _mine(self, upload_id: str) -> Received:
        found = self._store.find(upload_id)
        if found.upload.owner != self._owner:
            self._gate.foreign(upload_id)
            raise NotFound("There is no such upload; it was removed, or never begun.", hint="Upload the file again.")
        return found

    def _check(self, name: str, size: int) -> None:
        kind, limit = kind_of(name), self._config.max_media_bytes
        if size <= 0:
            raise BadInput("The file is empty.", hint="Choose another one.")
        if kind == "media" and size > limit:
            raise BadInput(
                f"The file is larger than {limit / 1e9:.1f} GB.",
                hint="Raise max_media_bytes in reprise.toml, or cut it.",
                code="too_large",
            )
        if kind != "media" and size > MAX_TEXT_BYTES:
            raise BadInput(
                f"A {kind} has at most {MAX_TEXT_BYTES / 1e6:.0f} MB.", hint="Choose another one.", code="too_large"
            )

    def _used(self) -> set[str]:
        """The ids of the uploads that some run names, as a path that ends in `<id>/<name>`."""
        runs, batches, _ = self._index.everything()
        sources = [run.source for run in runs.values()]
        sources += [member.source for batch in batches.values() for member in batch.members]
        return {Path(path).parent.name for source in sources for path in source.paths()}


class Intaking:
    """One sender's bytes on their way to the disk: looked at when enough of them are there."""

    def __init__(
        self, store: UploadStore, receiver: Receiver, root: Path, spare_bytes: int, digest: bytes | None = None
    ) -> None:
        self._begin, self._digest, self._sum = receiver.bytes, digest, hashlib.sha256() if digest else None
        self._store, self._receiver, self._root, self._spare_bytes = store, receiver, root, spare_bytes
        self._judged = kind_of(receiver.upload.name) != "media" or receiver.bytes >= HEAD_BYTES

    def write(self, *pieces: bytes) -> None:
        """Append the `pieces`; what turns out to be no video or sound is removed at once. Raises `BadInput`, `StorageError`."""
        if sum(map(len, pieces)) > files.free_bytes(self._root) - self._spare_bytes:
            raise StorageError("The disk is full.", hint="Free some disk space, then go on; what is here is kept.")
        self._receiver.write(*pieces)
        if self._sum is not None:
            for piece in pieces:
                self._sum.update(piece)
        if not self._judged and self._receiver.bytes >= min(HEAD_BYTES, self._receiver.upload.size):
            self._judge()

    def close(self) -> Sent:
        """Let go; everything written is durable then. Raises `BadInput` for bytes that are not those of the digest."""
        if self._sum is not None and self._sum.digest() != self._digest:
            self._receiver.take_back(self._begin)
            self._receiver.close()
            raise BadInput(
                "These bytes changed on their way: their checksum is another.",
                hint="Send them again.",
                code="checksum",
            )
        return _sent(self._receiver.close())

    def abandon(self) -> None:
        """Let go after an error; what was written may be gone on with, unless it was to be compared with a digest."""
        if self._sum is not None:
            with suppress(RepriseError):  # what the disk said first is what is told
                self._receiver.take_back(self._begin)
        self._receiver.abandon()

    def _judge(self) -> None:
        self._judged = True
        head = self._receiver.head(HEAD_BYTES)
        if sniff(head) is None:
            self._store.remove(self._receiver.upload.id)
            raise BadInput(
                f"The file holds no video or sound: it is {describe_other(head)}.",
                hint="Choose a file such as .mp4, .mov, .webm, .mkv, .mp3, .m4a or .wav.",
                code="not_media",
            )


def kind_of(name: str) -> Kind:
    """What a file of this name is taken for."""
    suffix = Path(name).suffix.lower()
    return "transcript" if suffix in TRANSCRIPTS else "archive" if suffix in ARCHIVES else "media"


def stored_name(given: str) -> str:
    """`given` as a harmless name of one file, as near to it as can be; raises `BadInput` when nothing is left of it."""
    name = Path(given).name.lstrip(".")
    suffix = Path(name).suffix if _SUFFIX.fullmatch(Path(name).suffix) else ""
    stem = names.safe(name.removesuffix(suffix), LONGEST_NAME_BYTES)
    if not re.search(r"[^\W_]", stem):
        raise BadInput("This file has no name that can be kept.", hint="Rename it and upload it again.")
    return stem + suffix


def _sent(found: Received) -> Sent:
    return Sent(
        id=found.upload.id,
        name=found.upload.name,
        kind=kind_of(found.upload.name),
        size=found.upload.size,
        received=found.bytes,
        path=str(found.path) if found.path is not None else None,
    )


__all__ = ["SUFFIXES", "Intaking", "Receiving", "Sent", "kind_of", "stored_name"]
