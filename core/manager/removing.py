"""Removed runs are cancelled, and that is the end of them."""

from collections.abc import Callable, Iterator
from functools import partial

from core.domain.moves import settle_intent
from core.domain.run import RunRecord
from core.domain.states import TERMINAL
from core.manager.index import Index
from core.manager.writer import Writer
from core.system.clock import Clock


def removals(index: Index, writer: Writer, clock: Clock) -> Iterator[tuple[str, Callable[[], RunRecord]]]:
    """Each run that was removed from its batch but has not ended, and the act that writes its end down."""
    for run_id, run in index.everything()[0].items():
        if run.removed and run.phase not in TERMINAL:
            yield run_id, partial(writer.run, run_id, lambda run: settle_intent(run, clock.now()))
