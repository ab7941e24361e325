"""What the phases of its runs mean for a batch."""

from collections.abc import Callable, Iterator
from functools import partial

from core.domain.batch import BatchRecord, settle_batch
from core.domain.states import Phase
from core.manager.index import Index
from core.manager.writer import Writer
from core.system.clock import Clock


def settlements(index: Index, writer: Writer, clock: Clock) -> Iterator[tuple[str, Callable[[], BatchRecord]]]:
    """Each batch whose runs have come so far that its own phase changes, and the act that writes it down."""
    runs, batches, _ = index.snapshot()
    phases: dict[str, list[Phase]] = {batch_id: [] for batch_id in batches}
    for run in runs.values():
        if run.batch_id in phases:
            phases[run.batch_id].append(Phase.QUEUED if run.intent.again else run.phase)
    for batch_id, batch in batches.items():
        if settle_batch(batch, phases[batch_id], clock.now()) is not batch:
            yield batch_id, partial(_settle, writer, clock, batch_id, phases[batch_id])


def _settle(writer: Writer, clock: Clock, batch_id: str, phases: list[Phase]) -> BatchRecord:
    return writer.batch(batch_id, lambda batch: settle_batch(batch, phases, clock.now()))
