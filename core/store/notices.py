"""What people are told, in one file that the service writes whole, and what each of them has read."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import msgspec

from core.domain.errors import Damaged
from core.domain.outbox import Board
from core.store.codec import MAX_BYTES, Codec
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.quarantine import move_to_quarantine
from core.system import files
from core.system.clock import Clock

_NAME = "board"
_LOCK_S = 10.0
_MAX_READ_BYTES = 64 * 1024


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has read: every notice up to the number `to`, and `also` some after it."""

    to: int = 0
    also: list[int] = msgspec.field(default_factory=list)

    def has(self, number: int) -> bool:
        """Whether the notice with this number was read."""
        return number <= self.to or number in self.also


class NoticeStore:
    """The notices of one storage. Only the service writes the board; who has read what is written by any process."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout, self._clock = layout, clock
        self._codec: Codec[Board] = Codec("notices", Board)
        self._known: tuple[tuple[int, int, int], Board] | None = None

    def board(self) -> Board | None:
        """The board as it is now; None when there is none yet. Raises `Damaged` and `StorageError`."""
        path = self._layout.board()
        with files.explained("reading the notices"):
            try:
                state = path.stat()
                stamp = (state.st_ino, state.st_mtime_ns, state.st_size)
                if self._known is not None and self._known[0] == stamp:
                    return self._known[1]
                data = files.read_regular(path, MAX_BYTES)
            except FileNotFoundError:
                return None
        board = self._codec.decode(_NAME, data).value
        self._known = (stamp, board)
        return board

    def write(self, board: Board) -> None:
        """Make the board this one, whole and durable. Raises `StorageError`."""
        with files.explained("writing the notices"):
            files.write_durably(self._layout.board(), self._codec.encode(_NAME, board, gen=1, epoch=0))

    def set_aside(self, error: Damaged) -> None:
        """Move a board that cannot be believed out of the way. Raises `StorageError`."""
        with files.explained("setting the notices aside"):
            move_to_quarantine(self._layout, self._clock, self._layout.board(), error.message)

    def read(self, person: str) -> Read:
        """What somebody has read; nothing when that is not known. Raises `StorageError`."""
        with files.explained("reading who has read what"):
            try:
                data = files.read_regular(self._of(person), _MAX_READ_BYTES)
                return msgspec.json.decode(data, type=Read)
            except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
                return Read()

    def mark(self, person: str, change: Callable[[Read], Read]) -> Read:
        """Change what somebody has read, durably. Raises `StorageError`."""
        with Lock(self._layout.notices_lock(), named=False).holding(_LOCK_S):
            before = self.read(person)
            after = change(before)
            if after != before:
                with files.explained("writing who has read what"):
                    files.write_durably(self._of(person), msgspec.json.encode(after))
        return after

    def _of(self, person: str) -> Path:
        """Their file; whatever they are called, two of them never have the same one."""
        return (
            self._layout.notices / f"{blake2b(person.encode('utf-8', 'replace'), digest_size=16).hexdigest()}.read.json"
        )
