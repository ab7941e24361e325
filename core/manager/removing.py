"""Removed runs are cancelled, and that is the end of them."""

from core.domain.moves import settle_intent
from core.domain.run import RunRecord
from core.domain.states import TERMINAL
from core.manager.writer import Writer
from core.system.clock import Clock


def is_leaving(run: RunRecord) -> bool:
    """Whether `run` was removed from its batch but has not ended."""
    return run.removed and run.phase not in TERMINAL


def end_removed(run: RunRecord, writer: Writer, clock: Clock) -> RunRecord:
    """Write the end of a removed run down."""
    return writer.run(run.run_id, lambda run: settle_intent(run, clock.now()))
