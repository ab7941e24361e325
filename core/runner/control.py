"""The one bit an attempt listens to: whether it has to end at the next unit boundary."""

import threading

from core.domain.errors import Stop


class Control:
    """Set from the thread that listens to the service, asked by the stage."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def begin(self) -> None:
        """A new attempt starts: forget what was asked of the last one."""
        self._ended.clear()

    def end(self) -> None:
        """Ask the attempt to end."""
        self._ended.set()

    def check(self) -> None:
        """Raise `Stop` when the attempt has to end."""
        if self._ended.is_set():
            raise Stop
