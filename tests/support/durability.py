"""Reads a trace of system calls as a disk that keeps nothing but what was made durable, and says what was promised too early.

A kill shows nothing of a missing fsync, since the kernel lives on; a power cut shows it only with luck. Here the order of
the calls is judged: bytes must be synced before their file gets its name by a rename or link, and both the bytes and the
names in their folders before anything is acknowledged.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

_LINE = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\((?P<args>.*)\) += (?P<result>-?\d+)")
_FD = re.compile(r"^\d+<(?P<path>[^>]*)>")
_PATHS = re.compile(r'"([^"]*)"')


@dataclass
class _File:
    dirty: bool = False


class Disk:
    """The storage below `root` as far as it is durable; `acks` is the file in which promises are made.

    `durable` and `dirty` are the files that are there at the start, with bytes that are on the disk or are not.
    """

    def __init__(
        self,
        root: str,
        acks: str,
        durable: Iterable[str] = (),
        dirty: Iterable[str] = (),
        forgotten: tuple[str, ...] = ("locks", "progress"),
    ) -> None:
        self._root = root
        self._acks = acks
        self._forgotten = tuple(f"{root}/{name}" for name in forgotten)
        self._files = {path: _File() for path in durable} | {path: _File(dirty=True) for path in dirty}
        self._names: set[str] = set()  # paths whose entry in their folder is not durable
        self.wrong: list[str] = []

    def replay(self, lines: Iterable[str]) -> list[str]:
        """Go through a trace made with `strace -y`; gives what was wrong, in words."""
        for line in lines:
            match = _LINE.match(line)
            if match and int(match["result"]) >= 0:
                self._step(match["call"], match["args"])
        return self.wrong

    def _step(self, call: str, args: str) -> None:
        paths = _PATHS.findall(args)
        match call:
            case "openat" | "open" if "O_CREAT" in args:
                self._made(paths[0])
            case "mkdir" | "mkdirat":
                self._made(paths[0])
            case "write" | "pwrite64" | "ftruncate":
                self._written(_path_of(args))
            case "fsync" | "fdatasync":
                self._synced(_path_of(args))
            case "rename" | "renameat" | "renameat2" | "link" | "linkat":
                self._named(paths[0], paths[1], moved=call.startswith("rename"))
            case "unlink" | "unlinkat":
                self._files.pop(paths[0], None)
                self._names.discard(paths[0])

    def _ours(self, path: str) -> bool:
        return path.startswith(f"{self._root}/") and not path.startswith(self._forgotten)

    def _made(self, path: str) -> None:
        if self._ours(path) and path not in self._files:
            self._files[path] = _File()
            self._names.add(path)

    def _written(self, path: str) -> None:
        if path == self._acks:
            self._promised()
        elif self._ours(path):
            self._files.setdefault(path, _File()).dirty = True

    def _synced(self, path: str) -> None:
        if path in self._files:
            self._files[path].dirty = False
        self._names = {name for name in self._names if str(PurePath(name).parent) != path}

    def _named(self, old: str, new: str, *, moved: bool) -> None:
        if not self._ours(new):
            return
        inside = {path: file for path, file in self._files.items() if path == old or path.startswith(f"{old}/")}
        self.wrong += [
            f"{path} was published as {new} before its bytes were durable"
            for path, file in inside.items()
            if file.dirty
        ]
        self.wrong += [
            f"{path} was published in {new} before its name was durable"
            for path in self._names
            if path.startswith(f"{old}/")
        ]
        for path, file in inside.items():
            self._files[new + path.removeprefix(old)] = file
            if moved:
                del self._files[path]
        if moved:
            self._names = {name for name in self._names if name != old and not name.startswith(f"{old}/")}
        self._names.add(new)

    def _promised(self) -> None:
        self.wrong += [
            f"acknowledged before the bytes of {path} were durable" for path, file in self._files.items() if file.dirty
        ]
        self.wrong += [f"acknowledged before the name {path} was durable" for path in sorted(self._names)]


def _path_of(args: str) -> str:
    match = _FD.match(args)
    return match["path"] if match else ""
