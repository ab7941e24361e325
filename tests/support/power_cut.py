"""A disk whose power can be cut: an image on a loop device, shut down by ioctl without writing back its log."""

import fcntl
import os
import struct
import subprocess
from pathlib import Path

_SHUTDOWN = 0x8004587D  # ext4 and xfs share the number
_NO_LOG_FLUSH = 2
_SIZE_MB = {"ext4": 48, "xfs": 320}


class Disk:
    """A mounted file system (`ext4` or `xfs`) in `folder`; use it with `with`. It is at `path`, and back after a `cut`."""

    def __init__(self, folder: Path, kind: str = "ext4") -> None:
        self._kind = kind
        self._image = folder / "disk.img"
        self.path = folder / "disk"
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(_SIZE_MB[kind] * 2**20)
        _run(f"mkfs.{kind}", "-q", "-F" if kind == "ext4" else "-f", str(self._image))

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
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def restore(self) -> None:
        """The power comes back: the log is replayed. Nobody may have files open on it."""
        _run("umount", str(self.path))
        self._mount()

    def _mount(self) -> None:
        # Without auto_da_alloc: ext4 would otherwise flush a file that is renamed over another, and hide our mistakes.
        options = "loop,noauto_da_alloc" if self._kind == "ext4" else "loop"
        _run("mount", "-o", options, str(self._image), str(self.path))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
