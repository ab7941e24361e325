"""Claiming: what the schedule chose is opened on the disk first, and handed to a worker after that."""

from collections.abc import Callable, Collection, Mapping

from msgspec.structs import replace

from core.domain import attempts as attempting
from core.domain.lines import Lines
from core.domain.plan import fitted
from core.domain.run import Owner, RunRecord
from core.domain.schedule import Claim, Situation, breaker_key, schedule
from core.domain.states import Phase, Want
from core.engines.engine import Engine
from core.manager.hearing import Published
from core.manager.index import Index
from core.manager.shared_work import SharedWork
from core.manager.waits import Waits
from core.manager.writer import Writer
from core.runner.outcome import Assignment
from core.stages.catalog import Catalog
from core.system.clock import Clock

IDLE_S = 30.0
THROTTLED_S = 2.0


class Claims:
    """Opens attempts; `begun(attempt_id, run_id)` is told of each before its worker is."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        engine: Engine,
        catalog: Catalog,
        shared: SharedWork,
        clock: Clock,
        waits: Waits,
        epoch: int,
        new_attempt_id: Callable[[], str],
        disk_is_low: Callable[[], bool],
        throttled: Callable[[], Mapping[str, str]],
        max_runs_per_user: int,
        spent: Callable[[], frozenset[str]],
        begun: Callable[[str, str], None],
    ) -> None:
        self._index, self._writer, self._engine, self._catalog = index, writer, engine, catalog
        self._shared, self._clock, self._waits, self._epoch = shared, clock, waits, epoch
        self._new_attempt_id, self._disk_is_low, self._begun = new_attempt_id, disk_is_low, begun
        self._throttled, self._max_runs_per_user, self._spent = throttled, max_runs_per_user, spent
        self._lines = Lines(catalog.lanes, catalog.outside)
        self._changes = index.follow()
        self._ahead: set[str] = set()

    def due(self, ahead: Collection[RunRecord] = ()) -> list[Claim]:
        """The attempts that may start now, in order; `ahead` are runs as they are once this turn has written them."""
        self._read(ahead)
        return schedule(self._situation(), self._lines)

    def has_place(self, run: RunRecord) -> bool:
        """Whether a run that stood still may go on: its batch and its user have fewer at work than they may have."""
        self._read(())
        most = self._max_runs_per_user
        if 0 < most <= self._lines.running_of_user[run.owner]:
            return False
        return not self._lines.is_full(self._index.batches[run.batch_id])

    def look_again_s(self) -> float:
        """Seconds until something may start though no record changes: a lane is held back, or a breaker's wait ends."""
        waits = [
            self._waits.left_s(breaker_key(name), b.until, b.open_s) for name, b in self._index.pool.breakers.items()
        ]
        again_s = min((wait_s for wait_s in waits if wait_s > 0), default=IDLE_S)
        return min(again_s, THROTTLED_S) if self._throttled() else again_s

    def _read(self, ahead: Collection[RunRecord]) -> None:
        """Bring the lines up to date with the records that changed since the last time, and with those `ahead`."""
        runs, batches = self._changes.take()
        runs |= self._ahead  # what was not written after all counts no more
        self._ahead = {run.run_id for run in ahead}
        all_runs, all_batches = self._index.runs, self._index.batches
        read_runs = [run for run_id in runs if (run := all_runs.get(run_id)) is not None]
        read_batches = [batch for batch_id in batches if (batch := all_batches.get(batch_id)) is not None]
        self._lines.update(read_runs, read_batches)
        if ahead:
            self._lines.update(ahead)
        for run_id in runs.difference(run.run_id for run in read_runs):
            self._lines.drop_run(run_id)
        for batch_id in batches.difference(batch.batch_id for batch in read_batches):
            self._lines.drop_batch(batch_id)

    def start(self, claim: Claim, published: Published | None = None) -> bool:
        """Start one attempt, unless its slot is taken or its intent changed meanwhile; False when the slot is taken.

        Else what its run `published` before is durable too, with the same write. Raises what writing the run or starting
        a process raises; the slot is free again then.
        """
        slot = self._engine.reserve(claim.lane)
        if slot is None:
            return False
        attempt_id = self._new_attempt_id()
        before = [published.change] if published is not None else []
        try:
            run = self._writer.run(claim.run_id, *before, lambda run: self._opened(run, claim, attempt_id, slot.owner))
        except BaseException:
            self._engine.release(slot)
            raise
        if run.open_attempt is None or run.open_attempt.id != attempt_id:
            self._engine.release(slot)
            return True
        self._begun(attempt_id, run.run_id)
        assignment = Assignment(attempt_id=attempt_id, run_id=run.run_id, stage=claim.stage, epoch=self._epoch)
        self._engine.submit(slot, assignment)
        return True

    def _opened(self, run: RunRecord, claim: Claim, attempt_id: str, owner: Owner) -> RunRecord:
        if run.intent.want != Want.RUN or run.next_stage != claim.stage or run.open_attempt is not None:
            return run
        if run.phase not in (Phase.QUEUED, Phase.RUNNING):
            return run
        frozen = self._frozen(run)
        if frozen.next_stage != claim.stage:  # its batch was given other settings after it was chosen
            return replace(frozen, settings=run.settings)
        opened = attempting.open_attempt(frozen, claim.stage, attempt_id, self._epoch, self._clock.now(), owner)
        if claim.probe is None:
            return opened
        return replace(opened, attempts=[*opened.attempts[:-1], replace(opened.attempts[-1], probe=claim.probe)])

    def _frozen(self, run: RunRecord) -> RunRecord:
        """`run` with its settings; those of its batch, and the stages they ask for, when it is claimed first."""
        if run.settings is not None:
            return run
        settings = self._index.batches[run.batch_id].settings
        return replace(fitted(run, self._catalog.wanted(settings)), settings=settings)

    def _situation(self) -> Situation:
        return Situation(
            runs=self._index.runs,  # as they are and not copies: the lines know what counts
            batches=self._index.batches,
            pool=self._index.pool,
            free=self._engine.free(),
            lanes=self._engine.lanes(),
            lane_of=dict(self._catalog.lanes),
            now=self._clock.now(),
            outside=self._catalog.outside,
            disk_low=self._disk_is_low(),
            shared_busy=self._shared.busy(self._lines.shared),
            throttled=self._throttled(),
            max_runs_per_user=self._max_runs_per_user,
            spent=self._spent(),
            left_s=self._waits.left_s,
        )
