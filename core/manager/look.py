"""One look at the whole, taken once for all the runs a view shows."""

from collections.abc import Mapping

import msgspec

from core.domain.batch import BatchRecord, all_places, effective_priority
from core.domain.diagnosis import Reasons, Why
from core.domain.estimate import Rates
from core.domain.run import RunRecord
from core.domain.schedule import Situation
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.domain.words import person
from core.manager.capacities import Capacities
from core.manager.disk import is_low, needed_bytes
from core.manager.index import Index
from core.manager.measure import Measure
from core.manager.spent import Spent
from core.stages.catalog import Catalog
from core.store.layout import Layout
from core.system.clock import Clock, rfc3339
from core.system.files import free_bytes
from core.system.pressure import Pressure


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What schedule and diagnosis decide on, the measured rates, and whether a service is there.

    Without `names` it is for somebody who is not told of others.
    """

    situation: Situation
    rates: Rates
    service_alive: bool
    reasons: Reasons
    places: Mapping[str, int]
    deleted: Mapping[str, BatchRecord]
    names: bool = True

    def place(self, run: RunRecord) -> int:
        """The place of a run in the order of its batch, from 1."""
        return self.places.get(run.run_id, run.position)

    def priority(self, run: RunRecord) -> int:
        """The priority a run is claimed by."""
        batch = self.deleted.get(run.batch_id) or self.situation.batches.get(run.batch_id)
        if batch is None:  # removed for good since the run was read
            return 0 if run.priority is None else run.priority
        return effective_priority(run, batch)

    def blocked(self, run: RunRecord) -> str | None:
        """Why a run that could move does not, as a sentence; None when it moves or is over."""
        held = run.phase == Phase.PAUSED and run.intent.want == Want.RUN
        if run.phase in TERMINAL or (run.open_attempt is not None and not held):
            return None
        if run.removed or run.batch_id not in self.situation.batches:
            return None  # nothing will be made of it
        reason = self.reasons.why(run)
        return None if reason.code in ("none", "terminal") else reason.message


def gone(run: RunRecord, batch: BatchRecord) -> Why | None:
    """Why nothing will be made of a run that was removed, or whose batch was deleted; None for any other."""
    if run.removed:
        by = f" by {person(run.intent.by)}" if run.intent.by else ""
        said = f": {run.intent.why}" if run.intent.why else "."
        return Why(code="terminal", message=f"It was removed from its batch{by}{said}")
    if batch.phase != BatchPhase.DELETED:
        return None
    restore = "" if batch.purging else f"; ./reprise restore {batch.batch_id} brings it back"
    return Why(code="terminal", message=f"Its batch is deleted{restore}.")


class Looker:
    """Takes looks."""

    def __init__(
        self,
        *,
        index: Index,
        layout: Layout,
        catalog: Catalog,
        measure: Measure,
        capacities: Capacities,
        spent: Spent,
        clock: Clock,
    ) -> None:
        self._spent = spent
        self._index, self._layout, self._catalog = index, layout, catalog
        self._measure, self._capacities, self._clock = measure, capacities, clock

    def look(self, *, names: bool = True) -> Look:
        """Everything a view needs to know of the whole, read once for all runs it shows.

        Without `names` its reasons name no other user.
        """
        runs, batches, pool = self._index.snapshot()
        now = self._clock.now()
        capacity, alive = self._capacities.in_force()
        free = dict(capacity.lanes)
        for run in runs.values():
            if run.open_attempt is not None:
                free[self._catalog.lanes[run.open_attempt.stage]] -= 1
        disk_free, reserve = free_bytes(self._layout.root), capacity.free_space_bytes
        disk_low = pool.disk is not None if alive else is_low(disk_free, reserve, held=False)
        situation = Situation(
            runs=runs,
            batches=batches,
            pool=pool,
            free=free,
            lanes=capacity.lanes,
            lane_of=self._catalog.lanes,
            now=now,
            outside=self._catalog.outside,
            disk_low=disk_low,
            disk_free=disk_free,
            disk_needed=needed_bytes(reserve, held=disk_low),
            throttled=Pressure(capacity.min_free_memory_bytes, capacity.max_load_per_core).throttled(),
            max_runs_per_user=capacity.max_runs_per_user,
            spent=self._spent.batches(),
            shared_busy=frozenset(run.waits_for for run in runs.values() if run.waits_for is not None),
        )
        return Look(
            situation=situation,
            rates=self._measure.rates(),
            service_alive=alive,
            reasons=Reasons(situation, service_alive=alive, names=names),
            places=all_places(batches, runs.values()),
            names=names,
            deleted={id_: batch for id_, batch in self._index.everything()[1].items() if id_ not in batches},
        )


def told(why: Why) -> dict[str, str | None]:
    """A reason as it is shown."""
    return {"code": why.code, "message": why.message, "until": rfc3339(why.until) if why.until else None}
