"""What the tier of an actor leaves them, asked before anything is made or started; without a tier there is no limit."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from core.domain import tiers as table
from core.domain.batch import MAX_RUNS, BatchRecord
from core.domain.states import TERMINAL
from core.domain.tiers import Begun, Tier
from core.manager.index import Index
from core.manager.usage import LOCK_S, Usage, begun_of
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock

USUAL_PRIORITY = 5
USUAL_CONCURRENCY = 3


class Unlimited:
    """Of somebody whom nothing limits."""

    name = ""
    max_runs = MAX_RUNS

    def concurrency(self, asked: int) -> int:
        """How many runs of a batch go at once, when `asked` for so many."""
        return asked

    def priority(self, asked: int | None) -> int:
        """The priority of a batch, when `asked` for that or for none."""
        return USUAL_PRIORITY if asked is None else asked

    def check(self, *, concurrency: int | None = None, priority: int | None = None) -> None:
        """Raise `NotAllowed` for what may not be asked for."""

    def making(self, videos: int, *, starts: bool) -> AbstractContextManager[None]:
        """For the block that makes a batch of so many videos."""
        del videos, starts
        return nullcontext()

    def filling(self, videos: int) -> None:
        """Raise `NotAllowed` when so many videos are too many for a batch."""

    def start(self, batch: BatchRecord) -> None:
        """Raise `TooMany` unless what is left suffices for `batch`."""

    def told(self) -> dict[str, object] | None:
        """What there is and what is left, for programs; None when nothing limits."""
        return None


UNLIMITED = Unlimited()


class Allowance(Unlimited):
    """Of one actor with a tier. All raise `StorageError`."""

    def __init__(self, owner: str, tier: Tier, index: Index, layout: Layout, clock: Clock) -> None:
        self._owner, self._tier, self._index = owner, tier, index
        self._layout, self._clock, self._usage = layout, clock, Usage(layout)
        self.name = tier.name
        self.max_runs = tier.videos

    def concurrency(self, asked: int) -> int:
        """How many runs of a batch go at once, when `asked` for so many: not more than the tier has."""
        return min(asked, self._tier.at_once)

    def priority(self, asked: int | None) -> int:
        """The priority of a batch, when `asked` for that or for none: not higher than the tier has."""
        return self._tier.priority if asked is None else min(asked, self._tier.priority)

    def check(self, *, concurrency: int | None = None, priority: int | None = None) -> None:
        """Raise `NotAllowed` for more at once, or a higher priority, than the tier has."""
        table.check_at_once(self._tier, concurrency or 0)
        table.check_priority(self._tier, priority or 0)

    @contextmanager
    def making(self, videos: int, *, starts: bool) -> Iterator[None]:
        """For the block that makes a batch of so many videos; nobody else makes one of a tier meanwhile.

        Raises `NotAllowed` when those are too many, `TooMany` when as many batches were made lately as may be or, if it
        `starts` at once, the minutes are used up.
        """
        tier = self._tier
        table.check_videos(tier, videos)
        with Lock(self._layout.allowance_lock()).holding(LOCK_S):
            now, past = self._clock.now(), self._usage.of(self._owner)
            mine = [batch for batch in self._batches().values() if batch.batch_id not in past]
            made = [batch.created_at for batch in mine] + [gone.created_at for gone in past.values()]
            table.check_hourly(tier, made, now)
            if starts:
                table.check_minutes(tier, self._begun(), 0.0, now)
            yield

    def start(self, batch: BatchRecord) -> None:
        """Raise `TooMany` unless the minutes that are left suffice for what is known of the videos not begun yet."""
        waiting = [run for run in self._index.runs_of(batch.batch_id) if run.phase not in TERMINAL]
        asked_s = sum(run.duration_s or 0.0 for run in waiting if run.started_at is None)
        if waiting:
            table.check_minutes(self._tier, self._begun(), asked_s, self._clock.now())

    def filling(self, videos: int) -> None:
        """Raise `NotAllowed` when so many videos are too many for a batch."""
        table.check_videos(self._tier, videos)

    def told(self) -> dict[str, object] | None:
        """What there is and what is left, for programs."""
        tier = self._tier
        used = table.used_minutes(self._begun(), self._clock.now())
        return {
            "tier": tier.name,
            "videos_per_batch": tier.videos,
            "batches_per_hour": tier.hourly,
            "concurrency": tier.at_once,
            "priority": tier.priority,
            "minutes": tier.minutes or None,
            "minutes_used": round(used, 1),
            "minutes_left": round(max(0.0, tier.minutes - used), 1) if tier.minutes else None,
        }

    def _begun(self) -> list[Begun]:
        past = self._usage.of(self._owner)
        runs = [run for run in self._index.everything()[0].values() if run.owner == self._owner]
        gone = [one for batch in past.values() for one in batch.begun]
        return begun_of(run for run in runs if run.batch_id not in past) + gone

    def _batches(self) -> dict[str, BatchRecord]:
        found = self._index.everything()[1]
        return {id_: batch for id_, batch in found.items() if batch.owner == self._owner}
