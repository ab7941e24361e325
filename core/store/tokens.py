"""Tokens as they are kept: one file each, which any process may write and every process reads before it believes it."""

import os
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from core.domain.access import TokenRecord
from core.domain.errors import NotFound
from core.store.layout import Layout
from core.system import files

MAX_BYTES = 16 * 1024
SUFFIX = ".json"
USED = ".used"
_ID = re.compile(r"[0-9a-f]{12}\Z")
_Stamp = tuple[int, int]


class TokenStore:
    """The tokens of one storage. Thread-safe; what another process changed is known at the next look."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.tokens
        self._guard = threading.Lock()
        self._known: dict[str, tuple[_Stamp, TokenRecord]] = {}

    def put(self, record: TokenRecord) -> None:
        """Keep a token, durably, in the place of what was kept under its id. Raises `StorageError`."""
        with files.explained("keeping a token"):
            files.write_durably(self._path(record.id), msgspec.json.encode(record))

    def get(self, token_id: str) -> TokenRecord:
        """The token of this id as its file is now. Raises `NotFound`, also for a file that is none; `StorageError`."""
        path = self._path(token_id)
        with files.explained("reading a token"):
            try:
                status = os.lstat(path)
                stamp = (status.st_ino, status.st_mtime_ns)
                with self._guard:
                    known = self._known.get(token_id)
                if known is not None and known[0] == stamp:
                    return known[1]
                record = msgspec.json.decode(files.read_regular(path, MAX_BYTES), type=TokenRecord)
            except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
                raise NotFound("There is no such token.", hint="./reprise token list shows them.") from None
        with self._guard:
            self._known[token_id] = (stamp, record)
        return record

    def all(self) -> list[TokenRecord]:
        """Every token there is, the oldest first; files that are none are left out. Raises `StorageError`."""
        with files.explained("listing the tokens"):
            ids = [path.stem for path in self._folder.iterdir() if path.suffix == SUFFIX and _ID.match(path.stem)]
        found = []
        for token_id in ids:
            try:
                found.append(self.get(token_id))
            except NotFound:
                continue
        return sorted(found, key=lambda record: (record.created_at, record.id))

    def used(self, token_id: str, at: datetime) -> None:
        """Note that a token was used; not durable. Raises `StorageError`."""
        path = self._path(token_id).with_suffix(USED)
        with files.explained("noting the use of a token"):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            os.utime(path, (at.timestamp(), at.timestamp()))

    def used_at(self, token_id: str) -> datetime | None:
        """When a token was used last, as far as it was noted."""
        try:
            return datetime.fromtimestamp(self._path(token_id).with_suffix(USED).lstat().st_mtime, UTC)
        except OSError:
            return None

    def _path(self, token_id: str) -> Path:
        if not _ID.match(token_id):
            raise NotFound("There is no such token.", hint="./reprise token list shows them.")
        return self._folder / f"{token_id}{SUFFIX}"
