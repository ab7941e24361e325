"""A ZIP that is made while it is sent: straight from the published files, nothing stored, its size known before."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from zipstream import ZipStream

from core.domain.errors import Damaged
from core.domain.exports import Packed
from core.store.layout import Layout
from core.system import files

CHUNK_BYTES = 1024 * 1024


class Broken(Damaged):
    """A file of an export is not what was published any more; `member` is which."""

    hint = "Make a new export."

    def __init__(self, message: str, member: Packed) -> None:
        super().__init__(message)
        self.member = member


_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FIRST_YEAR = 1980  # of a ZIP


class Package:
    """The ZIP of these members, in their order; the same members and the same `made_at` give the same bytes.

    Every byte is compared with what was published. A member that is gone or another than it was ends the stream with
    `Broken`, before the end that a ZIP needs: nobody can take a part of it for the whole.
    """

    def __init__(self, layout: Layout, members: Sequence[Packed], made_at: datetime) -> None:
        self._layout, self._members, self._made_at = layout, members, made_at

    @property
    def size(self) -> int:
        """How many bytes it will have."""
        return len(self._zip())

    @property
    def etag(self) -> str:
        """What tells its bytes from those of another."""
        said = [f"{member.name}\0{member.size}\0{member.sha256}\0{member.text}" for member in self._members]
        return hashlib.sha256("\n".join([self._made_at.isoformat(), *said]).encode()).hexdigest()[:32]

    def stream(self, start: int = 0) -> Iterator[bytes]:
        """Its bytes from `start` on. Raises `Broken`; what comes before `start` is read and compared all the same."""
        skip = start
        for piece in self._zip():
            if skip < len(piece):
                yield piece[skip:] if skip else piece
            skip = max(0, skip - len(piece))

    def _zip(self) -> ZipStream:
        made = _Dated(self._made_at)
        for member in self._members:
            content = read_text(member) if member.kind == "note" else read_member(self._layout, member)
            made.add(content, member.name, size=member.size)
        return made


class _Dated(ZipStream):  # type: ignore[misc]  # it has no types
    """Files that are not on the disk under their names get the present time from the library; these get one that stays."""

    def __init__(self, made_at: datetime) -> None:
        super().__init__(sized=True)
        self._date = (max(made_at.year, _FIRST_YEAR), *made_at.timetuple()[1:6])

    def _gen_file_entry(self, **entry: Any) -> Iterator[bytes]:
        pieces = super()._gen_file_entry(**entry)
        header = bytearray(next(pieces))
        year, month, day, hour, minute, second = self._date
        header[10:12] = (hour << 11 | minute << 5 | second // 2).to_bytes(2, "little")
        header[12:14] = ((year - _FIRST_YEAR) << 9 | month << 5 | day).to_bytes(2, "little")
        yield bytes(header)
        yield from pieces
        self._filelist[-1].date_time = self._date


def path_of(layout: Layout, member: Packed) -> Path:
    """Where the published file of a member lies."""
    return layout.artifact(member.stage, member.key) / member.file


def gone(layout: Layout, members: Sequence[Packed]) -> list[Packed]:
    """Those whose file is not there in its size any more."""
    return [member for member in members if member.kind != "note" and not _is_there(path_of(layout, member), member)]


def _is_there(path: Path, member: Packed) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == member.size


def read_text(member: Packed) -> Iterator[bytes]:
    """What the export itself says in a file."""
    yield member.text.encode()


def read_member(layout: Layout, member: Packed) -> Iterator[bytes]:
    """The bytes of a member; raises `Broken` where they are not, to the last one, what was published."""
    digest = hashlib.sha256()
    try:
        fd = os.open(path_of(layout, member), _OPEN)
    except OSError as error:
        raise Broken(f"{member.name} is gone: {error.strerror}.", member) from error
    try:
        left = member.size
        while left > 0 and (piece := os.read(fd, min(CHUNK_BYTES, left))):
            left -= len(piece)
            digest.update(piece)
            if left == 0 and (os.read(fd, 1) or digest.hexdigest() != member.sha256):
                break  # the last piece is held back: what was sent is known to be wrong before it is whole
            yield piece
        else:
            if left == 0:
                return
    except OSError as error:
        raise files.storage_error(error, f"reading {member.name}") from error
    finally:
        os.close(fd)
    raise Broken(f"{member.name} is not what was published any more.", member)
