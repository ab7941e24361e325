"""The state store: the records of runs, batches and the pool of one storage, with the journal that tells of damage."""

from pathlib import Path

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.run import RunRecord
from core.store.codec import Codec
from core.store.journal import Event, Journal
from core.store.layout import Layout, is_id
from core.store.quarantine import Finding
from core.store.records import SUFFIX, Conflict, OnDamage, Records, Stored
from core.system.clock import Clock

__all__ = ["Conflict", "Finding", "OnDamage", "Records", "StateStore", "Stored", "open_store"]


class StateStore:
    """The state of everything: runs, batches, and the pool."""

    def __init__(self, layout: Layout, clock: Clock, on_damage: OnDamage | None = None) -> None:
        self.layout = layout
        self.clock = clock
        self.journal = Journal(layout, clock)
        self._told = on_damage
        self.runs = Records(layout, clock, Codec("run", RunRecord), layout.state, "r_", self._damaged)
        self.batches = Records(layout, clock, Codec("batch", BatchRecord), layout.batches, "b_", self._damaged)
        self.pool = Records(layout, clock, Codec("pool", PoolRecord), layout.state, "pool", self._damaged)

    def _damaged(self, finding: Finding) -> None:
        name = Path(finding.path).name.removesuffix(SUFFIX)
        event = Event(
            type="state.restored" if finding.repaired else "state.damaged",
            run_id=name if is_id(name, "r_") else None,
            batch_id=name if is_id(name, "b_") else None,
            data={"path": finding.path, "problem": finding.problem, "action": finding.action},
        )
        self.journal.append([event])
        if self._told is not None:
            self._told(finding)


def open_store(layout: Layout, clock: Clock, on_damage: OnDamage | None = None) -> StateStore:
    """The store in the folders of `layout`, which exist (`layout.create()`); `on_damage` is told of every damaged file."""
    return StateStore(layout, clock, on_damage)
