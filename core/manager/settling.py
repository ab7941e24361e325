"""What the phases of its runs mean for a batch: it is over, it is open again, or too many of them failed in a row."""

from collections.abc import Callable, Iterable, Iterator
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

    def due(
        self, batch_ids: Iterable[str], runs_of: Callable[[str], list[RunRecord]]
    ) -> Iterator[tuple[str, Callable[[], BatchRecord]]]:
        """Those of the batches whose runs have come so far that their own phase changes, and the act that writes it down."""
        for batch_id in sorted(batch_ids):
            batch = self._index.batches.get(batch_id)
            if batch is None or batch.phase == BatchPhase.DELETED:
                continue
            runs = runs_of(batch_id)
            if self._settled(batch, runs) is not batch:
                yield batch_id, partial(self._settle, batch_id, runs)

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
