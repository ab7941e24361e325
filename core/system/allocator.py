"""How this process's C library keeps memory: large arrays that come and go should not go back to the kernel each time.

The encoder of a speech model takes and frees buffers of up to 72 MB a layer. glibc maps each of them anew, so that the
kernel clears the same pages again and again: 30 % of the encoder's time (`bench/transcription.py`). A server that receives files
has the same with pieces of some MB: a fifth of the time of an upload (`bench/uploads.py`).
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

# malloc.h of glibc; the numbers are part of its binary interface.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_NEVER = -1
KEPT_BYTES = 16 * 2**20


def keep_freed_memory() -> bool:
    """From now on freed memory stays with this process, in one heap that all threads share, until `give_back`.

    False where the C library is not glibc; nothing is changed then. Call it before threads that allocate are started.
    """
    # One arena: the heaps of other arenas are too small for such buffers and would be left for the kernel's again.
    return _set((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER))


def keep_some_freed_memory() -> bool:
    """From now on about `KEPT_BYTES` of freed memory stay with each heap; False where the C library is not glibc."""
    return _set((_M_MMAP_THRESHOLD, KEPT_BYTES // 4), (_M_TRIM_THRESHOLD, KEPT_BYTES))


def _set(*settings: tuple[int, int]) -> bool:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(name, value) == 1 for name, value in settings)


def give_back() -> None:
    """Hand what is free to the kernel now, as when a worker has nothing to do."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Ten thousand records are a million objects and no garbage: looking for some would double the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
