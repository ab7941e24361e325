"""Signals become calls: the first asks for an orderly end, a second one ends the process at once."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType


class EndSignals:
    """From its making on SIGTERM and SIGINT are kept for whoever asks for them, and SIGHUP is ignored.

    Made before the service's lock is taken, so that a service never dies half-way into its start. The handler only
    writes a byte: whatever takes a lock or imports could meet itself there, in the middle of the main thread.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        signal.signal(signal.SIGTERM, self._first)
        signal.signal(signal.SIGINT, self._first)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def call(self, stop: Callable[[], None]) -> None:
        """Call `stop` once, from a thread of its own, when a signal comes; at once when it has come already."""
        threading.Thread(target=self._wait, args=(stop,), daemon=True, name="signals").start()

    def _first(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.write(self._writer, b".")

    def _wait(self, stop: Callable[[], None]) -> None:
        os.read(self._reader, 1)
        stop()
