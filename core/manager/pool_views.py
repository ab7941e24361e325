"""How the pool is shown: the numbers of the status, computed from all records each time."""

from collections import Counter
from typing import Any

from core.domain.display import moves, pool_status
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.manager.index import Index
from core.manager.look import Look
from core.manager.measure import Measure
from core.manager.pauses import Pauses
from core.manager.queue_view import breakers
from core.manager.run_views import RunViews, span
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock, rfc3339

THROUGHPUT_WINDOW_S = 600.0


class PoolViews:
    """Says what is shown of the pool."""

    def __init__(
        self, *, index: Index, layout: Layout, measure: Measure, runs: RunViews, pauses: Pauses, clock: Clock
    ) -> None:
        self._index, self._layout, self._measure, self._runs = index, layout, measure, runs
        self._pauses, self._clock = pauses, clock

    def status(self, look: Look) -> dict[str, Any]:
        """The pool in numbers: of the runs there are for whoever asks, with the service and the disk that all share."""
        known, batches, _ = self._index.snapshot()
        pool, alive = look.situation.pool, look.service_alive
        runs = [run for run in known.values() if run.batch_id in batches]
        added = [run for run in runs if batches[run.batch_id].phase != BatchPhase.DRAFT]
        counts = Counter(run.phase for run in added)
        holder = Lock(self._layout.service_lock()).holder() if alive else None
        active = [run for run in runs if run.phase not in TERMINAL]
        started = [run for run in added if run.phase not in TERMINAL]
        going = [run for run in started if batches[run.batch_id].pause is None and run.intent.want == Want.RUN]
        done_lately = [
            run
            for run in runs
            if run.completed_at and (self._clock.now() - run.completed_at).total_seconds() < THROUGHPUT_WINDOW_S
        ]
        # What is paused counts only where nothing else is left: then it is what is left once it is resumed.
        eta = self._measure.eta_of(going or started, look.rates, look.situation.lanes)
        return {
            "status": pool_status(pool, counts, service_alive=alive),
            "active_workers": sum(moves(run) for run in active),
            "pending": counts[Phase.QUEUED] + counts[Phase.RETRY_WAIT] + counts[Phase.RECEIVING],
            "processing": counts[Phase.RUNNING],
            "completed": counts[Phase.COMPLETED] + counts[Phase.SKIPPED],
            "failed": counts[Phase.FAILED],
            # Of these, what a person has not stopped on purpose.
            "attention": sum(run.needs_attention for run in added),
            "paused": counts[Phase.PAUSED],
            "cancelled": counts[Phase.CANCELLED],
            "paused_batches": sorted(id_ for id_, batch in batches.items() if batch.phase == BatchPhase.PAUSED),
            "damaged": len(self._index.damaged),
            "stalled": sum("stalled" in self._runs.flags(run) for run in active),
            "resumed": sum(run.resumed for run in active),
            "throughput_per_min": round(len(done_lately) * 60.0 / THROUGHPUT_WINDOW_S, 3),
            "eta_s": span(eta) if started else None,
            "pause": self._pauses.of(pool.pause, runs, look),
            "breakers": breakers(look, known.values()),
            "disk": {
                "low": look.situation.disk_low,
                "free": look.situation.disk_free,
                "needed": look.situation.disk_needed,
            },
            "service": {
                "alive": alive,
                "pid": holder.pid if holder is not None else None,
                "since": rfc3339(pool.service_since) if alive and pool.service_since else None,
                "epoch": pool.epoch,
            },
            "recovery": {
                "found": int(pool.recovery.get("found", 0)),
                "resumed": int(pool.recovery.get("resumed", 0)),
                "adopted": sum(run.adopted for run in runs),
                "held": int(pool.recovery.get("held", 0)),
                "redone_s": pool.recovery.get("redone_s"),
            },
        }
