"""The files of the records of one kind: their names, the lock under which one is changed, and how one is opened."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from core.domain.errors import Damaged, RepriseError
from core.store.codec import MAX_BYTES, Codec, Opened
from core.store.layout import Layout, is_id
from core.store.locks import Lock
from core.store.protocol import previous
from core.system import files

T = TypeVar("T", bound=msgspec.Struct)

SUFFIX = ".json"
_LOCK_S = 20.0


class RecordFiles(Generic[T]):
    """One folder, a file and perhaps the one before it for each record whose id begins with `prefix`."""

    def __init__(self, layout: Layout, codec: Codec[T], folder: Path, prefix: str) -> None:
        self._layout, self._codec, self._folder, self._prefix = layout, codec, folder, prefix

    def locked(self, record_id: str) -> AbstractContextManager[None]:
        """Hold the record's lock for a block."""
        return Lock(self._layout.state_lock(record_id), named=False).holding(_LOCK_S)

    def path(self, record_id: str) -> Path:
        """The file of a record."""
        if record_id == "pool":
            return self._layout.pool_state()
        if self._prefix == "e_":
            return self._layout.export_state(record_id)
        return self._layout.run_state(record_id) if self._prefix == "r_" else self._layout.batch_state(record_id)

    def names(self) -> list[str]:
        """The names of all files that are ours, in no order."""
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries]
        except OSError as error:
            raise files.storage_error(error, f"listing {self._folder}") from error
        return [name for name in names if self._is_ours(name)]

    def open(self, path: Path | str, record_id: str) -> tuple[Opened[T], bytes]:
        """What a file holds and its bytes.

        Raises `FileNotFoundError`, `Damaged`, `NewerVersion`, and `StorageError` for what is no damage (EIO, EMFILE).
        """
        try:
            data = files.read_regular(path, MAX_BYTES)
        except FileNotFoundError:
            raise
        except OSError as error:
            if files.is_not_a_file(error):
                raise Damaged(f"There is something else in place of the state file: {error.strerror}.") from error
            raise files.storage_error(error, f"reading the state of {record_id}") from error
        return self._codec.decode(record_id, data), data

    def lost_because(self, record_id: str) -> str | None:
        """Why neither a record nor the one before it can be believed; None when one can, or cannot be read just now."""
        path = self.path(record_id)
        problems = []
        for file in (path, previous(path)):
            try:
                self.open(file, record_id)
            except FileNotFoundError:
                problems.append("The file is missing.")
            except Damaged as error:
                problems.append(error.message)
            except RepriseError:
                return None
            else:
                return None
        return " The one before it: ".join(problems)

    def _is_ours(self, name: str) -> bool:
        stem, suffix, rest = name.partition(SUFFIX)
        return (
            suffix == SUFFIX
            and rest in ("", ".prev")
            and (stem == "pool" if self._prefix == "pool" else is_id(stem, self._prefix))
        )
