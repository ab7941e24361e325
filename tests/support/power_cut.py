"""A disk whose power can be cut: an ext4 image on a loop device, shut down by ioctl without writing back its log."""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

_EXT4_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


class Disk:
    """A mounted file system in `folder`; use it with `with`. It is at `path` and comes back after `cut`."""

    def __init__(self, folder: Path, size_mb: int = 48) -> None:
        self._image = folder / "disk.img"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(size_mb * 2**20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def __enter__(self) -> "Disk":
        self._mount()
        return self

    def __exit__(self, *_: object) -> None:
        if os.path.ismount(self.path):
            _run("umount", str(self.path))

    def cut(self) -> None:
        """From now on nothing reaches the disk, and what was not made durable is gone after `restore`."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def restore(self) -> None:
        """The power comes back: the log is replayed. Nobody may have files open on it."""
        _run("umount", str(self.path))
        self._mount()

    def _mount(self) -> None:
        # Without auto_da_alloc: ext4 would otherwise flush a file that is renamed over another, and hide our mistakes.
        _run("mount", "-o", "loop,noauto_da_alloc", str(self._image), str(self.path))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
