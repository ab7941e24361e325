"""Where damaged things go: out of the way, never away."""

from pathlib import Path

import msgspec

from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock, rfc3339


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the storage that is not as it should be: where, what, what was done, and whether that repaired it."""

    path: str
    problem: str
    action: str
    repaired: bool


def move_to_quarantine(layout: Layout, clock: Clock, path: Path, why: str) -> Path:
    """Rename `path` (file, folder or symlink itself) into the quarantine, durably, with a note beside it.

    Gives its new path. Raises `OSError`; `FileNotFoundError` when somebody else has just moved it.
    """
    files.make_folder(layout.quarantine)
    stamp = rfc3339(clock.now()).replace(":", "").replace(".", "")
    place = "-".join(path.parent.relative_to(layout.root).parts) if path.is_relative_to(layout.root) else "outside"
    for number in range(1000):
        target = layout.quarantine / f"{stamp}-{place}-{path.name}{f'.{number}' if number else ''}"
        if not target.exists() and not target.is_symlink():
            break
    path.rename(target)
    files.fsync_folder(path.parent)
    files.write_durably(Path(f"{target}.why.txt"), f"{path}\n{why}\n".encode(errors="replace"))
    return target
