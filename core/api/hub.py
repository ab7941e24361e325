"""Who has to hear of a change: open pages listen to topics, the watch of the files tells what changed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What one process can redraw in a second, over all open pages.
REDRAWS_PER_S = 30.0
SMALLEST_GAP_S = 0.25


class Listener:
    """One open page: collects the topics that changed until it is asked for them."""

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._bell = asyncio.Event()

    def tell(self, topics: frozenset[str]) -> None:
        """Note changed topics; called in the event loop."""
        self._topics |= topics
        self._bell.set()

    async def changes(self, limit_s: float) -> list[str]:
        """The topics that changed since the last call; waits for some at most `limit_s` seconds, then gives none."""
        try:
            async with asyncio.timeout(limit_s):  # not `wait_for`, which may swallow a cancellation
                await self._bell.wait()
        except TimeoutError:
            return []
        topics = sorted(self._topics)
        self._topics.clear()
        self._bell.clear()
        return topics


class Hub:
    """Spreads changes of records to the listeners: `runs` (anything), `run:ID`, `batch:ID`, `exports`, `export:ID`,
    `notices` and `pool`.

    `changes` counts them: what was read at the same count is as good as read again. `journal` tells that this has grown.
    """

    def __init__(self, batch_of: Callable[[str], str | None]) -> None:
        self.batch_of = batch_of
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[Listener] = set()
        self._redrawn: set[Listener] = set()
        self.changes = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop it spreads in; None before `attach` and after `detach`."""
        return self._loop

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Spread in this event loop from now on."""
        self._loop = loop

    def detach(self) -> None:
        """Spread no more; the event loop ends."""
        self._loop = None

    def changed(self, kind: str, record_id: str) -> None:
        """Tell all listeners that a record (run, batch, pool or progress) or the journal changed; from any thread."""
        if kind != "journal":  # what it tells of was told of before
            self.changes += 1
        loop = self._loop
        if loop is None or not self._listeners:
            return
        try:
            loop.call_soon_threadsafe(self._spread, self._topics(kind, record_id))
        except RuntimeError:
            return  # the loop was closed while the last file event was on its way

    @contextmanager
    def listen(self, *, redraws: bool = True) -> Iterator[Listener]:
        """A listener for as long as the block lasts; one that `redraws` a page makes all pages leave longer gaps."""
        listener = Listener()
        self._listeners.add(listener)
        if redraws:
            self._redrawn.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._redrawn.discard(listener)

    @property
    def gap_s(self) -> float:
        """How long a page leaves between two redraws, so that all of them together stay within what one process can."""
        return max(SMALLEST_GAP_S, len(self._redrawn) / REDRAWS_PER_S)

    def _topics(self, kind: str, record_id: str) -> frozenset[str]:
        if kind == "journal":
            return frozenset({"journal"})
        if kind == "export" or record_id.startswith("e_"):
            return frozenset({"exports", f"export:{record_id}"})
        if kind == "notices":
            return frozenset({"notices"})
        if kind in ("run", "progress"):
            batch_id = self.batch_of(record_id)
            return frozenset({"runs", f"run:{record_id}", *([f"batch:{batch_id}"] if batch_id else [])})
        return frozenset({"runs", "pool"} if kind == "pool" else {"runs", f"batch:{record_id}"})

    def _spread(self, topics: frozenset[str]) -> None:
        for listener in self._listeners:
            listener.tell(topics)
