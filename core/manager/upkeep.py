"""What the service looks after between turns: damaged results are made again, uploads are removed, its log stays short."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from core.domain.errors import RepriseError
from core.domain.moves import invalidate
from core.domain.plan import reset_from
from core.domain.run import RunRecord
from core.domain.states import Phase, StageStatus
from core.manager.cleanup import SERVICE, Cleanup
from core.manager.index import Index
from core.manager.purge import Purge
from core.manager.uploads import Uploads
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.system.clock import Clock
from core.system.logs import Log, bound_log

log = Log("service")

SLICE = 20
IDLE_S = 3600.0
# A slice of cleaning up ends after this; the longest single step is the removal of one batch.
CLEANING_S = 0.05
DAILY = timedelta(hours=23)


class Upkeep:
    """At each start and every hour, in slices that do not hold up a turn, looks at what finished runs published.

    What is lost of a batch that somebody cancelled is told, once, and not made again: nobody wants more work on that.
    Before that it finishes what a deletion for good left behind when it was cut off. After each of these rounds it cleans the
    uploads, and once a day it cleans up everything. The log of the service is looked at in every turn.
    """

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        artifacts: Artifacts,
        catalog: Catalog,
        clock: Clock,
        uploads: Uploads,
        purge: Purge,
        cleanup: Cleanup,
        log: Path,
    ) -> None:
        self._index, self._writer, self._artifacts = index, writer, artifacts
        self._catalog, self._clock, self._uploads, self._log = catalog, clock, uploads, log
        self._purge, self._cleanup = purge, cleanup
        self._cleaning: Iterator[str] | None = None
        self._left: Iterator[str] | None = None
        self._told: set[str] = set()  # runs of cancelled batches whose lost results were told of
        self._rests_until_s = 0.0  # on the monotonic clock

    def turn(self) -> float:
        """Look at the next few; returns the seconds until there is more to look at."""
        bound_log(self._log)
        rest_s = self._rests_until_s - self._clock.monotonic()
        if rest_s > 0:
            return rest_s
        if self._cleaning is not None:
            return self._clean(self._cleaning)
        if self._left is None:
            self._purge.finish_all()
            runs, _, _ = self._index.snapshot()
            self._left = iter([run.run_id for run in runs.values() if run.phase == Phase.COMPLETED])
        moved = False
        for _ in range(SLICE):
            run_id = next(self._left, None)
            if run_id is None:
                self._left = None
                self._uploads.clean()
                if self._is_time_to_clean():
                    self._cleaning = self._cleanup.steps(SERVICE)
                    return 0.0 if moved else 0.01
                self._rests_until_s = self._clock.monotonic() + IDLE_S
                return 0.0 if moved else IDLE_S  # what is to be made again has not been scheduled in this turn
            moved = self._look_at(run_id) or moved
        return 0.01

    def _is_time_to_clean(self) -> bool:
        cleaned_at = self._index.pool.cleaned_at
        return cleaned_at is None or self._clock.now() - cleaned_at > DAILY

    def _clean(self, steps: Iterator[str]) -> float:
        """Take the next steps of a clean-up; what the disk refuses is tried again in an hour."""
        until = self._clock.monotonic() + CLEANING_S
        try:
            while self._clock.monotonic() < until:
                if next(steps, None) is None:
                    break
            else:
                return 0.01
        except RepriseError as error:
            log.error("not_cleaned", error=error.message)
        self._cleaning = None
        self._rests_until_s = self._clock.monotonic() + IDLE_S
        return IDLE_S

    def _look_at(self, run_id: str) -> bool:
        """Look at one run; whether something of it is to be made again."""
        run = self._index.runs.get(run_id)
        if run is None:
            return False
        damaged = [name for name in self._committed(run) if not self._is_whole(name, run)]
        batch = self._index.batches.get(run.batch_id)
        if damaged and batch is not None and batch.cancel_by is not None:
            self._tell(run, damaged)
        elif damaged:
            self._writer.run(run_id, lambda run: self._invalidated(run, damaged))
            return True
        return False

    def _tell(self, run: RunRecord, damaged: list[str]) -> None:
        if run.run_id not in self._told:
            self._told.add(run.run_id)
            said = f"no longer whole: {', '.join(damaged)}; not made again, since its batch was cancelled"
            self._writer.note("run.damaged", run_id=run.run_id, batch_id=run.batch_id, data={"why": said})

    def _invalidated(self, run: RunRecord, damaged: list[str]) -> RunRecord:
        if run.phase != Phase.COMPLETED:
            return run
        wanted = {name: stage.status != StageStatus.NOT_NEEDED for name, stage in run.stages.items()}
        stages = reset_from(run.stages, None, wanted, self._catalog.needs, frozenset(damaged))
        return invalidate(run, stages, self._clock.now(), why=f"no longer whole: {', '.join(damaged)}")

    def _committed(self, run: RunRecord) -> list[str]:
        return [name for name, stage in run.stages.items() if stage.status == StageStatus.COMMITTED]

    def _is_whole(self, name: str, run: RunRecord) -> bool:
        key = run.stages[name].key
        return key is not None and self._artifacts.verify(name, key, deep=False) is not None
