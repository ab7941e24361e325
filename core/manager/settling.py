"""What the phases of its runs mean for a batch: it is over, it is open again, or too many of them failed in a row."""

from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace

from core.domain.batch import BatchRecord, settle_batch
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase
from core.domain.streak import auto_pause, streak
from core.manager.batch_time import BatchTime
from core.manager.index import Index
from core.manager.writer import Writer
from core.system.clock import Clock


class Settling:
    """Decides from the records as last read, once a turn. `failures` in a row pause a batch; 0 never does."""

    def __init__(self, *, index: Index, writer: Writer, clock: Clock, batch_time: BatchTime, failures: int) -> None:
        self._index, self._writer, self._clock = index, writer, clock
        self._batch_time, self._failures = batch_time, failures

    def due(self) -> Iterator[tuple[str, Callable[[], BatchRecord]]]:
        """Each batch whose runs have come so far that its own phase changes, and the act that writes it down."""
        runs, batches, _ = self._index.snapshot()
        of: dict[str, list[RunRecord]] = {batch_id: [] for batch_id in batches}
        for run in runs.values():
            if run.batch_id in of:
                of[run.batch_id].append(run)
        for batch_id, batch in batches.items():
            if self._settled(batch, of[batch_id]) is not batch:
                yield batch_id, partial(self._settle, batch_id, of[batch_id])

    def _settled(self, batch: BatchRecord, runs: list[RunRecord]) -> BatchRecord:
        phases = [Phase.QUEUED if run.intent.again else run.phase for run in runs]
        after = settle_batch(batch, phases, self._clock.now())
        if after is not batch or batch.phase != BatchPhase.RUNNING or not self._failures:
            return after
        if phases.count(Phase.FAILED) < self._failures or all(phase in TERMINAL for phase in phases):
            return batch
        row = streak([run for run in runs if not run.intent.again], batch.streak_since)
        return auto_pause(batch, row, self._failures, self._clock.now())

    def _settle(self, batch_id: str, runs: list[RunRecord]) -> BatchRecord:
        worked_s = self._batch_time.unwritten_s(batch_id)

        def change(batch: BatchRecord) -> BatchRecord:
            after = self._settled(batch, runs)
            if after is batch:
                return batch
            self._batch_time.written(batch_id)
            return replace(after, active_s=round(after.active_s + worked_s, 3))

        return self._writer.batch(batch_id, change)
