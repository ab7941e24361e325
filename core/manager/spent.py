"""Which batches begin nothing new, since their owner has used up the minutes of their tier."""

from collections.abc import Mapping

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord
from core.domain.states import BatchPhase
from core.domain.tiers import Tier, used_minutes
from core.manager.index import Index
from core.manager.usage import Usage, begun_of
from core.store.layout import Layout
from core.system.clock import Clock

AGAIN_S = 5.0


class Spent:
    """Adds up what owners used, of all there is, at most every `AGAIN_S` seconds; costs nothing where nobody has a tier."""

    def __init__(self, index: Index, layout: Layout, tiers: Mapping[str, Tier], clock: Clock) -> None:
        self._index, self._usage, self._tiers, self._clock = index, Usage(layout), tiers, clock
        self._found: frozenset[str] = frozenset()
        self._at: float | None = None

    def batches(self) -> frozenset[str]:
        """The ids of those batches. Raises `StorageError`."""
        now_s = self._clock.monotonic()
        if self._at is None or now_s - self._at >= AGAIN_S:
            self._found, self._at = frozenset(self._look()), now_s
        return self._found

    def _look(self) -> list[str]:
        runs, batches, _ = self._index.everything()
        asked = [batch for batch in batches.values() if batch.phase == BatchPhase.RUNNING and self._minutes(batch)]
        if not asked:
            return []
        owners = {batch.owner for batch in asked}
        of: dict[str, list[RunRecord]] = {owner: [] for owner in owners}
        for run in runs.values():
            if run.started_at is not None and run.owner in owners:
                of[run.owner].append(run)
        used = {owner: self._used(owner, of[owner]) for owner in owners}
        return [batch.batch_id for batch in asked if used[batch.owner] >= self._minutes(batch)]

    def _used(self, owner: str, runs: list[RunRecord]) -> float:
        past = self._usage.of(owner)
        gone = [one for batch in past.values() for one in batch.begun]
        return used_minutes(begun_of(run for run in runs if run.batch_id not in past) + gone, self._clock.now())

    def _minutes(self, batch: BatchRecord) -> int:
        """The minutes that the owner of a batch has; 0 when nothing limits them, as for a tier that is gone."""
        tier = self._tiers.get(batch.tier)
        return tier.minutes if tier is not None else 0
