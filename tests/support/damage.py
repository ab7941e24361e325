"""What can be wrong with a file that should hold a record."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.store.state import StateStore
from tests.support.storage import RUN


def path_of(store: StateStore) -> Path:
    """The state file of the run."""
    return store.layout.run_state(RUN)


def quarantined(store: StateStore) -> list[str]:
    """The names of what was set aside, without the notes beside it."""
    return sorted(path.name for path in store.layout.quarantine.iterdir() if not path.name.endswith(".why.txt"))


def flip(path: Path, at: int = 20) -> None:
    """Turn over one bit of byte `at`."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "bit": flip,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(b"\0" * 4096),
    "missing": lambda path: path.unlink(),
    "fifo": _fifo,
    "symlink": _link,
    "folder": _folder,
    "huge": _huge,
}
