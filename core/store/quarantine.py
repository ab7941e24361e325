"""Where damaged things go: out of the way, never away."""

import itertools
import os
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
    target = _place(layout, clock, path)
    path.rename(target)
    files.fsync_folder(path.parent)
    return _noted(target, path, why)


def keep_in_quarantine(layout: Layout, clock: Clock, path: Path, why: str) -> Path:
    """Like `move_to_quarantine`, for a file that is about to be replaced: until then it also stays where it is."""
    target = _place(layout, clock, path)
    os.link(path, target, follow_symlinks=False)
    return _noted(target, path, why)


def set_aside(layout: Layout, clock: Clock, path: Path, why: str) -> Path:
    """Keep `path` in the quarantine before something is put in its place; only a folder has to leave it for that."""
    keep = move_to_quarantine if path.is_dir() and not path.is_symlink() else keep_in_quarantine
    return keep(layout, clock, path, why)


def _place(layout: Layout, clock: Clock, path: Path) -> Path:
    files.make_folder(layout.quarantine)
    stamp = rfc3339(clock.now()).replace(":", "").replace(".", "")
    place = "-".join(path.parent.relative_to(layout.root).parts) if path.is_relative_to(layout.root) else "outside"
    first = layout.quarantine / f"{stamp}-{place}-{path.name}"
    names = itertools.chain([first], (Path(f"{first}.{number}") for number in itertools.count(1)))
    return next(target for target in names if not os.path.lexists(target))


def _noted(target: Path, path: Path, why: str) -> Path:
    files.write_durably(Path(f"{target}.why.txt"), f"{path}\n{why}\n".encode(errors="replace"))
    return target
