"""Files that are still there after a power cut: the primitives every durable write of the product is made of.

They follow one rule: nothing is acknowledged before the bytes and the name are on the disk. After any error the caller
gets the `OSError`, and no `fsync` is tried a second time on the same descriptor: Linux drops the dirty pages and reports
the loss only once.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from core.domain.errors import StorageError
from core.system.lines import CrcLines, crc_line, parse_crc_line, read_crc_lines, scan_crc_lines

__all__ = ["CrcLines", "crc_line", "parse_crc_line", "read_crc_lines", "scan_crc_lines"]  # one seam, two files

CHUNK_BYTES = 1024 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: a FIFO must not hang us
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def storage_error(error: OSError, doing: str) -> StorageError:
    """`error` as one sentence for people: what could not be done (`doing`), and why."""
    if error.errno in _FULL:
        return StorageError(f"The disk is full: {doing} failed.", hint="Free some disk space, then try again.")
    return StorageError(f"{doing[:1].upper()}{doing[1:]} failed: {error.strerror or error}.")


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns an `OSError` of the block into the `StorageError` that says that `doing` failed."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, doing) from error


def is_not_a_file(error: OSError) -> bool:
    """Whether `read_regular` failed because of what is there (symlink, folder, FIFO, too large), not of the disk."""
    return error.errno in (errno.ELOOP, errno.EINVAL, errno.EFBIG, errno.EISDIR, errno.ENXIO)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte of `data`, however short the single writes are."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def fsync_folder(path: Path | str) -> None:
    """Make the names in folder `path` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(path: Path, *, durable: bool = True) -> None:
    """Folder `path` and all above it, durable, mode 0700 where new; a symlink or file in its place is an error.

    Without `durable` a power cut may take it away again, and all in it, until this is called once more with it.
    """
    missing: list[Path] = []
    folder = path
    if durable and path.is_dir():
        with contextlib.suppress(PermissionError):  # then it was not made by us
            fsync_folder(path.parent)  # a crash may have kept its name from the disk
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):
            new.mkdir(0o700)
        if durable:
            fsync_folder(new.parent)
    if path.is_symlink() or not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "there is something else in its place", str(path))


def open_new(path: Path | str) -> int:
    """A descriptor of the new, empty file `path`, mode 0600; what a crash left under that name is replaced."""
    try:
        return os.open(path, _NEW, 0o600)
    except FileExistsError:
        Path(path).unlink()
        return os.open(path, _NEW, 0o600)


def write_new(path: Path | str, data: bytes) -> None:
    """The new file `path` with `data`, nothing of it durable yet; for what `publish_folder` publishes."""
    fd = open_new(path)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def write_temporary(path: Path | str, data: bytes) -> None:
    """The file `path` with `data`, its bytes durable but not yet its name; removed again after an error."""
    try:
        fd = open_new(path)
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        remove(path)
        raise


def write_durably(path: Path, data: bytes) -> None:
    """`path` holds `data`, whole and durable, or what it held before. Raises `OSError`; then it is not to be relied on."""
    temporary = f"{path}.tmp"
    write_temporary(temporary, data)
    try:
        Path(temporary).replace(path)
        fsync_folder(path.parent)
    except OSError:
        remove(temporary)
        raise


def remove(path: Path | str) -> None:
    """Remove the file `path` if it is there; a failure to do so is not worth hiding the error that led here."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def read_regular(path: Path | str, limit_bytes: int) -> bytes:
    """The content of the regular file `path`; symlinks, FIFOs and folders are refused, and more than the limit too.

    Raises `OSError`: ELOOP for a symlink, EINVAL for something that is no file, EFBIG beyond `limit_bytes`.
    """
    fd = os.open(path, _READ)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > limit_bytes:
            raise OSError(errno.EFBIG, "larger than any such file may be", str(path))
        data = os.read(fd, status.st_size + 1)
        while len(data) < status.st_size and (more := os.read(fd, CHUNK_BYTES)):
            data += more
        return data
    finally:
        os.close(fd)


def open_append(path: Path, *, durable: bool = True) -> int:
    """A descriptor that appends to `path`, which is made (0600, its name durable if asked for) when it is not there."""
    fd = os.open(path, _APPEND, 0o600)
    try:
        # An empty one may be what a crash left before its name was durable.
        if durable and os.fstat(fd).st_size == 0:
            fsync_folder(path.parent)
    except OSError:
        os.close(fd)
        raise
    return fd


def append_durably(fd: int, data: bytes) -> None:
    """Append `data` to a descriptor of `open_append` and make it durable.

    The caller is the only writer. After an error the file is cut back to what it was, as far as the disk allows, and
    the descriptor must not be used again.
    """
    size = os.fstat(fd).st_size
    try:
        write_all(fd, data)
        os.fsync(fd)
    except OSError:
        # Else the torn line stays; its checksum is wrong, and whoever opens the file next cuts it off.
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size)
        raise


def publish_folder(temporary: Path, final: Path) -> bool:
    """Make everything in folder `temporary` durable and rename it to `final`, whose parent is there already.

    False when `final` is already there: whoever comes second finds it, and `temporary` is left as it is.
    """
    for folder, _, names in os.walk(temporary, topdown=False, onerror=reraise):
        for name in names:
            fsync_file(os.path.join(folder, name))
        fsync_folder(folder)
    try:
        temporary.rename(final)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        raise
    fsync_folder(final.parent)
    if temporary.parent != final.parent:
        fsync_folder(temporary.parent)
    return True


@contextlib.contextmanager
def saving(target: Path) -> Iterator[Path]:
    """A place to write a file to that a person asked for; it is durable and called `target` only if the block ends well.

    Raises `StorageError` when it cannot be written.
    """
    temporary = target.with_name(f".{target.name[:60]}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        fsync_file(temporary)
        temporary.replace(target)
    except OSError as error:
        raise StorageError(
            f"{target} could not be written: {error.strerror or error}.", hint="Choose another place with -o."
        ) from error
    finally:
        remove(temporary)


def fsync_file(path: Path | str) -> None:
    """Make the bytes of the file `path` durable."""
    fd = os.open(path, _READ)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def reraise(error: OSError) -> None:
    """For `os.walk`, which would otherwise pass over what it cannot read."""
    raise error


def sha256_file(path: Path | str, on_progress: Callable[[int], None] | None = None) -> str:
    """The SHA-256 of the regular file `path` in hex; `on_progress` is told the bytes read so far."""
    digest = hashlib.sha256()
    read = 0
    fd = os.open(path, _READ)
    try:
        while chunk := os.read(fd, CHUNK_BYTES):
            digest.update(chunk)
            read += len(chunk)
            if on_progress is not None:
                on_progress(read)
    finally:
        os.close(fd)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """The bytes of the regular file `path`; 0 when there is none, or it was renamed while we looked."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return 0
    return state.st_size if stat.S_ISREG(state.st_mode) else 0


def free_bytes(path: Path) -> int:
    """What this user may still write on the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def total_bytes(path: Path) -> int:
    """The size of the file system of `path`."""
    status = os.statvfs(path)
    return status.f_blocks * status.f_frsize


def filesystem_kind(path: Path) -> str:
    """The kind of file system `path` lies on, as the kernel names it (`ext4`, `nfs4`, `fuse.sshfs`), or `unknown`."""
    wanted = os.path.realpath(path)
    best, kind = -1, "unknown"
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return kind
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        if (wanted == mount or wanted.startswith(mount.rstrip("/") + "/")) and len(mount) >= best:
            best, kind = len(mount), right.split(" ", 1)[0]
    return kind
