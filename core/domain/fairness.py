"""Whose turn it is: lanes are shared fairly among users, by the length of the media they are given.

This is start-time fair queueing: each user has a number, the seconds of media given so far, and the smallest goes next.
Within one user's line nothing changes. Who waits alone is served in plain order, and no slot stays free for fairness.
"""

import heapq
from collections.abc import Callable, Collection, Iterator, Mapping

from core.domain.lines import Lines
from core.domain.waiting import Line, Place, Waiting

May = Callable[[Waiting], bool]


class _Turn:
    """The lines of one lane and rank; gives the next that may go."""

    def __init__(
        self, users: Mapping[str, Line], given_s: dict[str, float], cost_s: Callable[[Waiting], float]
    ) -> None:
        self._users, self._given_s, self._cost_s = users, given_s, cost_s
        self._heap: list[tuple[float, Place, str, int]] = [
            (given_s.get(user, 0.0), line[0].place, user, 0) for user, line in users.items()
        ]
        heapq.heapify(self._heap)

    def head(self, may: May) -> Waiting | None:
        """Who is next of those that may go; who may not is passed over and costs its user nothing."""
        while self._heap:
            _, _, user, number = self._heap[0]
            one = self._users[user][number]
            if may(one):
                return one
            self._advance()
        return None

    def take(self) -> None:
        """The head goes: its user is charged for it."""
        _, _, user, number = self._heap[0]
        self._given_s[user] = self._given_s.get(user, 0.0) + self._cost_s(self._users[user][number])
        self._advance()

    def _advance(self) -> None:
        _, _, user, number = self._heap[0]
        line = self._users[user]
        if number + 1 < len(line):
            following = (self._given_s.get(user, 0.0), line[number + 1].place, user, number + 1)
            heapq.heapreplace(self._heap, following)
        else:
            heapq.heappop(self._heap)


def in_turn(lines: Lines, lanes: Collection[str], may: May, given_s: dict[str, dict[str, float]]) -> Iterator[Waiting]:
    """Those waiting in `lanes` that may go, each in its turn.

    `given_s` is what each user was given in each lane, and is raised by everyone who goes. `lanes` and the answer of
    `may` may change between two steps: a lane taken out is left, and who may not go at that moment is passed over.
    """
    ranks = sorted({rank for lane in lanes for rank in lines.lanes.get(lane, {})})
    for rank in ranks:
        turns = {
            lane: _Turn(lines.lanes[lane][rank], given_s.setdefault(lane, {}), lines.cost_s)
            for lane in lanes
            if rank in lines.lanes.get(lane, {})
        }
        while turns:
            heads: list[tuple[Place, str]] = []
            for lane, turn in list(turns.items()):
                one = turn.head(may) if lane in lanes else None
                if one is None:
                    del turns[lane]
                else:
                    heads.append((one.place, lane))
            if heads:
                lane = min(heads)[1]
                one = turns[lane].head(may)
                assert one is not None
                turns[lane].take()
                yield one
