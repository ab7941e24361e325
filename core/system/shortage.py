"""What it means for an attempt that the machine had no more of something to give."""

import errno

from core.domain.errors import ErrorClass, StageError

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})
_FOR_NOW = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})


def shortage(error: BaseException | None) -> StageError | None:
    """`error` as a full disk, a file longer than is allowed, or too few descriptors or processes; None for all others.

    The first and the last pass, so the attempt is made again; they say nothing about the source.
    """
    if not isinstance(error, OSError):
        return None
    if error.errno in _DISK:
        return StageError(ErrorClass.DISK_FULL, "The disk is full.")
    if error.errno == errno.EFBIG:
        return StageError(
            ErrorClass.LIMIT_EXCEEDED,
            "A file became longer than this system allows a file to be.",
            hint="Raise the limit of the service (ulimit -f), or use a smaller file; then retry.",
        )
    if error.errno in _FOR_NOW:
        return StageError(
            ErrorClass.UNKNOWN,
            f"This machine had no more processes, open files or memory to spare ({error.strerror}).",
            hint="The run tries again by itself; if it lasts, raise the limits of the service (ulimit -n, ulimit -u).",
        )
    return None
