"""The report of a batch: what was done, taken over and done twice, what that saved, and what is worth changing."""

import os
from datetime import datetime
from typing import Any

import msgspec

from core.domain.batch import BatchRecord
from core.domain.report import Step, retries, saved_s, saved_sentence, seconds_in, speeds, took_s, work_sums
from core.domain.run import RunRecord
from core.domain.states import Phase
from core.domain.suggestions import Suggestion, failure_suggestions, lane_suggestions, model_suggestions
from core.manager.capacities import Capacities
from core.manager.index import Index
from core.manager.run_views import attempt_counts, last_error
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.store.journal import Journal
from core.system.clock import Clock

WAITS = (Phase.RECEIVING, Phase.QUEUED, Phase.RETRY_WAIT)


class Reports:
    """Adds up receipts, ledgers and the journal; never writes. Speeds and lanes are judged by the `whole`."""

    def __init__(
        self,
        *,
        index: Index,
        whole: Index,
        artifacts: Artifacts,
        journal: Journal,
        catalog: Catalog,
        capacities: Capacities,
        clock: Clock,
    ) -> None:
        self._index, self._whole, self._artifacts, self._journal = index, whole, artifacts, journal
        self._catalog, self._capacities, self._clock = catalog, capacities, clock

    def report(self, batch_id: str) -> dict[str, Any]:
        """The report of a batch that may still be going on; raises `NotFound` or `Damaged`.

        `uses` is for each stage what the attempts that published its results used together: seconds of processor time, and the
        most memory of one of them, as far as their receipts tell. `work` is for each stage what was done, reused and redone in its unit, and the seconds of work that reusing
        saved (null where the stage's speed was never measured); `seconds_saved` is their sum, as far as they are known.
        """
        batch = self._index.batch(batch_id)
        runs = self._index.runs_of(batch_id)
        sums = work_sums(runs)
        speed = speeds(self._whole.snapshot()[0].values()) | speeds(runs)
        saved = {name: saved_s(work, speed.get(name)) for name, work in sums.items()}
        steps = self._steps(batch_id)
        spent = seconds_in(steps.get(batch_id, []), batch.created_at, self._clock.now())
        rows = [self._run(run, steps.get(run.run_id, [])) for run in runs]
        known_s = round(sum((seconds or 0.0 for seconds in saved.values()), 0.0), 1)
        total = None if None in saved.values() and not known_s else known_s
        return {
            "batch_id": batch_id,
            "name": batch.name,
            "phase": batch.phase,
            "outcome": batch.outcome,
            "runs": rows,
            "work": {name: msgspec.to_builtins(work) | {"seconds_saved": saved[name]} for name, work in sums.items()},
            "seconds_saved": total,
            "uses": self._uses(runs),
            "paused_s": spent.get("paused", 0.0),
            "worked_s": round(sum(row["worked_s"] for row in rows), 1),
            "sentence": saved_sentence(sums, total),
            "suggestions": [msgspec.to_builtins(one) for one in self._suggestions(batch, runs)],
        }

    def _run(self, run: RunRecord, steps: list[Step]) -> dict[str, Any]:
        spent = seconds_in(steps, run.created_at, run.completed_at or self._clock.now())
        return {
            "run_id": run.run_id,
            "title": run.title or run.source.value,
            "phase": run.phase,
            "attempt_counts": attempt_counts(run),
            "retries": retries(run),
            "rounds": run.retry_count,
            "resumes": run.resumed_count,
            "last_error": last_error(run),
            "worked_s": took_s(run.attempts),
            "paused_s": spent.get(Phase.PAUSED, 0.0),
            "waited_s": round(sum(spent.get(phase, 0.0) for phase in WAITS), 3),
        }

    def _steps(self, batch_id: str) -> dict[str, list[Step]]:
        """The transitions of the batch and its runs, by id and in order, as the journal has them."""
        found: dict[str, list[Step]] = {}
        for line in self._journal.lines():
            if line.get("batch_id") != batch_id or not line.get("to") or "at" not in line.get("data", {}):
                continue
            step = Step(datetime.fromisoformat(line["data"]["at"]), str(line.get("from")), str(line["to"]))
            found.setdefault(line.get("run_id") or batch_id, []).insert(0, step)
        return found

    def _suggestions(self, batch: BatchRecord, runs: list[RunRecord]) -> list[Suggestion]:
        starts = [attempt.started_at for run in runs for attempt in run.attempts]
        ends = [attempt.ended_at or self._clock.now() for run in runs for attempt in run.attempts]
        everyone = list(self._whole.snapshot()[0].values())
        capacity, _ = self._capacities.in_force()
        lanes, threads = capacity.lanes, capacity.transcribe_threads
        spare_cores = len(os.sched_getaffinity(0)) - threads * (lanes["cpu"] + 1) + 1 if threads else 0
        found = failure_suggestions(runs) + model_suggestions(runs, self._models(runs))
        if starts:
            found += lane_suggestions(
                everyone,
                since=min(starts),
                until=max(ends),
                lane_of=self._catalog.lanes,
                lanes=lanes,
                spare_cores=spare_cores,
            )
        return found

    def _uses(self, runs: list[RunRecord]) -> dict[str, dict[str, float]]:
        keys = {(name, stage.key) for run in runs for name, stage in run.stages.items() if stage.key is not None}
        uses: dict[str, dict[str, float]] = {}
        for name, key in sorted(keys):
            receipt = self._artifacts.receipt(name, key)
            if receipt is not None and receipt.cpu_s is not None:
                sums = uses.setdefault(name, {"cpu_s": 0.0, "memory_bytes": 0})
                sums["cpu_s"] = round(sums["cpu_s"] + receipt.cpu_s, 2)
                sums["memory_bytes"] = max(sums["memory_bytes"], receipt.memory_bytes or 0)
        return uses

    def _models(self, runs: list[RunRecord]) -> dict[str, str]:
        """Which model transcribed each run, by its receipt."""
        models = {}
        for run in runs:
            stage = run.stages.get("transcribe")
            receipt = self._artifacts.receipt("transcribe", stage.key) if stage is not None and stage.key else None
            if receipt is not None and receipt.facts.get("model"):
                models[run.run_id] = str(receipt.facts["model"])
        return models
