"""Which paths a piece of code makes durable, in order: `os.fsync` is watched while it runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock


@contextmanager
def fsyncs() -> Iterator[list[Path]]:
    """A list that grows with the path of every file and folder that this process fsyncs in the block."""
    real, seen = os.fsync, []

    def fsync(fd: int) -> None:
        seen.append(Path(f"/proc/self/fd/{fd}").readlink())
        real(fd)

    with mock.patch("os.fsync", fsync):
        yield seen
