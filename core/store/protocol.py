"""How a state file is replaced: the one protocol, in the order that lets a crash at any point leave the old or the new.

Temporary file, fsync, the present file kept as `.prev`, a last look that nothing changed underneath, rename, fsync of
the folder. Only when this has returned may anybody be told.
"""

import os
from pathlib import Path

from core.domain.errors import Fenced
from core.store.codec import MAX_BYTES
from core.system import files


def previous(path: Path) -> Path:
    """Where the file before the present one is kept."""
    return Path(f"{path}.prev")


def write_state(path: Path, data: bytes, before: bytes | None) -> None:
    """Replace the state file `path`, which holds `before` (None: there is none), by `data`. The caller holds its lock.

    Raises `OSError` when the disk refuses: the file is then the old one, or, when only the last fsync of the folder
    failed, the new one, but nothing is promised. Raises `Fenced` when the file is not what the caller has read.
    """
    name = str(path)  # from here on a name: a `Path` made for each step costs more than the step
    temporary = f"{name}.tmp"
    files.write_temporary(temporary, data)
    try:
        if before is not None:
            _keep(name)
            # Only a broken lock lets this differ (a deleted lock file, two hosts): better no write than a lost one.
            if files.read_regular(name, MAX_BYTES) != before:
                raise Fenced(f"{path.name} was changed by somebody who did not hold its lock.")
        os.replace(temporary, name)
        files.fsync_folder(os.path.dirname(name))
    except BaseException:
        files.remove(temporary)
        raise


def _keep(name: str) -> None:
    """The present file also as `.prev`, by a link, so that its own name is never absent."""
    link = f"{name}.prev.tmp"
    try:
        os.link(name, link, follow_symlinks=False)
    except FileExistsError:  # what a crash left
        os.unlink(link)
        os.link(name, link, follow_symlinks=False)
    os.replace(link, f"{name}.prev")
