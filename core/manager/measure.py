"""What can be measured of running work: how far it is, when it last moved, and what is probably left."""

from collections.abc import Mapping
from typing import Any

from core.domain.estimate import Estimate, Rates, Spread, estimate_run, estimate_runs, measured_rates, own_left
from core.domain.run import RunRecord
from core.domain.states import AttemptOutcome, Phase, StageStatus
from core.manager.index import Index
from core.stages.catalog import Catalog
from core.store.begun import NAME as BEGUN
from core.store.begun import in_flight
from core.store.layout import Layout
from core.store.progress import read_progress
from core.store.units import read_units, sizes
from core.system.clock import Clock
from core.system.identity import boot_id

# What share of a run a stage is while nothing was measured yet.
WEIGHTS = {"download": 0.15, "transcribe": 0.7, "remove_silence": 0.4, "export": 0.4}
OTHER_WEIGHT = 0.075


class Measure:
    """Reads the progress files, which may be missing or late, and units, which are the truth."""

    def __init__(self, *, index: Index, layout: Layout, catalog: Catalog, clock: Clock) -> None:
        self._index, self._layout, self._catalog, self._clock = index, layout, catalog, clock

    def progress_of(self, run: RunRecord) -> dict[str, Any] | None:
        """The latest progress of the run's open attempt, if it belongs to that."""
        attempt = run.open_attempt
        progress = read_progress(self._layout, run.run_id) if attempt is not None else None
        return (
            progress if progress is not None and attempt is not None and progress.get("attempt") == attempt.id else None
        )

    def units_of_attempt(self, run_id: str, attempt_id: str) -> int:
        """How many units the attempt made durable, as far as it told where.

        Where bytes are the units, those count by which it came further than every attempt before it on the same.
        """
        progress = read_progress(self._layout, run_id)
        if progress is None or progress.get("attempt") != attempt_id:
            return 0
        if progress.get("unit") == "bytes":
            reached, before = progress.get("reached"), progress.get("reached_before")
            if not isinstance(reached, int | float) or not isinstance(before, int | float):
                return 0
            return max(0, int(reached - before))
        path = self._layout.work(str(progress.get("stage")), str(progress.get("key"))) / "units.jsonl"
        return sum(unit.attempt == attempt_id for unit in read_units(path).values())

    def in_flight_s(self, run: RunRecord) -> float | None:
        """The seconds of sound in units that the run's open attempt had begun and not made whole by now.

        None when the machine has started anew since: the notes of what was begun may not have come to the disk.
        """
        attempt = run.open_attempt
        stage = self._catalog.stages.get(attempt.stage) if attempt is not None else None
        if attempt is None or stage is None or stage.unit != "audio_s":
            return 0.0
        if attempt.owner is not None and attempt.owner.boot_id != boot_id():
            return None
        progress = self.progress_of(run)
        if progress is None:
            return 0.0  # it is told before anything is begun
        work = self._layout.work(attempt.stage, str(progress.get("key")))
        return in_flight(work / BEGUN, attempt.id, sizes(read_units(work / "units.jsonl").values()))

    def place_of(self, run: RunRecord) -> str:
        """How far the run's open attempt had come, in words to be put after its stage: ` (at 41 %)`, or nothing."""
        progress = self.progress_of(run)
        share = progress.get("share") if progress is not None else None
        return f" (at {share:.0%})" if isinstance(share, int | float) and share > 0 else ""

    def place(self, run: RunRecord) -> tuple[float | None, float | None]:
        """Where in its media the run's open attempt is, in seconds, where that can be said; and how far its stage is."""
        progress = self.progress_of(run) or {}
        share = progress.get("share")
        if not isinstance(share, int | float) or not progress.get("total"):
            return None, None
        timed = progress.get("unit") == "audio_s" and run.duration_s is not None
        return (round(share * run.duration_s, 1) if timed and run.duration_s else None), float(share)

    def share(self, run: RunRecord) -> float:
        """How far the run is, from 0 to 1."""
        if run.phase in (Phase.COMPLETED, Phase.SKIPPED):
            return 1.0
        needed = {name: stage for name, stage in run.stages.items() if stage.status != StageStatus.NOT_NEEDED}
        total = sum(WEIGHTS.get(name, OTHER_WEIGHT) for name in needed) or 1.0
        done = sum(WEIGHTS.get(name, OTHER_WEIGHT) * self.stage_share(run, name) for name in needed)
        return round(min(1.0, done / total), 4)

    def stage_share(self, run: RunRecord, name: str) -> float:
        """How far one stage of the run is, from 0 to 1; what an attempt that ended had reached still counts."""
        if run.stages[name].status == StageStatus.COMMITTED:
            return 1.0
        if not any(attempt.stage == name for attempt in run.attempts):
            return 0.0
        told = read_progress(self._layout, run.run_id) or {}
        last = next((attempt for attempt in reversed(run.attempts) if attempt.id == told.get("attempt")), None)
        if last is None or last.stage != name or last.outcome == AttemptOutcome.COMMITTED:
            return 0.0  # what a former round told
        share = told.get("share")
        return max(0.0, min(1.0, float(share))) if isinstance(share, int | float) else 0.0

    def rates(self) -> Rates:
        """The stage rates that finished runs teach."""
        return measured_rates(self._index.snapshot()[0].values())

    def eta(self, run: RunRecord, rates: Rates) -> Estimate | None:
        """What is left of the run; None for one that is over or unknown."""
        stage = run.next_stage
        share = self.stage_share(run, stage) if stage is not None else 1.0
        return estimate_run(run, rates, share, self.own_left(run))

    def eta_of(
        self, runs: list[RunRecord], rates: Rates, lanes: Mapping[str, int], concurrency: int | None = None
    ) -> Estimate | None:
        """What is left of several runs that share lanes with so many workers."""
        progress = {run.run_id: self.stage_share(run, run.next_stage) for run in runs if run.next_stage is not None}
        own = {run.run_id: left for run in runs if (left := self.own_left(run)) is not None}
        return estimate_runs(
            runs,
            rates,
            lane_of=self._catalog.lanes,
            lanes=lanes,
            concurrency=concurrency,
            progress=progress,
            own=own,
        )

    def own_left(self, run: RunRecord) -> Spread | None:
        """What the run's open attempt still needs by the speed it has shown itself."""
        told = self.progress_of(run) or {}
        numbers = [told.get(name) for name in ("done", "total", "began_share", "worked_s")]
        if not all(isinstance(number, int | float) for number in numbers) or not told["total"]:
            return None
        done, total, began_share, worked_s = map(float, numbers)  # type: ignore[arg-type]
        return own_left(done / total, began_share, worked_s)
