"""How many streams may be open: each costs memory and a connection for as long as somebody likes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from core.domain.errors import TooMany

AGAIN_S = 30.0


class Streams:
    """Counts the open streams of each person. For one event loop."""

    def __init__(self, most_of_one: int, most: int) -> None:
        self._most_of_one, self._most = most_of_one, most
        self._open: Counter[str] = Counter()

    @contextmanager
    def place(self, actor: str) -> Iterator[None]:
        """A place for the length of the block; raises `TooMany` when there is none."""
        if self._open[actor] >= self._most_of_one or self._open.total() >= self._most:
            raise TooMany(
                f"Too many streams are open: at most {self._most_of_one} for one person and {self._most} in all.",
                retry_after_s=AGAIN_S,
                hint="Close one, or listen to a whole batch instead of its runs.",
            )
        self._open[actor] += 1
        try:
            yield
        finally:
            self._open[actor] -= 1
            if not self._open[actor]:
                del self._open[actor]

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()
