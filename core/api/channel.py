"""What was said lately about one thing, for any number of listeners, each of whom reads on when it can."""

import asyncio
from collections import deque
from itertools import islice

# So many messages are kept for those who are behind; who is behind further begins anew.
KEPT = 512


class Channel:
    """The latest messages, numbered from 0 without gaps; nobody who is slow makes it longer. For one event loop."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._bell = asyncio.Event()
        self.count = 0
        self.listeners = 0

    def say(self, message: bytes) -> None:
        """Add a message, and wake whoever waits."""
        self._kept.append(message)
        self.count += 1
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    def since(self, number: int) -> list[bytes] | None:
        """The messages from `number` on; None when some of them are not kept any more."""
        missed = self.count - number
        if missed > len(self._kept):
            return None
        return list(islice(self._kept, len(self._kept) - missed, None))

    async def more(self, number: int, limit_s: float) -> bool:
        """Whether there are messages from `number` on; waits for some at most `limit_s` seconds."""
        bell = self._bell
        if self.count > number:
            return True
        try:
            async with asyncio.timeout(limit_s):  # not `wait_for`, which may swallow a cancellation
                await bell.wait()
        except TimeoutError:
            return False
        return self.count > number
