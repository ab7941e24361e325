"""Output of programs, cut into lines without ever holding much of it."""

import os
from collections.abc import Iterator
from contextlib import suppress


class LineSplitter:
    """Cuts a stream of bytes into lines without ever holding more than one line of `max_line_bytes`."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._held = b""
        self._dropping = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that `chunk` completes; what exceeds the longest line is dropped up to its end."""
        *whole, rest = chunk.replace(b"\r", b"\n").split(b"\n")
        for piece in whole:
            yield from self._end(piece)
        if not self._dropping:
            self._held += rest[: self._max - len(self._held)]
            self._dropping = len(self._held) >= self._max

    def rest(self) -> Iterator[str]:
        """What stood after the last line end."""
        yield from self._end(b"")

    def _end(self, piece: bytes) -> Iterator[str]:
        line = self._held + piece[: max(0, self._max - len(self._held))]
        self._held, self._dropping = b"", False
        if line:
            yield line.decode("utf-8", "replace")


def read_some(fd: int) -> Iterator[bytes]:
    """What can be read from `fd` at once, at most 64 KB; nothing when it would block, an empty piece at the end."""
    with suppress(BlockingIOError):
        yield os.read(fd, 65536)


def read_all(fd: int) -> Iterator[bytes]:
    """All that can be read from `fd` without waiting."""
    with suppress(BlockingIOError):
        while chunk := os.read(fd, 65536):
            yield chunk
