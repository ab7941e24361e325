"""News for streams: the journal as it grows and how far runs are, found out once and told to all who listen.

One task reads for everybody, and only of what somebody listens to. A message is made once for each channel, so that two
hundred listeners cost little more than one; each reads its channel when it can, and who does not costs nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from core.api.channel import Channel
from core.api.happening import Happening, Shape, said
from core.api.hub import Hub
from core.domain.errors import RepriseError
from core.store.tail import Tail

# At least this long between two looks, so that many changes at once are one look.
GAP_S = 0.05
# File events may be lost; so often it looks without one.
LOOK_S = 1.0
# The whole batch is told of at most so often: that needs a look at everything.
STANDING_S = 2.0
# So many lines of the journal are remembered for those who come back.
REMEMBERED = 5000
# It goes on reading for so long after the last listener left.
LINGER_S = 60.0
_log = logging.getLogger(__name__)

Topic = str  # batch:ID or run:ID
Moving = Callable[[str], Mapping[str, Any]]
Standing = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


class Feed:
    """Tells channels what happens to one run or batch, in the shape they want. For one event loop."""

    def __init__(self, hub: Hub, tail: Tail, moving: Moving, standing: Standing) -> None:
        self._hub, self._tail, self._moving, self._standing = hub, tail, moving, standing
        self._channels: dict[tuple[Topic, Shape], Channel] = {}
        self._lines: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._from_seq = 0  # whatever came after this is remembered
        self._last: dict[str, Mapping[str, Any]] = {}
        self._due: set[str] = set()  # batches that are to be told of
        self._task: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self.seq = 0  # the position in the journal up to which everything was told
        self._told_at = 0.0  # when batches were, by the loop's clock

    @contextmanager
    def channel(self, topic: Topic, shape: Shape) -> Iterator[Channel]:
        """The channel for a topic in a shape, for as long as the block lasts."""
        channel = self._channels.setdefault((topic, shape), Channel())
        channel.listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            yield channel
        finally:
            channel.listeners -= 1
            if not channel.listeners:
                self._channels.pop((topic, shape), None)

    async def begun(self) -> None:
        """Returns when the end of the journal was found: nothing that happens from now on is missed."""
        await self._begun.wait()

    async def replay(self, topic: Topic, shape: Shape, after: int) -> list[bytes] | None:
        """What was told since `after`, a position in the journal; None where that is not known any more, or never was."""
        forgotten = self._lines[0]["seq"] if len(self._lines) == REMEMBERED else self._from_seq
        if not forgotten <= after <= self.seq:
            return None
        lines = [line for line in self._lines if line["seq"] > after and topic in _topics(line)]
        found = await asyncio.to_thread(self._happenings, lines)
        return [message for one in found if (message := said(one, shape)) is not None]

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        never, idle_s = asyncio.Event(), 0.0
        with self._hub.listen(redraws=False) as listener:
            while idle_s < LINGER_S:
                topics = await listener.changes(LOOK_S) if self._begun.is_set() else []
                idle_s = 0.0 if self._channels else idle_s + LOOK_S
                try:
                    await self._turn(topics)
                except Exception:  # noqa: BLE001 - the next look may succeed; until then listeners hear that the server lives
                    _log.exception("the journal could not be followed")
                with suppress(TimeoutError):
                    async with asyncio.timeout(GAP_S):
                        await never.wait()
        self._begun.clear()

    async def _turn(self, topics: Sequence[str]) -> None:
        if not self._begun.is_set():
            lines, whole = await asyncio.to_thread(self._tail.latest)
            self._lines.clear()
            self._lines.extend(lines)
            self._from_seq, self.seq = 0 if whole or not lines else lines[0]["seq"], self._tail.seq
            self._begun.set()
            return
        await self._look({topic.removeprefix("run:") for topic in topics if topic.startswith("run:")})
        now = asyncio.get_running_loop().time()
        if self._due and now - self._told_at >= STANDING_S:
            self._told_at = now
            await self._tell_batches()

    async def _look(self, moved: set[str]) -> None:
        """Tell of new lines, and of runs that moved."""
        wanted = {topic for topic, _ in self._channels}
        lines, found, moving = await asyncio.to_thread(self._read, moved, wanted)
        self._lines.extend(lines)
        self.seq = lines[-1]["seq"] if lines else self.seq
        for one in found:
            self._tell(one)
        for run in moving:
            if self._last.get(run["run_id"]) != run:
                self._last[run["run_id"]] = run
                self._due.add(run["batch_id"])
                self._tell(Happening(run=run))
        if len(self._last) > REMEMBERED:
            self._last.clear()

    def _read(
        self, moved: set[str], wanted: set[Topic]
    ) -> tuple[list[dict[str, Any]], list[Happening], list[Mapping[str, Any]]]:
        lines: list[dict[str, Any]] = []
        while more := self._tail.more():
            lines += more
        found = self._happenings([line for line in lines if wanted & _topics(line)])
        heard = [
            run_id for run_id in sorted(moved) if wanted & {f"run:{run_id}", f"batch:{self._hub.batch_of(run_id)}"}
        ]
        return lines, found, [run for run_id in heard if (run := self._run_of(run_id)) is not None]

    def _happenings(self, lines: Sequence[Mapping[str, Any]]) -> list[Happening]:
        return [Happening(line=line, run=self._run_of(line.get("run_id"))) for line in lines]

    def _run_of(self, run_id: str | None) -> Mapping[str, Any] | None:
        if run_id is None:
            return None
        try:
            return self._moving(run_id)
        except RepriseError:
            return None  # it is gone by now

    async def _tell_batches(self) -> None:
        wanted = [batch_id for batch_id in self._due if any(t == f"batch:{batch_id}" for t, _ in self._channels)]
        self._due.clear()
        for batch in (await asyncio.to_thread(self._standing, wanted)).values() if wanted else ():
            self._tell(Happening(batch=batch))

    def _tell(self, one: Happening) -> None:
        topics = _topics(one.line or one.run or one.batch or {})
        if one.batch is None:
            self._due |= {topic.removeprefix("batch:") for topic in topics if topic.startswith("batch:")}
        for (topic, shape), channel in self._channels.items():
            if topic in topics and (message := said(one, shape)) is not None:
                channel.say(message)


def _topics(about: Mapping[str, Any]) -> set[Topic]:
    return {f"{kind}:{about[f'{kind}_id']}" for kind in ("run", "batch") if about.get(f"{kind}_id")}
