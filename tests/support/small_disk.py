"""A disk in memory of a few megabytes, which can be filled, remounted and taken away; needs root."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs at `folder`, which is made unless it is there; `options` are those of mount (`size=4m`, `ro`)."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        # What was killed a moment ago may still hold a file open there.
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the options of a mounted disk."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def fill_bytes(folder: Path) -> Callable[[], None]:
    """Take every byte; gives what frees them again."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return path.unlink


def fill_inodes(folder: Path) -> Callable[[], None]:
    """Take every inode; gives what frees them again."""
    made: list[Path] = []
    try:
        while True:
            made.append(folder / f"filler{len(made)}")
            made[-1].touch()
    except OSError:
        made.pop()

    def free() -> None:
        for path in made:
            path.unlink()

    return free
