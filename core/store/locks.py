"""Kernel locks: held means alive, free means dead, at once.

It is `flock` on a file that is never deleted: after an unlink two processes would each hold "the" lock. A free lock is
taken by that one call, a tenth of what `filelock` costs for it; a held one is waited for by `filelock`.
"""

import contextlib
import fcntl
import functools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from core.domain.errors import StorageError
from core.domain.run import Owner
from core.system import files
from core.system.identity import this_process

_POLL_S = 0.01
_GRACE_S = 0.005  # a probe by `held_by_other` takes the lock for microseconds; that is not yet "held"
_OWNER_BYTES = 4096
_LOCKFILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class _Replaced(Exception):
    """The path names another file than the one just locked."""


class Lock:
    """One exclusive lock at `path`, of one process; may be taken in one thread and released in another.

    `named` writes the identity of the holder into the file, for messages. Errors of the disk or of the process (no
    more descriptors) are `StorageError`, never taken for "held by another".
    """

    def __init__(self, path: Path, *, named: bool = True) -> None:
        self.path = path
        self._named = named
        self._fd: int | None = None  # that of a lock taken at once
        self._waited: FileLock | None = None  # that of a lock waited for

    def acquire(self, timeout_s: float = 0) -> bool:
        """Take the lock, waiting up to `timeout_s` seconds for another holder; False when it is still held then.

        Raises `StorageError` when the path cannot be a lock (folder, symlink, FIFO) or this lock is held already.
        """
        if self.held():
            raise StorageError(f"The lock {self.path.name} is already held by this process.")
        self._fd = self._take_at_once()
        return self._fd is not None or self._wait(timeout_s)

    def release(self) -> None:
        """Let go; nothing happens when it is not held."""
        if (fd := self._fd) is not None:
            self._fd = None
            with contextlib.suppress(OSError):  # either of the two frees it, and nothing written waits for them
                try:
                    fcntl.flock(fd, fcntl.LOCK_UN)  # a child between fork and exec may still have the descriptor
                finally:
                    os.close(fd)
        if (waited := self._waited) is not None:
            self._waited = None
            waited.release()

    def __del__(self) -> None:
        """A lock that nobody can release any more is not held any more."""
        self.release()

    @contextmanager
    def holding(self, timeout_s: float = 10.0) -> Iterator[None]:
        """Hold the lock for a block. Raises `StorageError` naming the holder when it is not free in time."""
        if not self.acquire(timeout_s):
            raise StorageError(
                f"{self.path.name} stayed locked for {timeout_s:g} s{_by(self.holder())}.",
                hint="Try again; if it lasts, look at that process.",
            )
        try:
            yield
        finally:
            self.release()

    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None or self._waited is not None

    def held_by_other(self) -> bool:
        """Whether somebody else, in this process or another, holds the lock now. Takes nothing and makes no file."""
        if self.held():
            return False
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.storage_error(error, f"looking at the lock {self.path}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError as error:
            raise files.storage_error(error, f"looking at the lock {self.path}") from error
        finally:
            os.close(fd)
        return False

    def holder(self) -> Owner | None:
        """Who took the lock last, if that is written in it; for messages only, the kernel alone knows who holds it."""
        try:
            return msgspec.json.decode(files.read_regular(self.path, _OWNER_BYTES), type=Owner)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _take_at_once(self) -> int | None:
        """A descriptor that holds the lock; None when it has to be waited for. Raises `StorageError`."""
        with files.explained(f"taking the lock {self.path}"):
            fd = os.open(self.path, _LOCKFILE, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._acquired(fd)
            except (BlockingIOError, _Replaced):
                os.close(fd)
                return None
            except BaseException:
                os.close(fd)
                raise
            return fd

    def _wait(self, timeout_s: float) -> bool:
        lock = FileLock(
            str(self.path), mode=0o600, thread_local=False, fallback_to_soft=False, on_acquired=self._acquired
        )
        while True:
            try:
                lock.acquire(timeout=max(timeout_s, _GRACE_S), poll_interval=min(_POLL_S, max(timeout_s, 0.002)))
            except Timeout:
                return False
            except _Replaced:
                continue
            except OSError as error:
                raise files.storage_error(error, f"taking the lock {self.path}") from error
            self._waited = lock
            return True

    def _acquired(self, fd: int) -> None:
        _check_path(fd, self.path)
        if self._named:
            # The name is for messages only: a full disk must not keep anybody from the lock.
            # Cut to its length afterwards: a file cut to nothing and written again is flushed when it is closed (ext4).
            with contextlib.suppress(OSError):
                name = _own_name(os.getpid())
                os.pwrite(fd, name, 0)
                os.ftruncate(fd, len(name))


def _check_path(fd: int, path: Path) -> None:
    """That the lock file open as `fd` is the regular file at `path`; else others lock another one."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"The lock {path} is not a regular file.", hint="Move it away, then try again.")
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        raise _Replaced from None
    if (named.st_dev, named.st_ino) != (status.st_dev, status.st_ino):
        raise _Replaced


@functools.lru_cache(maxsize=1)
def _own_name(pid: int) -> bytes:
    return msgspec.json.encode(this_process(pid)) + b"\n"


def _by(owner: Owner | None) -> str:
    return "" if owner is None else f" by process {owner.pid} on {owner.host}"
