"""What is shown: finds what a view is asked about and lets `run_views`, `batch_views` and `pool_views` say it."""

from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Any, Literal

import msgspec

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.batch import BatchRecord
from core.domain.errors import NotFound
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from core.domain.tiers import parse_tiers
from core.manager.batch_views import BatchViews
from core.manager.capacities import Capacities
from core.manager.history import History
from core.manager.index import Index
from core.manager.listening import Listening
from core.manager.logs import Logs
from core.manager.look import Look, Looker, gone, told
from core.manager.measure import Measure
from core.manager.pauses import Pauses
from core.manager.pool_views import PoolViews
from core.manager.previews import Previews
from core.manager.queue_view import QueueView
from core.manager.report import Reports
from core.manager.run_views import RunViews
from core.manager.spent import Spent
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.store.check import check
from core.store.journal import Journal
from core.store.layout import Layout
from core.system.clock import Clock

BatchOrder = Literal["created_at", "priority", "name", "status"]
_ORDERS: dict[str, Callable[[BatchRecord], Any]] = {
    "priority": lambda batch: batch.priority,
    "name": lambda batch: batch.name.casefold(),
    "status": lambda batch: batch.phase,
}


class Views:
    """Reads the records, the progress files and the receipts; never writes.

    What is shown comes from `index`, which has what exists for `actor`; turns, lanes and speeds are told by the `whole`.
    """

    def __init__(
        self,
        *,
        index: Index,
        whole: Index,
        actor: Actor,
        layout: Layout,
        artifacts: Artifacts,
        catalog: Catalog,
        measure: Measure,
        journal: Journal,
        config: Config,
        clock: Clock,
        listening: Listening | None = None,
    ) -> None:
        self._index, self._layout, self._clock = index, layout, clock
        self._actor, self._sees_all = actor, actor.may(Scope.ADMIN)
        self._capacities = capacities = Capacities(whole, layout, config)
        self._looker = Looker(
            index=whole,
            layout=layout,
            catalog=catalog,
            measure=measure,
            capacities=capacities,
            spent=Spent(whole, layout, parse_tiers(config.tiers), clock),
            clock=clock,
        )
        pauses = Pauses(measure, clock)
        self._run_views = RunViews(artifacts=artifacts, catalog=catalog, measure=measure, pauses=pauses)
        self._batch_views = BatchViews(measure, pauses)
        self._pool_views = PoolViews(
            index=index, layout=layout, measure=measure, runs=self._run_views, pauses=pauses, clock=clock
        )
        self._queue_view = QueueView(self._run_views, index)
        self.logs = Logs(layout)
        self.history = History(journal, index, actor)
        self.previews = Previews(index, layout, artifacts, config.free_space_bytes, listening)
        self._reports = Reports(
            index=index,
            whole=whole,
            artifacts=artifacts,
            journal=journal,
            catalog=catalog,
            capacities=capacities,
            clock=clock,
        )

    # --- runs ------------------------------------------------------------------------------------------------

    def record(self, run_id: str) -> RunRecord:
        """The record of a run; raises `NotFound`, or `Damaged` when nothing of it can be believed."""
        return self._index.run(run_id)

    def run(self, run_id: str) -> dict[str, Any]:
        """Everything about a run, with its stages."""
        run = self.record(run_id)
        return self._run_views.full(run, self._look())

    def runs(
        self,
        *,
        phase: str | None = None,
        user: str | None = None,
        batch_id: str | None = None,
        attention: bool = False,
        offset: int = 0,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The runs that match, newest batch first and in order within it, without their stages.

        With `attention` only those that failed without anybody having stopped them. With `offset` and `limit` one page of
        them; `total` counts all. `damaged` names records that cannot be believed.
        """
        if batch_id is not None:
            self._index.batch(batch_id)
        everything, batches, _ = self._index.snapshot()
        look = self._look()
        found = [
            run
            for run in everything.values()
            if run.batch_id in batches
            and phase in (None, run.phase)
            and user in (None, run.owner)
            and batch_id in (None, run.batch_id)
            and (not attention or run.needs_attention)
        ]
        found.sort(key=look.place if look.places else attrgetter("position"))
        found.sort(key=attrgetter("batch_id"), reverse=True)
        page = found[offset : None if limit is None else offset + limit]
        damaged = [{"id": id_, "problem": problem} for id_, problem in sorted(self._index.damaged.items())]
        return {"runs": [self._run_views.brief(run, look) for run in page], "total": len(found), "damaged": damaged}

    def why(self, run_id: str) -> dict[str, Any]:
        """The one reason why a run does not move."""
        look = self._look()
        run = self.record(run_id)
        reason = gone(run, self._index.batches[run.batch_id]) or look.reasons.why(run)
        return {"run_id": run_id, **told(reason)}

    def moving(self, run_id: str) -> dict[str, Any]:
        """How far a run is, and nothing that needs a look at others; raises as `record` does."""
        return self._run_views.moving(self.record(run_id))

    def flags(self, run: RunRecord) -> list[str]:
        """The flags a run is shown with: stalled, slow, resumed, adopted."""
        return self._run_views.flags(run)

    # --- batches and the pool --------------------------------------------------------------------------------

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Everything about a batch, with its runs (without their stages)."""
        batch = self._index.batch(batch_id)
        look = self._look()
        runs = self._index.runs_of(batch_id)
        return self._batch_views.brief(batch, runs, look) | {"runs": [self._run_views.brief(run, look) for run in runs]}

    def batch_record(self, batch_id: str) -> BatchRecord:
        """The record of a batch, deleted or not; raises `NotFound`, or `Damaged`."""
        return self._index.batch(batch_id)

    def batches(
        self,
        *,
        phases: Collection[str] | None = None,
        sort: BatchOrder = "created_at",
        descending: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The batches in one of `phases` (None: in any), the newest first or as `sort` says, without their runs.

        With `offset` and `limit` one page of them; `total` counts all. What is alike in `sort` comes newest first.
        """
        runs, batches, _ = self._index.snapshot()
        look = self._look()
        found = [batch for batch in batches.values() if phases is None or batch.phase in phases]
        found.sort(key=lambda batch: batch.batch_id, reverse=descending or sort != "created_at")
        if sort != "created_at":
            found.sort(key=_ORDERS[sort], reverse=descending)
        page = found[offset : None if limit is None else offset + limit]
        of: dict[str, list[RunRecord]] = {batch.batch_id: [] for batch in page}
        for run in runs.values():
            if run.batch_id in of:
                of[run.batch_id].append(run)
        shown = [self._batch_views.brief(batch, of[batch.batch_id], look) for batch in page]
        return {"batches": shown, "total": len(found)}

    def live_batch(self, batch_id: str) -> dict[str, Any]:
        """As `batch`, but one that was deleted is not there."""
        if self._index.batch(batch_id).phase == BatchPhase.DELETED:
            raise NotFound(f"Batch {batch_id} was deleted.", hint=f"./reprise restore {batch_id} brings it back.")
        return self.batch(batch_id)

    def standing(self, batch_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """How far some batches are, each with how far its running runs are, with one look; those that are gone are left out."""
        look, found = self._look(), {}
        for batch_id in batch_ids:
            batch, runs = self._index.batches.get(batch_id), self._index.runs_of(batch_id)
            if batch is not None and batch.phase != BatchPhase.DELETED:
                running = [self._run_views.moving(run) for run in runs if run.phase == Phase.RUNNING]
                found[batch_id] = self._batch_views.brief(batch, runs, look) | {"running": running}
        return found

    def report(self, batch_id: str) -> dict[str, Any]:
        """What a batch cost, what was taken over and done twice, and what that saved."""
        return self._reports.report(batch_id)

    def status(self) -> dict[str, Any]:
        """The pool in numbers."""
        return self._pool_views.status(self._look())

    def workers(self) -> int:
        """How many workers the service may have, over all lanes; without one, how many it would have."""
        return sum(self._capacities.in_force()[0].lanes.values())

    def queue(self, *, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Who waits, in order, with lanes, users and what is in trouble outside; with `limit` one page of the runs."""
        return self._queue_view.queue(self._look(), offset=offset, limit=limit)

    def findings(self) -> list[dict[str, Any]]:
        """What a look at every file in the storage finds wrong; repairs nothing, and takes as long as reading them all.

        Raises `NotAllowed` for who is no administrator.
        """
        self._actor.require(Scope.ADMIN)
        return [msgspec.to_builtins(finding) for finding in check(self._layout, self._clock, repair=False)]

    def _look(self) -> Look:
        return self._looker.look(names=self._sees_all)
