"""The whole in numbers, for whoever watches from outside: what is now, and what was since this process began.

Nothing here names a run, a batch, a host or a person.
"""

import threading
from collections import Counter

import msgspec

from core.domain.batch import BatchRecord
from core.domain.breaker import HOST, left_s, state_of
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from core.domain.totals import Totals
from core.domain.waiting import waiting
from core.manager.capacities import Capacities
from core.manager.disk import needed_bytes
from core.manager.index import Index
from core.manager.workers import Worker, Workers
from core.stages.catalog import Catalog
from core.store.beat import Beat
from core.store.layout import Layout
from core.system.clock import Clock
from core.system.files import free_bytes, total_bytes


class Lane(msgspec.Struct, kw_only=True):
    """One lane: how many may work in it, how many do, how many runs wait for it, and for how long the first of them."""

    size: int = 0
    busy: int = 0
    waiting: int = 0
    oldest_s: float = 0.0


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """Everything as it is at one moment; `turn_age_s` is None while no service lives or it took no turn yet."""

    runs: dict[str, int]
    batches: dict[str, int]
    flags: dict[str, int]
    lanes: dict[str, Lane]
    breakers: dict[tuple[str, str], int]
    workers: list[Worker]
    spent_s: dict[str, float]
    disk_free: int
    disk_size: int
    disk_needed: int
    disk_held: bool
    paused: bool
    service_alive: bool
    turn_age_s: float | None
    epoch: int


class Figures:
    """Reads the index; counts what happened from its making on. Whoever reads it holds `lock` meanwhile."""

    def __init__(self, *, index: Index, layout: Layout, catalog: Catalog, capacities: Capacities, clock: Clock) -> None:
        self._index, self._layout, self._catalog = index, layout, catalog
        self._capacities, self._clock = capacities, clock
        self.lock = threading.Lock()
        self.stages = tuple(catalog.stages)
        self._changes = index.follow()
        self._beat = Beat(layout, clock)
        self._workers = Workers(index, layout, clock)
        self.totals = Totals(clock.now())

    def now(self) -> Now:
        """What is now; `totals` then has everything that happened until now. Raises `OSError` or `StorageError`."""
        self._count()
        return self._look()

    def workers(self) -> list[Worker]:
        """What each worker of the service uses now."""
        with self.lock:
            return self._workers.look()

    def _count(self) -> None:
        runs = self._index.runs
        for run_id in self._changes.take()[0]:
            if (run := runs.get(run_id)) is not None:
                self.totals.count(run)

    def _look(self) -> Now:
        runs, batches, pool = self._index.snapshot()
        capacity, alive = self._capacities.in_force()
        now, free = self._clock.now(), free_bytes(self._layout.root)
        there = [run for run in runs.values() if run.batch_id in batches]
        flags: Counter[str] = Counter(
            run.verdict.kind for run in there if run.verdict is not None and run.open_attempt is not None
        )
        flags["attention"] = sum(run.needs_attention for run in there)
        flags["damaged"] = len(self._index.damaged)
        breakers = Counter((_kind(name), str(state_of(one, left_s(one, now)))) for name, one in pool.breakers.items())
        return Now(
            runs=Counter(run.phase for run in there),
            batches=Counter(batch.phase for batch in batches.values()),
            flags=flags,
            lanes=self._lanes(there, batches, capacity.lanes),
            breakers=breakers,
            workers=self._workers.look(),
            spent_s=dict(self._workers.spent_s),
            disk_free=free,
            disk_size=total_bytes(self._layout.root),
            disk_needed=needed_bytes(capacity.free_space_bytes, held=pool.disk is not None),
            disk_held=alive and pool.disk is not None,
            paused=pool.pause is not None,
            service_alive=alive,
            turn_age_s=self._beat.age_s() if alive else None,
            epoch=pool.epoch,
        )

    def _lanes(self, runs: list[RunRecord], batches: dict[str, BatchRecord], sizes: dict[str, int]) -> dict[str, Lane]:
        lanes, now, lane_of = (
            {name: Lane(size=size) for name, size in sizes.items()},
            self._clock.now(),
            self._catalog.lanes,
        )
        for run in runs:
            if run.phase not in (Phase.QUEUED, Phase.RUNNING):
                continue
            if (attempt := run.open_attempt) is not None:
                lanes.setdefault(lane_of.get(attempt.stage, ""), Lane()).busy += 1
            elif batches[run.batch_id].phase == BatchPhase.RUNNING:
                one = waiting(run, batches[run.batch_id], run.position, lane_of)
                if one is not None:
                    lane = lanes.setdefault(one.lane, Lane())
                    lane.waiting += 1
                    lane.oldest_s = max(lane.oldest_s, (now - one.since).total_seconds())
        return lanes


def _kind(name: str) -> str:
    """What a breaker is about, without the host's name."""
    return "host" if name.startswith(HOST) else name
