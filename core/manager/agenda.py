"""Which runs a turn has to look at: those that changed, those whose time has come, and all of them now and then."""

from collections.abc import Iterable
from itertools import islice

from core.domain.batch import Pause
from core.domain.run import RunRecord
from core.manager.index import Index
from core.system.clock import Clock

EVERYTHING_S = 30.0
SLICE = 500  # as many of everything are looked at in one turn: a signal that is waited for comes with the next


class Agenda:
    """Follows the index; everything is due at first, after a pause of everything began or ended, and every 30 s."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index, self._clock = index, clock
        self._changes = index.follow()
        self._members: dict[str, set[str]] = {}
        self._batch_of: dict[str, str] = {}
        self._timers: dict[str, float] = {}
        self._pending: set[str] = set()
        self._left: dict[str, None] = {}  # of a look at everything, in order
        self._pause: tuple[Pause | None, Pause | None] = (None, None)
        self._everything_at_s = clock.monotonic()
        self._touched: set[str] = set()

    def due(self, also: Iterable[str] = (), held: Pause | None = None) -> list[RunRecord]:
        """The runs to look at now, those named in `also` among them; removed ones and those of deleted batches too.

        `held` is what holds everything beside a pause that somebody asked for. A look at everything takes as many turns
        as it needs, and `is_behind` until then.
        """
        now_s = self._clock.monotonic()
        runs, batches = self._read()
        due = {*runs, *self._pending, *also}
        self._pending.clear()
        pause = (self._index.pool.pause, held)
        if pause != self._pause or now_s >= self._everything_at_s:
            self._pause, self._everything_at_s = pause, now_s + EVERYTHING_S
            self._touched.update(self._index.batches)
            self._left = dict.fromkeys(self._index.runs)
        due.update(run_id for run_id, at_s in self._timers.items() if at_s <= now_s)
        for batch_id in batches:
            due |= self._members.get(batch_id, set())
        due.update([*islice(self._left, SLICE)])
        for run_id in due:
            self._left.pop(run_id, None)
        known = self._index.runs
        return [run for run_id in sorted(due) if (run := known.get(run_id)) is not None]

    def again(self, run_id: str, wait_s: float | None) -> None:
        """Look at a run again in `wait_s` seconds though it does not change; None: at the next turn, whenever that is."""
        self._timers.pop(run_id, None)
        if wait_s is None:
            self._pending.add(run_id)
        elif wait_s < EVERYTHING_S:
            self._timers[run_id] = self._clock.monotonic() + wait_s

    @property
    def is_behind(self) -> bool:
        """Whether a look at everything is not over."""
        return bool(self._left)

    def everything(self) -> None:
        """All runs are due at the next turn."""
        self._everything_at_s = self._clock.monotonic()

    def touched(self) -> set[str]:
        """The batches of which anything changed since this was asked last; what changed is looked at in the next turn."""
        runs, batches = self._read()
        self._pending |= runs
        for batch_id in batches:
            self._pending |= self._members.get(batch_id, set())
        touched, self._touched = self._touched, set()
        return touched

    def touch(self, batch_id: str) -> None:
        """This batch is to be looked at again."""
        self._touched.add(batch_id)

    def runs_of(self, batch_id: str) -> list[RunRecord]:
        """The runs of a batch, without those that were removed from it."""
        known = self._index.runs
        runs = [known.get(run_id) for run_id in self._members.get(batch_id, ())]
        return [run for run in runs if run is not None and not run.removed]

    def left_s(self) -> float:
        """Seconds until something is due though nothing changes."""
        if self._left:
            return 0.0
        now_s = self._clock.monotonic()
        return max(0.0, min(self._timers.values(), default=now_s + EVERYTHING_S) - now_s)

    def _read(self) -> tuple[set[str], set[str]]:
        """What changed; the members of batches are kept up to date."""
        runs, batches = self._changes.take()
        known = self._index.runs
        for run_id in runs:
            run = known.get(run_id)
            old = self._batch_of.get(run_id)
            if run is None:
                self._timers.pop(run_id, None)
                if old is not None:
                    self._members[old].discard(run_id)
                    self._touched.add(old)
                continue
            self._batch_of[run_id] = run.batch_id
            self._members.setdefault(run.batch_id, set()).add(run_id)
            self._touched.add(run.batch_id)
        self._touched |= batches
        return runs, batches
