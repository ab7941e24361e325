"""Files that are being sent to us: received piece by piece, on the disk as they come, resumable at the byte they broke at.

Each has a folder of its own, `uploads/<id>/`, with a note of what it is to become (`.upload`) and `<name>.part`, which is
renamed to `<name>` once every byte is durable. Nothing here knows of requests, so that every way in can use it.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from core.domain.errors import BadInput, NotFound, Refused
from core.store.layout import Layout
from core.system import files, pouring
from core.system.identity import boot_id

NOTE = ".upload"
PARTIAL = ".part"
REMOVED = ".removed"  # of a folder that is being removed; what a cut leaves of it is cleaned up like any upload
SYNC_BYTES = 64 * 2**20  # so much at most is sent again after a power cut, and waits in memory to be written
BEGIN_BYTES = 4 * 2**20  # the disk begins to write so many at a time
MAX_NOTE_BYTES = 64 * 1024
_ID = re.compile(r"[0-9a-f]{16}\Z")


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One file that is being sent, or was: `size` bytes are promised.

    `mark` is how its sender knows the file again, `group` what else is sent together with it. `durable` bytes are on the
    disk for certain; those after them are believed only until the machine starts anew (`boot`). `sha256` is what the
    whole has to be, where its sender said so.
    """

    id: str
    name: str
    size: int
    owner: str
    group: str = ""
    mark: str = ""
    sha256: str = ""
    durable: int = 0
    boot: str = ""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """How far an upload is: the bytes that need not be sent again, when the last came, and its file once it is whole."""

    upload: Upload
    bytes: int
    at: datetime
    path: Path | None = None


class UploadStore:
    """All uploads of a storage; from any process."""

    def __init__(self, layout: Layout) -> None:
        self._root = layout.uploads

    def begin(self, name: str, size: int, *, owner: str, group: str = "", mark: str = "", sha256: str = "") -> Received:
        """Make room for a file of `size` bytes under the harmless `name`; durable. Raises `StorageError`."""
        id_, boot = secrets.token_hex(8), boot_id()
        upload = Upload(id=id_, name=name, size=size, owner=owner, group=group, mark=mark, sha256=sha256, boot=boot)
        with files.explained(f"storing the upload {name}"):
            folder = self._folder(upload.id)
            files.make_folder(folder)
            _write(folder, upload)
        return self.find(id_)

    def find(self, upload_id: str) -> Received:
        """How far an upload is; raises `NotFound` when there is none of that id."""
        folder = self._folder(upload_id)
        upload = _read(folder)
        if upload is None:
            raise _not_there()
        path, part = folder / upload.name, folder / f"{upload.name}{PARTIAL}"
        if path.is_file():
            return Received(upload=upload, bytes=upload.size, at=_changed(path, folder), path=path)
        there = min(files.size_of(part), upload.size if upload.boot == boot_id() else upload.durable)
        return Received(upload=upload, bytes=there, at=_changed(part, folder))

    def all(self) -> Iterator[Received]:
        """Every upload there is, in no order."""
        with files.explained("looking through the uploads"):
            ids = [entry.name for entry in self._root.iterdir() if _ID.match(entry.name)]
        for upload_id in ids:
            with suppress(NotFound):  # removed meanwhile, or of an older version without a note
                yield self.find(upload_id)

    def open(self, upload_id: str, offset: int) -> "Receiver":
        """Go on receiving at `offset`, which has to be where it broke off; close it in the end.

        Raises `NotFound`, and `Refused` for another offset (code `offset`) or while somebody else is sending it
        (`upload_busy`).
        """
        found = self.find(upload_id)
        if found.path is not None:
            raise Refused("This upload is whole already.", code="upload_whole")
        return Receiver(self._folder(upload_id), found, offset)

    def remove(self, upload_id: str) -> bool:
        """Remove an upload, whole or not, and what was received of it; False when there is none."""
        folder = self._folder(upload_id)
        aside = folder.with_name(f"{upload_id}{REMOVED}")
        if not folder.is_dir():
            return False
        with files.explained("removing an upload"):
            try:
                folder.rename(aside)  # at once, so that who still writes to it finds all of it gone
            except FileNotFoundError:
                return False
            shutil.rmtree(aside)
            files.fsync_folder(self._root)
        return True

    def _folder(self, upload_id: str) -> Path:
        if not _ID.match(upload_id):
            raise NotFound("There is no such upload.")
        return self._root / upload_id


