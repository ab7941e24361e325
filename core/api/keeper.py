"""Seeing to it that a service runs while the dashboard does: started when nobody is one, and again when it died."""

import asyncio
import logging
from collections.abc import Callable

from core.domain.errors import NoService, RepriseError
from core.manager.starter import ServiceStarter

LOOK_S = 1.0
LONGEST_WAIT_S = 30.0
_log = logging.getLogger(__name__)


class Keeper:
    """Looks once a second whether a service holds the storage; `error` says why none could be started."""

    def __init__(self, starter: ServiceStarter, on_change: Callable[[], None]) -> None:
        self._starter, self._on_change = starter, on_change
        self._closing = asyncio.Event()
        self.error: RepriseError | None = None

    async def keep(self) -> None:
        """Keep a service running until `close`."""
        alive, wait_s = False, LOOK_S
        while not self._closing.is_set():
            was, error = alive, self.error
            try:
                alive = self._starter.alive()
                if not alive:
                    await asyncio.to_thread(self._starter.ensure)
                    alive = True
                self.error, wait_s = None, LOOK_S
            except (RepriseError, OSError) as failed:  # whether one is alive is asked of the disk
                known = failed if isinstance(failed, RepriseError) else NoService(f"No service can be seen: {failed}.")
                if error is None:
                    _log.error("no service: %s", known.message)
                alive, self.error = False, known
                wait_s = min(2 * wait_s, LONGEST_WAIT_S) if self._starter.may_start else LOOK_S
            if (was, _said(error)) != (alive, _said(self.error)):
                self._on_change()
            try:
                await asyncio.wait_for(self._closing.wait(), wait_s)
            except TimeoutError:
                continue

    def close(self) -> None:
        """Let `keep` end."""
        self._closing.set()


def _said(error: RepriseError | None) -> str:
    return error.message if error is not None else ""
