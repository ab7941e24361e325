"""The service's sign of life: when it last took a turn, on the clock that all processes of this boot share.

A held lock says that a service lives; this says that it does something. Nobody is declared dead by it, and nothing is
taken over because of it: it is for whoever watches, and for a supervisor that starts what hangs anew.
"""

import os

import msgspec

from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock
from core.system.identity import boot_id

_MAX_BYTES = 4096
_EVERY_S = 1.0


class Beaten(msgspec.Struct, frozen=True):
    """A sign of life: in which boot, by which process, and at which second of that boot."""

    boot: str
    pid: int
    at_s: float


class Beat:
    """Writes the sign, at most once a second, and reads how old it is. Losing it costs nothing."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._path, self._clock = layout.service_beat(), clock
        self._told_s: float | None = None

    def tell(self) -> None:
        """The service takes a turn now. Raises `OSError`."""
        now_s = self._clock.monotonic()
        if self._told_s is not None and now_s - self._told_s < _EVERY_S:
            return
        temporary = self._path.with_suffix(".tmp")  # one process at a time is the service
        try:
            files.write_new(temporary, msgspec.json.encode(Beaten(boot=boot_id(), pid=os.getpid(), at_s=now_s)))
            temporary.replace(self._path)
        except OSError:
            files.remove(temporary)
            raise
        self._told_s = now_s

    def age_s(self, pid: int | None = None) -> float | None:
        """Seconds since the last turn, of the service that is process `pid` if that is given; None when it took none."""
        try:
            read = files.read_regular(self._path, _MAX_BYTES)
            beaten = msgspec.json.decode(read, type=Beaten)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        if beaten.boot != boot_id() or pid not in (None, beaten.pid):
            return None
        return max(0.0, self._clock.monotonic() - beaten.at_s)
