"""What is shown of runs, batches and the pool: the JSON of the outside contract, computed from the records each time."""

from collections import Counter
from typing import Any

import msgspec

from core.config import Config
from core.domain.batch import BatchRecord
from core.domain.diagnosis import flags, why
from core.domain.display import pool_status
from core.domain.estimate import Estimate
from core.domain.run import RunRecord, StageState
from core.domain.states import TERMINAL, BatchPhase, Phase
from core.manager.history import History
from core.manager.index import Index
from core.manager.logs import Logs
from core.manager.look import Look, Looker
from core.manager.measure import Measure
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.store.check import check
from core.store.journal import Journal
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock, rfc3339

THROUGHPUT_WINDOW_S = 600.0


class Views:
    """Reads the index, the progress files and the receipts; never writes."""

    def __init__(
        self,
        *,
        index: Index,
        layout: Layout,
        artifacts: Artifacts,
        catalog: Catalog,
        measure: Measure,
        journal: Journal,
        config: Config,
        clock: Clock,
    ) -> None:
        self._index, self._layout, self._artifacts, self._catalog = index, layout, artifacts, catalog
        self._measure, self._config, self._clock = measure, config, clock
        self._looker = Looker(index=index, layout=layout, catalog=catalog, measure=measure, config=config, clock=clock)
        self.logs = Logs(layout)
        self.history = History(journal)

    # --- runs ------------------------------------------------------------------------------------------------

    def record(self, run_id: str) -> RunRecord:
        """The record of a run; raises `NotFound`, or `Damaged` when nothing of it can be believed."""
        return self._index.run(run_id)

    def run(self, run_id: str) -> dict[str, Any]:
        """Everything about a run, with its stages."""
        run = self.record(run_id)
        return self._brief(run, self._looker.look()) | {
            "stages": {name: self._stage(run, name, stage) for name, stage in run.stages.items()}
        }

    def runs(
        self,
        *,
        phase: str | None = None,
        user: str | None = None,
        batch_id: str | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The runs that match, newest batch first and in order within it, without their stages.

        With `offset` and `limit` one page of them; `total` counts all. `damaged` names records that cannot be believed.
        """
        if batch_id is not None:
            self._index.batch(batch_id)
        look = self._looker.look()
        everything, batches = look.situation.runs, look.situation.batches
        found = [
            run
            for run in everything.values()
            if run.batch_id in batches
            and phase in (None, run.phase)
            and user in (None, run.owner)
            and batch_id in (None, run.batch_id)
        ]
        found.sort(key=lambda run: run.position)
        found.sort(key=lambda run: run.batch_id, reverse=True)
        page = found[offset : None if limit is None else offset + limit]
        damaged = [{"id": id_, "problem": problem} for id_, problem in sorted(self._index.damaged.items())]
        return {"runs": [self._brief(run, look) for run in page], "total": len(found), "damaged": damaged}

    def why(self, run_id: str) -> dict[str, Any]:
        """The one reason why a run does not move."""
        look = self._looker.look()
        reason = why(self.record(run_id), look.situation, service_alive=look.service_alive)
        return {
            "run_id": run_id,
            "code": reason.code,
            "message": reason.message,
            "until": rfc3339(reason.until) if reason.until else None,
        }

    def flags(self, run: RunRecord) -> list[str]:
        """The flags a run is shown with: stalled, slow, resumed, adopted."""
        return list(flags(run, self._measure.quiet_s(run), stall_s=self._config.stall_s))

    def _brief(self, run: RunRecord, look: Look) -> dict[str, Any]:
        running = run.open_attempt
        progress = self._measure.progress_of(run)
        return {
            "run_id": run.run_id,
            "batch_id": run.batch_id,
            "space_id": run.space_id,
            "position": run.position,
            "source": run.source.value,
            "title": run.title,
            "duration_s": run.duration_s,
            "owner": run.owner,
            "phase": run.phase,
            "intent": run.intent.want,
            "flags": self.flags(run),
            "priority": run.priority,
            "progress": self._measure.share(run),
            "stage": running.stage if running is not None else None if run.phase in TERMINAL else run.next_stage,
            "note": str(progress.get("note", "")) if progress else "",
            "created_at": rfc3339(run.created_at),
            "started_at": rfc3339(run.started_at) if run.started_at else None,
            "completed_at": rfc3339(run.completed_at) if run.completed_at else None,
            "updated_at": rfc3339(run.updated_at),
            "eta_s": span(self._measure.eta(run, look.rates)) if run.phase not in TERMINAL else None,
            "attempts": {name: stage.tries for name, stage in run.stages.items()},
            "retry_count": run.retry_count,
            "resumed_count": run.resumed_count,
            "failure": msgspec.to_builtins(run.failure) if run.failure is not None else None,
            "blocked_reason": look.blocked(run),
            "work": {
                name: msgspec.to_builtins(stage.work) for name, stage in run.stages.items() if stage.work is not None
            },
        }

    def _stage(self, run: RunRecord, name: str, stage: StageState) -> dict[str, Any]:
        receipt = self._artifacts.receipt(name, stage.key) if stage.key else None
        files = receipt.files if receipt is not None else {}
        progress = self._measure.progress_of(run) if run.open_attempt and run.open_attempt.stage == name else None
        return {
            "status": stage.status,
            "attempts": [msgspec.to_builtins(attempt) for attempt in run.attempts if attempt.stage == name],
            "progress": self._measure.stage_share(run, name),
            "started_at": rfc3339(stage.started_at) if stage.started_at else None,
            "ended_at": rfc3339(stage.ended_at) if stage.ended_at else None,
            "units_done": receipt.units if receipt is not None else None,
            "units_total": receipt.units if receipt is not None else None,
            "unit": self._catalog.stages[name].unit if name in self._catalog.stages else None,
            "done": progress.get("done") if progress else None,
            "total": progress.get("total") if progress else None,
            "files": [{"name": file, "size": entry.size, "sha256": entry.sha256} for file, entry in files.items()],
            "reused": stage.reused,
            "error": msgspec.to_builtins(stage.failure) if stage.failure is not None else None,
        }

    # --- batches and the pool --------------------------------------------------------------------------------

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Everything about a batch, with its runs (without their stages)."""
        batch = self._index.batch(batch_id)
        look = self._looker.look()
        runs = self._index.runs_of(batch_id)
        return self._batch_brief(batch, runs, look) | {"runs": [self._brief(run, look) for run in runs]}

    def batches(self, *, limit: int | None = None) -> dict[str, Any]:
        """All batches, or the newest `limit`, newest first, without their runs."""
        look = self._looker.look()
        runs, batches = look.situation.runs, look.situation.batches
        of: dict[str, list[RunRecord]] = {batch_id: [] for batch_id in batches}
        for run in runs.values():
            if run.batch_id in of:
                of[run.batch_id].append(run)
        newest = sorted(batches.values(), key=lambda batch: batch.batch_id, reverse=True)
        shown = [self._batch_brief(batch, of[batch.batch_id], look) for batch in newest[:limit]]
        return {"batches": shown, "total": len(newest)}

    def _batch_brief(self, batch: BatchRecord, runs: list[RunRecord], look: Look) -> dict[str, Any]:
        counts = Counter(run.phase for run in runs)
        eta = (
            self._measure.eta_of(runs, look.rates, batch.concurrency)
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
            "intent": "pause" if pause else "cancel" if batch.cancel_by else "run",
            "pause": msgspec.to_builtins(pause) if pause is not None else None,
            "settings": msgspec.to_builtins(batch.settings),
            "priority": batch.priority,
            "concurrency": batch.concurrency,
            "total": len(runs),
            "completed": counts[Phase.COMPLETED],
            "failed": counts[Phase.FAILED],
            "cancelled": counts[Phase.CANCELLED],
            "skipped": counts[Phase.SKIPPED],
            "consecutive_failures": consecutive_failures(runs),
            "outcome": batch.outcome,
            "total_duration_s": sum(run.duration_s or 0.0 for run in runs),
            "processed_duration_s": sum(run.duration_s or 0.0 for run in runs if run.phase == Phase.COMPLETED),
            "eta_s": span(eta),
            "progress": round(share, 4),
            "created_at": rfc3339(batch.created_at),
            "completed_at": rfc3339(batch.completed_at) if batch.completed_at else None,
        }

    def status(self) -> dict[str, Any]:
        """The pool in numbers."""
        look = self._looker.look()
        batches, pool, alive = look.situation.batches, look.situation.pool, look.service_alive
        runs = [run for run in look.situation.runs.values() if run.batch_id in batches]
        counts = Counter(run.phase for run in runs if batches[run.batch_id].phase != BatchPhase.DRAFT)
        holder = Lock(self._layout.service_lock()).holder() if alive else None
        active = [run for run in runs if run.phase not in TERMINAL]
        done_lately = [
            run
            for run in runs
            if run.completed_at and (self._clock.now() - run.completed_at).total_seconds() < THROUGHPUT_WINDOW_S
        ]
        return {
            "status": pool_status(pool, counts, service_alive=alive),
            "active_workers": sum(run.open_attempt is not None for run in active),
            "pending": counts[Phase.QUEUED] + counts[Phase.RETRY_WAIT] + counts[Phase.RECEIVING],
            "processing": counts[Phase.RUNNING],
            "completed": counts[Phase.COMPLETED] + counts[Phase.SKIPPED],
            "failed": counts[Phase.FAILED],
            "paused": counts[Phase.PAUSED],
            "cancelled": counts[Phase.CANCELLED],
            "damaged": len(self._index.damaged),
            "stalled": sum("stalled" in self.flags(run) for run in active),
            "resumed": sum(run.resumed for run in active),
            "throughput_per_min": round(len(done_lately) * 60.0 / THROUGHPUT_WINDOW_S, 3),
            "eta_s": span(self._measure.eta_of(active, look.rates)) if active else None,
            "pause": msgspec.to_builtins(pool.pause) if pool.pause is not None else None,
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
                "redone_s": None,
            },
        }

    def findings(self) -> list[dict[str, Any]]:
        """What a look at every file in the storage finds wrong; repairs nothing, and takes as long as reading them all."""
        return [msgspec.to_builtins(finding) for finding in check(self._layout, self._clock, repair=False)]


def span(estimate: Estimate | None) -> dict[str, float] | None:
    """An estimate as the contract has it."""
    return None if estimate is None else {"low": round(estimate.low_s, 1), "high": round(estimate.high_s, 1)}


def consecutive_failures(runs: list[RunRecord]) -> int:
    """How many runs failed since the last one that did not, in the order in which they ended."""
    ended = sorted((run.completed_at, run.phase) for run in runs if run.completed_at and run.phase in TERMINAL)
    phases = [phase for _, phase in ended]
    return next((count for count, phase in enumerate(reversed(phases)) if phase != Phase.FAILED), len(phases))
