"""The state store: the records of runs, batches, exports and the pool of one storage, with the journal that tells of damage."""

import contextlib
import logging
from pathlib import Path

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import StorageError
from core.domain.exports import ExportRecord
from core.domain.run import RunRecord
from core.store.codec import Codec
from core.store.journal import Event, Journal
from core.store.layout import Layout, is_id
from core.store.quarantine import Finding
from core.store.record_files import SUFFIX
from core.store.records import Conflict, OnDamage, Records, Stored
from core.system.clock import Clock

__all__ = ["Conflict", "Finding", "OnDamage", "Records", "StateStore", "Stored", "open_store"]

_log = logging.getLogger(__name__)


class StateStore:
    """The state of everything: runs, batches, exports, and the pool."""

    def __init__(self, layout: Layout, clock: Clock, on_damage: OnDamage | None = None) -> None:
        self.layout = layout
        self.clock = clock
        self.journal = Journal(layout, clock)
        self._told = on_damage
        self._known: set[Finding] = set()
        self.runs = Records(
            layout, clock, Codec("run", RunRecord), folder=layout.state, prefix="r_", on_damage=self._damaged
        )
        self.batches = Records(
            layout, clock, Codec("batch", BatchRecord), folder=layout.batches, prefix="b_", on_damage=self._damaged
        )
        self.exports = Records(
            layout, clock, Codec("export", ExportRecord), folder=layout.exports, prefix="e_", on_damage=self._damaged
        )
        self.pool = Records(
            layout, clock, Codec("pool", PoolRecord), folder=layout.state, prefix="pool", on_damage=self._damaged
        )

    def _damaged(self, finding: Finding) -> None:
        if finding in self._known:
            return  # what cannot be repaired is met again at every reading
        self._known.add(finding)
        if not finding.repaired and self._is_in_the_journal(finding):
            return  # another process has met it before
        name = Path(finding.path).name.removesuffix(SUFFIX)
        event = Event(
            type="state.restored" if finding.repaired else "state.damaged",
            run_id=name if is_id(name, "r_") else None,
            batch_id=name if is_id(name, "b_") else None,
            data={"path": finding.path, "problem": finding.problem, "action": finding.action},
        )
        try:
            self.journal.append([event])
        except StorageError as error:
            _log.error("%s: %s (%s; not in the journal: %s)", finding.path, finding.problem, finding.action, error)
        if self._told is not None:
            self._told(finding)

    def _is_in_the_journal(self, finding: Finding) -> bool:
        try:
            for line in self.journal.lines():
                data = line.get("data", {})
                if line["type"] in ("state.damaged", "state.restored") and data.get("path") == finding.path:
                    return bool(line["type"] == "state.damaged" and data.get("problem") == finding.problem)
        except StorageError:
            return False  # then it is told once more
        return False


def open_store(layout: Layout, clock: Clock, on_damage: OnDamage | None = None) -> StateStore:
    """The store in the folders of `layout`, which exist (`layout.create()`), with its pool record (id `pool`).

    `on_damage` is told once of every damaged state file.
    """
    store = StateStore(layout, clock, on_damage)
    if not store.pool.ids():
        with contextlib.suppress(Conflict):  # another process has just made it
            store.pool.create("pool", PoolRecord())
    return store
