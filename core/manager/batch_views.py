"""How one batch is shown: the JSON of the outside contract, computed from its record and its runs each time."""

from collections import Counter
from typing import Any

import msgspec

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, Phase
from core.domain.streak import streak
from core.manager.look import Look
from core.manager.measure import Measure
from core.manager.pauses import Pauses
from core.manager.run_views import span
from core.system.clock import rfc3339


class BatchViews:
    """Says what is shown of a batch."""

    def __init__(self, measure: Measure, pauses: Pauses) -> None:
        self._measure, self._pauses = measure, pauses

    def brief(self, batch: BatchRecord, runs: list[RunRecord], look: Look) -> dict[str, Any]:
        """The batch without its runs, which are `runs`."""
        counts = Counter(run.phase for run in runs)
        eta = (
            self._measure.eta_of(runs, look.rates, look.situation.lanes, batch.concurrency)
            if any(r.phase not in TERMINAL for r in runs)
            else None
        )
        share = sum(self._measure.share(run) if run.phase not in TERMINAL else 1.0 for run in runs) / (len(runs) or 1)
        pause = batch.pause
        return {
            "batch_id": batch.batch_id,
            "name": batch.name,
            "description": batch.description,
            "owner": batch.owner,
            "phase": batch.phase,
            "purging": batch.purging,
            "intent": "pause" if pause else "cancel" if batch.cancel_by else "run",
            "pause": self._pauses.of(pause, runs, look),
            "settings": msgspec.to_builtins(batch.settings),
            "template": batch.template,
            "priority": batch.priority,
            "concurrency": batch.concurrency,
            "total": len(runs),
            "completed": counts[Phase.COMPLETED],
            "failed": counts[Phase.FAILED],
            "cancelled": counts[Phase.CANCELLED],
            "skipped": counts[Phase.SKIPPED],
            "consecutive_failures": len(streak(runs, batch.streak_since)),
            "outcome": batch.outcome,
            "total_duration_s": sum(run.duration_s or 0.0 for run in runs),
            "processed_duration_s": sum(run.duration_s or 0.0 for run in runs if run.phase == Phase.COMPLETED),
            "eta_s": span(eta),
            "progress": round(share, 4),
            "created_at": rfc3339(batch.created_at),
            "started_at": rfc3339(batch.started_at) if batch.started_at else None,
            "updated_at": rfc3339(max([batch.updated_at, *(run.updated_at for run in runs)])),
            "completed_at": rfc3339(batch.completed_at) if batch.completed_at else None,
        }
