"""Moving results out of the way before they are removed, so that what is needed after all can be put back."""

import os
import shutil
from pathlib import Path

from core.system import files


def move(folder: Path, to: Path) -> None:
    """Rename a folder, durably. Raises `StorageError`."""
    with files.explained(f"moving {folder}"):
        files.make_folder(to.parent)
        folder.rename(to)
        files.fsync_folder(to.parent)
        files.fsync_folder(folder.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it; nothing happens when it is gone. Raises `StorageError`."""
    if folder.is_dir():
        with files.explained(f"removing {folder}"):
            shutil.rmtree(folder)


def weight(folder: Path) -> int:
    """The bytes of all files in a folder; 0 when it is gone."""
    found = 0
    for path, _, names in os.walk(folder):
        found += sum(files.size_of(Path(path) / name) for name in names)
    return found
