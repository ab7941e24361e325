"""Large files that come in: written in the pieces that they come in, with the disk at work meanwhile."""

import ctypes
import functools
import itertools
import os
from collections import deque
from collections.abc import Iterable

_MOST_PIECES = 1024  # as many as one call takes (IOV_MAX)
_SYNC_FILE_RANGE_WRITE = 2


def write_pieces(fd: int, pieces: Iterable[bytes]) -> None:
    """Write every byte of `pieces`, one after the other, without bringing them together first."""
    left = deque(memoryview(piece) for piece in pieces if piece)
    while left:
        written = os.writev(fd, list(itertools.islice(left, _MOST_PIECES)))
        while left and written >= len(left[0]):
            written -= len(left.popleft())
        if written:
            left[0] = left[0][written:]


def begin_sync(fd: int, offset: int, count: int) -> None:
    """Let the kernel begin to write these bytes to the disk, so that `fsync` finds less to do; promises nothing itself."""
    begin = getattr(_libc(), "sync_file_range", None)
    if begin is not None:  # of Linux, and for other file systems no more than a hint that is not taken
        begin(fd, ctypes.c_int64(offset), ctypes.c_int64(count), _SYNC_FILE_RANGE_WRITE)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
