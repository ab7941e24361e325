"""How one run is shown: the JSON of the outside contract, computed from its record each time."""

from collections import Counter
from typing import Any

import msgspec

from core.domain.estimate import Estimate
from core.domain.flags import flags
from core.domain.report import took_s
from core.domain.run import RunRecord, StageState
from core.domain.states import TERMINAL
from core.manager.look import Look
from core.manager.measure import Measure
from core.manager.pauses import Pauses
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.system.clock import rfc3339


class RunViews:
    """Says what is shown of a run: briefly in lists, with its stages where it is looked at."""

    def __init__(self, *, artifacts: Artifacts, catalog: Catalog, measure: Measure, pauses: Pauses) -> None:
        self._artifacts, self._catalog, self._measure, self._pauses = artifacts, catalog, measure, pauses

    def flags(self, run: RunRecord) -> list[str]:
        """The flags a run is shown with: stalled, slow, resumed, adopted."""
        return list(flags(run))

    def brief(self, run: RunRecord, look: Look) -> dict[str, Any]:
        """The run without its stages."""
        progress = self._measure.progress_of(run)
        return {
            "run_id": run.run_id,
            "batch_id": run.batch_id,
            "space_id": run.space_id,
            "position": look.place(run),
            "source": run.source.value,
            "title": run.title,
            "duration_s": run.duration_s,
            "owner": run.owner,
            "phase": run.phase,
            "intent": "retry" if run.intent.again else run.intent.want,
            "pause": self._pauses.of_run(run, look),
            "removed": run.removed,
            "flags": self.flags(run),
            "priority": look.priority(run),
            "progress": self._measure.share(run),
            "stage": self._stage_of(run),
            "note": str(progress.get("note", "")) if progress else "",
            "created_at": rfc3339(run.created_at),
            "started_at": rfc3339(run.started_at) if run.started_at else None,
            "completed_at": rfc3339(run.completed_at) if run.completed_at else None,
            "updated_at": rfc3339(run.updated_at),
            "worked_s": took_s(run.attempts),
            "eta_s": span(self._measure.eta(run, look.rates)) if run.phase not in TERMINAL else None,
            "attempts": {name: stage.tries for name, stage in run.stages.items()},
            "attempt_counts": attempt_counts(run),
            "last_error": last_error(run),
            "retry_count": run.retry_count,
            "resumed_count": run.resumed_count,
            "failure": msgspec.to_builtins(run.failure) if run.failure is not None else None,
            "blocked_reason": look.blocked(run),
            "work": {
                name: msgspec.to_builtins(stage.work) for name, stage in run.stages.items() if stage.work is not None
            },
        }

    def moving(self, run: RunRecord) -> dict[str, Any]:
        """How far the run is, by its record and progress alone."""
        progress, stage = self._measure.progress_of(run), self._stage_of(run)
        return {
            "run_id": run.run_id,
            "batch_id": run.batch_id,
            "space_id": run.space_id,
            "source": run.source.value,
            "title": run.title,
            "phase": run.phase,
            "progress": self._measure.share(run),
            "stage": stage,
            "stage_progress": self._measure.stage_share(run, stage) if stage is not None else None,
            "note": str(progress.get("note", "")) if progress else "",
            "error": run.failure.message if run.failure is not None else None,
        }

    def _stage_of(self, run: RunRecord) -> str | None:
        running = run.open_attempt
        return running.stage if running is not None else None if run.phase in TERMINAL else run.next_stage

    def full(self, run: RunRecord, look: Look) -> dict[str, Any]:
        """The run with its stages."""
        return self.brief(run, look) | {
            "stages": {name: self._stage(run, name, stage) for name, stage in run.stages.items()}
        }

    def _stage(self, run: RunRecord, name: str, stage: StageState) -> dict[str, Any]:
        receipt = self._artifacts.receipt(name, stage.key) if stage.key else None
        files = receipt.files if receipt is not None else {}
        progress = self._measure.progress_of(run) if run.open_attempt and run.open_attempt.stage == name else None
        attempts = [attempt for attempt in run.attempts if attempt.stage == name]
        return {
            "status": stage.status,
            "attempts": msgspec.to_builtins(attempts),
            "worked_s": took_s(attempts),
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


def attempt_counts(run: RunRecord) -> dict[str, int]:
    """How many attempts of `run` ended in which way, in all rounds."""
    return dict(Counter(str(attempt.outcome) for attempt in run.attempts if attempt.outcome is not None))


def last_error(run: RunRecord) -> dict[str, Any] | None:
    """The latest error of any attempt of `run`, in which stage and when; it stays when a later attempt went well."""
    for attempt in reversed(run.attempts):
        if attempt.failure is not None:
            at = rfc3339(attempt.ended_at) if attempt.ended_at is not None else None
            told: dict[str, Any] = msgspec.to_builtins(attempt.failure)
            return told | {"stage": attempt.stage, "at": at}
    return None


def span(estimate: Estimate | None) -> dict[str, float] | None:
    """An estimate as the contract has it."""
    return None if estimate is None else {"low": round(estimate.low_s, 1), "high": round(estimate.high_s, 1)}
