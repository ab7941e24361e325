"""How the queue is shown: lanes, users, everything that waits in its order, and what is in trouble outside."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from core.domain.breaker import state_of
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase
from core.manager.index import Index
from core.manager.look import Look, told
from core.manager.run_views import RunViews
from core.system.clock import rfc3339


class QueueView:
    """Says what is shown of the queue."""

    def __init__(self, runs: RunViews, index: Index) -> None:
        self._runs, self._index = runs, index

    def queue(self, look: Look, *, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """The queue, and of its runs those from `offset` on, at most `limit`; `place` counts from 1 over all of them.

        In it are the runs that stand in a line, in the order in which they go, and after them those between two tries.
        `waiting_s` and `served_s` are seconds of media: of the runs of a user that wait, and of the attempts that were
        given to it since all users who wait now have been waiting. Lanes are told whole; of runs and users those that
        exist for whoever asks, each run with the place it has among all.
        """
        waiting, there = self._waiting(look), self._index.runs
        own = [(place, run) for place, run in enumerate(waiting, start=1) if run.run_id in there]
        page = own[offset : None if limit is None else offset + limit]
        return {
            "lanes": self._lanes(look, waiting),
            "users": self._users(look, [run for _, run in own]),
            "runs": [
                self._runs.brief(run, look) | {"place": place, "why": told(look.reasons.why(run))}
                for place, run in page
            ],
            "breakers": breakers(look, there.values()),
            "total": len(own),
        }

    def _waiting(self, look: Look) -> list[RunRecord]:
        now = look.situation
        between = [
            run
            for run in now.runs.values()
            if run.phase == Phase.RETRY_WAIT
            and run.batch_id in now.batches
            and now.batches[run.batch_id].phase == BatchPhase.RUNNING
        ]
        between.sort(key=lambda run: (run.next_at or run.updated_at, run.run_id))
        return [*(now.runs[one.run_id] for one in look.reasons.order), *between]

    def _lanes(self, look: Look, waiting: list[RunRecord]) -> list[dict[str, Any]]:
        now = look.situation
        counts = Counter(now.lane_of.get(run.next_stage or "", "") for run in waiting)
        return [
            {
                "name": lane,
                "total": total,
                "busy": total - now.free.get(lane, 0),
                "waiting": counts[lane],
                "held": now.throttled.get(lane),
            }
            for lane, total in now.lanes.items()
        ]

    def _users(self, look: Look, waiting: list[RunRecord]) -> list[dict[str, Any]]:
        lines = look.reasons.standing.lines
        counts = Counter(run.owner for run in waiting)
        running = Counter(run.owner for run in self._index.snapshot()[0].values() if run.open_attempt is not None)
        media_s: defaultdict[str, float] = defaultdict(float)
        served_s: defaultdict[str, float] = defaultdict(float)
        for run in waiting:
            media_s[run.owner] += run.duration_s or lines.mean_s
        for lane in look.situation.lanes:
            for user, given_s in lines.given_s(lane).items():
                served_s[user] += given_s
        return [
            {
                "user": user,
                "waiting": counts[user],
                "waiting_s": round(media_s[user], 1),
                "running": running[user],
                "served_s": round(served_s[user], 1),
            }
            for user in sorted({*counts, *running})
        ]


def breakers(look: Look, runs: Iterable[RunRecord]) -> list[dict[str, Any]]:
    """What is in trouble outside, by name; for who does not see every run, what is needed by theirs."""
    known = look.situation.pool.breakers
    if known and not look.names:
        needed = {name for run in runs for name in _needs(look, run)}
        known = {name: breaker for name, breaker in known.items() if name in needed}
    return [
        {
            "name": name,
            "state": state_of(breaker, look.situation.breaker_left_s(name) or 0.0),
            "failures": breaker.failures,
            "until": rfc3339(breaker.until) if breaker.until else None,
            "why": breaker.why,
        }
        for name, breaker in sorted(known.items())
    ]


def _needs(look: Look, run: RunRecord) -> tuple[str, ...]:
    """What outside the next stage of a run needs."""
    batch, stage = look.situation.batches.get(run.batch_id), run.next_stage
    if batch is None or stage is None or run.phase in TERMINAL:
        return ()
    return look.situation.outside(stage, run.source, run.settings or batch.settings)
