"""One look at the whole, taken once for all the runs a view shows."""

import msgspec

from core.config import Config
from core.domain.diagnosis import Lines, lines_of, why
from core.domain.estimate import Rates
from core.domain.run import RunRecord
from core.domain.schedule import Situation, waiting_by
from core.domain.states import TERMINAL
from core.manager.index import Index
from core.manager.measure import Measure
from core.stages.catalog import Catalog
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock
from core.system.files import free_bytes


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What schedule and diagnosis decide on, the measured rates, and whether a service is there."""

    situation: Situation
    rates: Rates
    service_alive: bool
    lines: Lines

    def blocked(self, run: RunRecord) -> str | None:
        """Why a run that could move does not, as a sentence; None when it moves or is over."""
        if run.phase in TERMINAL or run.open_attempt is not None:
            return None
        reason = why(run, self.situation, service_alive=self.service_alive, lines=self.lines)
        return None if reason.code in ("none", "terminal") else reason.message


class Looker:
    """Takes looks."""

    def __init__(
        self, *, index: Index, layout: Layout, catalog: Catalog, measure: Measure, config: Config, clock: Clock
    ) -> None:
        self._index, self._layout, self._catalog = index, layout, catalog
        self._measure, self._config, self._clock = measure, config, clock

    def look(self) -> Look:
        """Everything a view needs to know of the whole, read once for all runs it shows."""
        runs, batches, pool = self._index.snapshot()
        now = self._clock.now()
        lanes = self._measure.lanes()
        free = dict(lanes)
        for run in runs.values():
            if run.open_attempt is not None:
                free[self._catalog.lanes[run.open_attempt.stage]] -= 1
        situation = Situation(
            runs=runs,
            batches=batches,
            pool=pool,
            free=free,
            lanes=lanes,
            lane_of=self._catalog.lanes,
            now=now,
            waiting=waiting_by(runs, now),
            disk_low=free_bytes(self._layout.root) < self._config.free_space_bytes,
            shared_busy=frozenset(run.waits_for for run in runs.values() if run.waits_for is not None),
        )
        return Look(
            situation=situation,
            rates=self._measure.rates(),
            service_alive=Lock(self._layout.service_lock()).held_by_other(),
            lines=lines_of(situation),
        )
