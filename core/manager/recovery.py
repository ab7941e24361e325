"""What a service does before its first turn: nothing that was being worked on is lost, nothing of it is believed blindly.

Recovery puts back in the queue, it never runs anything; running it twice changes nothing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from core.domain.attempts import timed
from core.domain.batch import pause_over
from core.domain.crashes import crashed
from core.domain.errors import Damaged, Fenced, NotFound, RepriseError
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase, Want
from core.manager.index import Index
from core.manager.rebuild import Rebuild
from core.manager.writer import Writer
from core.store.journal import Journal
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.progress import read_progress
from core.system.clock import Clock
from core.system.logs import Log

log = Log("manager")


def lanes_ahead(index: Index, lanes: Mapping[str, str]) -> list[str]:
    """The lanes (by stage in `lanes`) in which some run will go on as soon as it is taken back or claimed."""
    runs, batches, pool = index.snapshot()
    going = [
        run.next_stage
        for run in runs.values()
        if run.phase in (Phase.RUNNING, Phase.QUEUED)
        and run.intent.want == Want.RUN
        and run.batch_id in batches
        and batches[run.batch_id].phase == BatchPhase.RUNNING
    ]
    return sorted({lanes[stage] for stage in going if stage is not None}) if pool.pause is None else []


class RecoveryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a start found: runs that had been working, and what became of them.

    `redone_s` are the seconds of sound that were in flight, and are done again by those taken back; None if unknown.
    """

    found: int = 0
    resumed: int = 0
    held: int = 0
    redone_s: float | None = None


class Recovery:
    """Takes back runs whose owner is dead: proven by the kernel's lock, never by an age."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        journal: Journal,
        layout: Layout,
        clock: Clock,
        new_units: Callable[[str, str], int],
        in_flight_s: Callable[[RunRecord], float | None],
        rebuild: Rebuild,
        lock_at: Callable[[Path], Lock] = Lock,
    ) -> None:
        self._index, self._writer, self._journal = index, writer, journal
        self._layout, self._clock, self._new_units = layout, clock, new_units
        self._in_flight_s, self._rebuild, self._lock_at = in_flight_s, rebuild, lock_at
        self.held: set[str] = set()

    def recover(self) -> RecoveryReport:
        """Take back every run that was being worked on and whose owner is gone; the others stay in `held`."""
        self.make_lost_again()
        runs, batches, _ = self._index.everything()
        self._journal.reemit([*runs.values(), *batches.values()])
        working = [run for run in runs.values() if run.phase == Phase.RUNNING or run.open_attempt is not None]
        self.held = {run.run_id for run in working}
        lost_s = {run.run_id: self._in_flight_s(run) for run in working}
        resumed = self.retry_held()
        again_s = [seconds for run_id, seconds in lost_s.items() if run_id not in self.held]
        report = RecoveryReport(
            found=len(working),
            resumed=resumed,
            held=len(self.held),
            redone_s=None if None in again_s else round(sum(seconds or 0.0 for seconds in again_s), 3),
        )
        if working:
            self._writer.note("service.recovered", data=msgspec.to_builtins(report))
        return report

    def look_again(self) -> None:
        """Now and then: make again what is lost, and find what an older service opened after this one had looked."""
        self.make_lost_again()
        runs, _, pool = self._index.snapshot()
        opened = {run.run_id for run in runs.values() if run.open_attempt and run.open_attempt.epoch < pool.epoch}
        self.held |= opened

    def make_lost_again(self) -> None:
        """Make the runs again whose records are lost, as far as enough is known of them."""
        lost = self._rebuild.lost(self._index.runs, self._index.batches, self._index.damaged)
        for run_id, finding in zip(lost, self._rebuild.make(lost), strict=True):
            if finding.repaired:
                log.info("made_again", run=run_id)
                self._index.refresh("run", run_id)

    def retry_held(self) -> int:
        """Take back those held runs whose owner has gone since; returns how many."""
        return sum(self._try_to_take_back(run_id) for run_id in sorted(self.held))

    def _try_to_take_back(self, run_id: str) -> bool:
        """Take one run back and let it go; one that cannot be written now stays held and keeps no other from it."""
        try:
            taken = self._take_back(run_id)
        except Fenced:
            raise
        except (Damaged, NotFound) as error:
            log.error("lost", run=run_id, error=error.message)
            self.held.discard(run_id)
            return False
        except (RepriseError, OSError) as error:
            log.error("not_taken_back", run=run_id, error=str(error))
            return False
        if taken:
            self.held.discard(run_id)
        return taken

    def _take_back(self, run_id: str) -> bool:
        lock = self._lock_at(self._layout.owner_lock(run_id))
        if not lock.acquire():
            return False
        try:
            self._writer.run(run_id, self._requeue)
        finally:
            lock.release()
        return True

    def _requeue(self, run: RunRecord) -> RunRecord:
        attempt = run.open_attempt
        if run.phase != Phase.RUNNING and attempt is None:
            return run
        if attempt is not None and attempt.epoch >= self._index.pool.epoch:
            return run  # it was taken back already, though the disk had said otherwise, and goes on in this service
        units = self._new_units(run.run_id, attempt.id) if attempt is not None else 0
        held = pause_over(self._index.pool, self._index.batches.get(run.batch_id))
        return crashed(
            timed(run, self._worked_s(run)), self._clock.now(), new_units=units, held=held, service_died=True
        )

    def _worked_s(self, run: RunRecord) -> float | None:
        """How long the open attempt worked: what was noted when it stood still, else what it told itself."""
        attempt = run.open_attempt
        if attempt is None or attempt.active_s is not None:
            return attempt.active_s if attempt is not None else None
        told = read_progress(self._layout, run.run_id) or {}
        elapsed_s = told.get("elapsed_s")
        mine = told.get("attempt") == attempt.id and isinstance(elapsed_s, int | float)
        return float(elapsed_s) if mine and elapsed_s is not None else None