class Receiver:
    """One sender at a time: what it writes is appended; the last byte makes the file whole."""

    def __init__(self, folder: Path, found: Received, offset: int) -> None:
        self._folder, self.upload = folder, found.upload
        self._path = folder / f"{self.upload.name}{PARTIAL}"
        with self._storing():
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # What another sender added since we looked counts.
            there = found.bytes if self.upload.boot != boot_id() else os.fstat(self._fd).st_size
            if offset != there:
                raise Refused(
                    f"The upload goes on at byte {there}, not at {offset}.", hint="Ask how far it is.", code="offset"
                )
            os.ftruncate(self._fd, offset)
            os.lseek(self._fd, offset, os.SEEK_SET)
        except BlockingIOError:
            os.close(self._fd)
            raise Refused(
                "This file is being sent already, perhaps in another window.",
                hint="Wait for that, or remove it.",
                code="upload_busy",
            ) from None
        except BaseException:
            os.close(self._fd)
            raise
        self.bytes = self._noted = self._begun = offset

    def write(self, *pieces: bytes) -> None:
        """Append the `pieces`.

        Raises `BadInput` for more bytes than were promised, `StorageError` when the disk refuses, and `NotFound` when
        it was removed meanwhile, as far as that is noticed.
        """
        count = sum(map(len, pieces))
        if self.bytes + count > self.upload.size:
            raise BadInput(
                f"More than the {self.upload.size} bytes that were announced were sent.", hint="Upload the file again."
            )
        with self._storing():
            pouring.write_pieces(self._fd, pieces)
            self.bytes += count
            if self.bytes - self._noted >= SYNC_BYTES:
                self._sync()
            elif self.bytes - self._begun >= BEGIN_BYTES:
                pouring.begin_sync(self._fd, self._begun, self.bytes - self._begun)
                self._begun = self.bytes

    def take_back(self, offset: int) -> None:
        """Forget what was written from `offset` on; it may be sent again. Raises `StorageError`."""
        with self._storing():
            os.ftruncate(self._fd, offset)
            os.lseek(self._fd, offset, os.SEEK_SET)
            self.bytes = self._begun = offset
            if self._noted > offset:
                self._sync()

    def head(self, length: int) -> bytes:
        """The first bytes of what was received."""
        return os.pread(self._fd, length, 0)

    def close(self) -> Received:
        """Let go; what was written is durable, and the file whole if that was all of it.

        Raises `StorageError`, `NotFound` when it was removed meanwhile, and `BadInput` for a whole that is not what its
        sender said: it is begun anew then.
        """
        with self._storing():
            try:
                if self.bytes > self._noted or self.bytes == self.upload.size:
                    self._sync()
                if self.bytes == self.upload.size:
                    self._check()
                    self._path.rename(self._folder / self.upload.name)
                    files.fsync_folder(self._folder)
                    path = self._folder / self.upload.name
                    return Received(upload=self.upload, bytes=self.bytes, at=_changed(path, self._folder), path=path)
                if not self._folder.is_dir():
                    raise _not_there()
                return Received(upload=self.upload, bytes=self.bytes, at=_changed(self._path, self._folder))
            finally:
                os.close(self._fd)

    def abandon(self) -> None:
        """Let go without promising anything of what was written last."""
        os.close(self._fd)

    def _check(self) -> None:
        wanted = self.upload.sha256
        if wanted and files.sha256_file(self._path) != wanted:
            self.take_back(0)
            raise BadInput(
                "What arrived is not the file that was announced: its checksum is another.",
                hint="Upload the file again.",
                code="checksum",
            )

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """What the disk says is told as its trouble, unless the upload is simply not there any more."""
        try:
            yield
        except OSError as error:
            if not self._folder.is_dir():
                raise _not_there() from error
            raise files.storage_error(error, f"storing the upload {self.upload.name}") from error

    def _sync(self) -> None:
        os.fsync(self._fd)
        # Gigabytes that nobody reads soon would only push other files out of memory.
        os.posix_fadvise(self._fd, 0, self.bytes, os.POSIX_FADV_DONTNEED)
        self._noted = self._begun = self.bytes
        self.upload = msgspec.structs.replace(self.upload, durable=self.bytes, boot=boot_id())
        _write(self._folder, self.upload)


def _not_there() -> NotFound:
    return NotFound("There is no such upload; it was removed, or never begun.", hint="Upload the file again.")


def _changed(path: Path, folder: Path) -> datetime:
    """When the file `path` was last written to; while there is none, when the `folder` was made for it."""
    for one in (path, folder):
        with suppress(FileNotFoundError):
            return datetime.fromtimestamp(one.stat().st_mtime, UTC)
    raise _not_there()


def _write(folder: Path, upload: Upload) -> None:
    files.write_durably(folder / NOTE, msgspec.json.encode(upload))


def _read(folder: Path) -> Upload | None:
    """The note of an upload; None when there is none that can be believed."""
    try:
        return msgspec.json.decode(files.read_regular(folder / NOTE, MAX_NOTE_BYTES), type=Upload)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    except OSError as error:
        raise files.storage_error(error, "reading an upload") from error
