"""Can it work: is the storage there and can be written, is there a service, and does that do something."""

import errno
import os

import msgspec

from core.domain.errors import RepriseError
from core.store.beat import Beat
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files
from core.system.clock import Clock

# A service takes a turn at least as often as it looks at every file; beyond that it may be busy for so long.
TURN_GRACE_S = 30.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, and in one sentence, without paths and names, why it cannot work; None when it can."""

    storage: bool
    service: bool
    reason: str | None = None

    @property
    def ready(self) -> bool:
        """Whether what is asked for will be done."""
        return self.reason is None


class Ready:
    """Looks each time it is asked; remembers which folder the storage was when this was made."""

    def __init__(self, layout: Layout, clock: Clock, rescan_s: float) -> None:
        self._layout, self._beat, self._limit_s = layout, Beat(layout, clock), rescan_s + TURN_GRACE_S
        self._folder = _identity(layout)

    def look(self) -> Readiness:
        """How it is now; takes as long as the disk does."""
        if (reason := self._storage()) is not None:
            return Readiness(storage=False, service=False, reason=reason)
        try:
            lock = Lock(self._layout.service_lock())
            if not lock.held_by_other():
                return Readiness(storage=True, service=False, reason="No service runs on this storage.")
        except RepriseError:
            return Readiness(storage=True, service=False, reason="Whether a service runs cannot be seen.")
        return Readiness(storage=True, service=True, reason=self._hangs(lock))

    def _storage(self) -> str | None:
        if self._folder is None or _identity(self._layout) != self._folder:
            return "The storage folder is gone, or another one is in its place."
        probe = self._layout.locks / f".probe.{os.getpid()}.ready"
        try:
            files.write_new(probe, b"ready")
            probe.unlink()
        except OSError as error:
            files.remove(probe)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            return "The disk is full." if full else f"The storage cannot be written: {error.strerror}."
        return None

    def _hangs(self, lock: Lock) -> str | None:
        holder = lock.holder()
        age_s = self._beat.age_s(holder.pid if holder is not None else None)
        if age_s is None:
            return "The service is starting."
        return f"The service has taken no turn for {age_s:.0f} seconds." if age_s > self._limit_s else None


def _identity(layout: Layout) -> tuple[int, int] | None:
    """Which folder holds the state; None when there is none."""
    try:
        status = layout.state.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
