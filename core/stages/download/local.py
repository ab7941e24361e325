"""A file of the user, brought into the storage: reflinked where the file system can, else copied; never hard-linked,
since whoever edits the original must not edit what was published."""

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.domain.run import Source, Work
from core.stages.stage import Attempt
from core.system.shortage import shortage

FICLONE = 0x40049409
CHUNK_BYTES = 1024 * 1024
NAME = "source.0"


def bring_in(attempt: Attempt, source: Source) -> tuple[Path, Work]:
    """The bytes of `source` as `work/source.0`, durable and compared with the checksum taken when it was added.

    Takes over what an earlier attempt copied. Raises `StageError` with INPUT_LOST when the file is gone, unreadable or
    another one, with DISK_FULL when there is no room.
    """
    target = attempt.work / NAME
    before = _stamp(source)
    reused = _continue(attempt, source, target)
    if _digest(attempt, target, source) != source.sha256 and source.sha256 is not None:
        attempt.units.lost(target.stat().st_size)
        target.unlink()
        if reused:
            # The half that was there may be the culprit; once more from the beginning tells.
            return bring_in(attempt, source)
        raise StageError(ErrorClass.INPUT_LOST, "The file is not the one that was added: its content has changed.")
    if _stamp(source) != before:
        raise StageError(ErrorClass.INPUT_LOST, "The file changed while it was being copied.")
    return target, Work(unit="bytes", done=float(before[0] - reused), reused=float(reused))


def _stamp(source: Source) -> tuple[int, int]:
    try:
        found = Path(source.value).stat()
    except OSError as error:
        raise StageError(ErrorClass.INPUT_LOST, f"The file cannot be read any more: {error.strerror}.") from error
    if source.size is not None and found.st_size != source.size:
        raise StageError(
            ErrorClass.INPUT_LOST,
            f"The file is not the one that was added: it has {found.st_size} bytes instead of {source.size}.",
        )
    return found.st_size, found.st_mtime_ns


def _continue(attempt: Attempt, source: Source, target: Path) -> int:
    """Copy what is missing in `target`; gives how many bytes were there already."""
    try:
        with Path(source.value).open("rb") as origin, target.open("ab") as copy:
            total = os.fstat(origin.fileno()).st_size
            reused = min(copy.tell(), total)
            if copy.tell() > total:
                copy.truncate(0)
                reused = 0
            if not reused and _reflink(origin, copy):
                os.fsync(copy.fileno())
                return 0
            origin.seek(reused)
            done = reused
            while chunk := origin.read(CHUNK_BYTES):
                attempt.check()
                copy.write(chunk)
                done += len(chunk)
                attempt.progress(done, total, "copying")
            copy.flush()
            os.fsync(copy.fileno())
            return reused
    except OSError as error:
        lost = StageError(ErrorClass.INPUT_LOST, f"The file cannot be copied: {error.strerror}.")
        raise (shortage(error) or lost) from error


def _reflink(origin: Any, copy: Any) -> bool:
    with suppress(OSError):
        fcntl.ioctl(copy.fileno(), FICLONE, origin.fileno())
        return True
    return False


def _digest(attempt: Attempt, path: Path, source: Source) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            attempt.check()
            digest.update(chunk)
            done += len(chunk)
            attempt.progress(done, source.size, "checking")
    return digest.hexdigest()
