"""Secrets of one storage: made when first needed, whole or not at all, readable by its owner alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from core.system import files

_BYTES = 32


class Secret:
    """Random bytes in one file, the same for every process of this storage.

    They are kept as they are, or as text for a person to copy (`text`).
    """

    def __init__(self, path: Path, *, text: bool = False) -> None:
        self._path, self._length = path, 2 * _BYTES if text else _BYTES
        self._text = text

    def get(self) -> bytes:
        """The secret: 32 bytes, or 64 hexadecimal digits. Raises `StorageError`."""
        with files.explained(f"reading {self._path}"):
            try:
                found = files.read_regular(self._path, 2 * self._length)
                if len(found) == self._length:
                    return found
            except FileNotFoundError:
                pass
            self._make()
            return files.read_regular(self._path, 2 * self._length)

    def _make(self) -> None:
        """Put a secret in place, whole; of two that do so at once the first wins. One cut short is replaced."""
        files.make_folder(self._path.parent)
        temporary = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.tmp")
        made = secrets.token_hex(_BYTES).encode() if self._text else secrets.token_bytes(_BYTES)
        files.write_temporary(temporary, made)
        try:
            # Only what is there: another process may put its own in place just now, and be believed already.
            if os.path.lexists(self._path) and files.size_of(self._path) != self._length:
                self._path.unlink()
            with suppress(FileExistsError):
                os.link(temporary, self._path)
            files.fsync_folder(self._path.parent)
        finally:
            temporary.unlink()
