"""Answers that are made once for all who ask the same while nothing changes: a page of many thousand runs takes a while."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from core.bootstrap import Manager
from core.system.clock import Clock

MOST = 128
SAME_S = 1.0  # what is left and how long something waits is told by the time too


class Remembered:
    """The latest answers, one for each who asks and what they ask. Thread-safe; one is made at a time.

    One is good while neither a record that its asker may see has changed nor `changes` gives another number, and for
    `SAME_S` seconds: whoever has just changed something sees it.
    """

    def __init__(self, clock: Clock, changes: Callable[[], int]) -> None:
        self._clock, self._changes = clock, changes
        self._guard, self._making = threading.Lock(), threading.Lock()
        self._known: OrderedDict[Hashable, tuple[tuple[Any, ...], int, float, bytes]] = OrderedDict()

    def get(self, manager: Manager, what: Hashable, make: Callable[[], bytes]) -> bytes:
        """The answer to `what` for whom `manager` acts."""
        key = (manager.acts_for, what)
        known = self._good(key, manager)
        if known is not None:
            return known
        with self._making:  # more at once would only take each other's time
            known = self._good(key, manager)
            if known is not None:
                return known
            seen, changes, began = manager.storage.index.everything(), self._changes(), self._clock.monotonic()
            made = make()
            with self._guard:
                self._known[key] = (seen, changes, began, made)
                self._known.move_to_end(key)
                if len(self._known) > MOST:
                    self._known.popitem(last=False)
            return made

    def _good(self, key: Hashable, manager: Manager) -> bytes | None:
        with self._guard:
            known = self._known.get(key)
        if known is None or known[1] != self._changes() or self._clock.monotonic() - known[2] >= SAME_S:
            return None
        # The index gives the very same copies until a record changes.
        same = all(one is other for one, other in zip(known[0], manager.storage.index.everything(), strict=True))
        return known[3] if same else None
