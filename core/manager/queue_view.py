"""How the queue is shown: lanes, users, everything that waits in its order, and what is in trouble outside."""

from collections import Counter
from typing import Any

from core.domain.breaker import left_s, state_of
from core.domain.diagnosis import why
from core.domain.run import RunRecord
from core.domain.schedule import can_start, order
from core.domain.states import Phase
from core.manager.look import Look
from core.manager.run_views import RunViews
from core.system.clock import rfc3339


class QueueView:
    """Says what is shown of the queue."""

    def __init__(self, runs: RunViews) -> None:
        self._runs = runs

    def queue(self, look: Look, *, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """The queue, and of its runs those from `offset` on, at most `limit`; `place` counts from 1 over all of them.

        `waiting_s` and `served_s` are seconds of media: of the runs that wait, and given in all lanes lately.
        """
        waiting = self._waiting(look)
        page = waiting[offset : None if limit is None else offset + limit]
        return {
            "lanes": self._lanes(look, waiting),
            "users": self._users(look, waiting),
            "runs": [
                self._runs.brief(run, look) | {"place": offset + number, "why": self._why(run, look)}
                for number, run in enumerate(page, start=1)
            ],
            "breakers": self._breakers(look),
            "total": len(waiting),
        }

    def _waiting(self, look: Look) -> list[RunRecord]:
        now = look.situation
        ready = [run for run in now.runs.values() if can_start(run, now)]
        ready.sort(key=lambda run: order(run, now.batches[run.batch_id]))
        later = [run for run in now.runs.values() if run.phase == Phase.RETRY_WAIT and run.batch_id in now.batches]
        later.sort(key=lambda run: run.run_id)
        return [*ready, *later]

    def _why(self, run: RunRecord, look: Look) -> dict[str, Any]:
        reason = why(run, look.situation, service_alive=look.service_alive, lines=look.lines)
        return {
            "code": reason.code,
            "message": reason.message,
            "until": rfc3339(reason.until) if reason.until else None,
        }

    def _lanes(self, look: Look, waiting: list[RunRecord]) -> list[dict[str, Any]]:
        now = look.situation
        counts = Counter(now.lane_of.get(run.next_stage or "", "") for run in waiting)
        return [
            {"name": lane, "total": total, "busy": total - now.free.get(lane, 0), "waiting": counts[lane]}
            for lane, total in now.lanes.items()
        ]

    def _users(self, look: Look, waiting: list[RunRecord]) -> list[dict[str, Any]]:
        counts = Counter(run.owner for run in waiting)
        running = Counter(run.owner for run in look.situation.runs.values() if run.open_attempt is not None)
        return [
            {"user": user, "waiting": counts[user], "waiting_s": 0.0, "running": running[user], "served_s": 0.0}
            for user in sorted({*counts, *running})
        ]

    def _breakers(self, look: Look) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "state": state_of(breaker, left_s(breaker, look.situation.now)),
                "failures": breaker.failures,
                "until": rfc3339(breaker.until) if breaker.until else None,
                "why": breaker.why,
            }
            for name, breaker in sorted(look.situation.pool.breakers.items())
        ]
