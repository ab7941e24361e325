"""Mistakes planted on purpose: a harness that does not find them proves nothing."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.store import protocol
from core.system import files


def _write_without_fsync(path: Path | str, data: bytes) -> None:
    fd = files.open_new(path)
    files.write_all(fd, data)
    os.close(fd)


def _append_without_fsync(fd: int, data: bytes) -> None:
    files.write_all(fd, data)


def _nothing(*_: Any) -> None:
    return


def _publish_before_fsync() -> None:
    files.write_temporary = _write_without_fsync
    files.fsync_file = _nothing


def _no_folder_fsync() -> None:
    files.fsync_folder = _nothing


def _forget_units() -> None:
    files.append_durably = _append_without_fsync


def _write_in_place() -> None:
    def write_state(path: Path, data: bytes, before: bytes | None) -> None:
        del before
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        half = len(data) // 2
        files.write_all(fd, data[:half])
        files.write_all(fd, data[half:])
        os.fsync(fd)
        os.close(fd)
        files.fsync_folder(path.parent)

    from core.store import records

    protocol.write_state = write_state
    records.write_state = write_state


def _ack_after_errors() -> None:
    real = os.fsync

    def fsync(fd: int) -> None:
        try:
            real(fd)
        except OSError:
            return

    os.fsync = fsync


FAULTS: dict[str, Callable[[], None]] = {
    "": _nothing,
    "publish before fsync": _publish_before_fsync,
    "no folder fsync": _no_folder_fsync,
    "forget units.jsonl": _forget_units,
    "write in place": _write_in_place,
    "ack after errors": _ack_after_errors,
}


def apply(fault: str) -> None:
    """Plant `fault` (empty: none) into this process, for the rest of its life."""
    FAULTS[fault]()
