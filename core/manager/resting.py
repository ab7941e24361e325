"""What becomes of a run that nobody works on: its batch's end, its intent, its timer."""

from core.domain.moves import settle_intent, wait_over
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, Phase, Want
from core.manager.holds import Holds
from core.manager.index import Index
from core.manager.rounds import cancel_with_batch, start_round
from core.manager.waits import Waits
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.system.clock import Clock

IDLE_S = 30.0
POLL_S = 0.5


def may_move(run: RunRecord) -> bool:
    """Whether anything can become of `run`: it is not over, or somebody wants more of it."""
    skip = run.intent.want == Want.SKIP or run.phase == Phase.SKIPPED
    return run.phase not in TERMINAL or skip or run.intent.again


class Resting:
    """Moves runs that have no open attempt, one row of the table at a time."""

    def __init__(
        self, *, index: Index, writer: Writer, clock: Clock, catalog: Catalog, holds: Holds, waits: Waits
    ) -> None:
        self._index, self._writer, self._clock = index, writer, clock
        self._catalog, self._holds, self._waits = catalog, holds, waits

    def follow_batch(self, run: RunRecord) -> RunRecord:
        """`run` with the intent that its cancelled batch gives it."""
        batch = self._index.batches[run.batch_id]
        if batch.cancel_by is None or run.phase in TERMINAL or run.intent.want == Want.CANCEL:
            return run
        return self._writer.run(run.run_id, lambda run: cancel_with_batch(run, batch, self._clock.now()))

    def move(self, run: RunRecord) -> float:
        """Move `run` as far as it goes; seconds until there is more to do."""
        batch = self._index.batches[run.batch_id]
        if run.intent.again and run.phase in TERMINAL:
            self._writer.run(run.run_id, lambda run: start_round(run, batch.settings, self._catalog, self._clock.now()))
            return IDLE_S
        if run.phase == Phase.PAUSED and run.intent.want == Want.RUN and self._holds.held(run):
            return IDLE_S
        if settle_intent(run, self._clock.now()) is not run:
            self._writer.run(run.run_id, lambda run: settle_intent(run, self._clock.now()))
            return IDLE_S
        left_s = self._waits.left_s(run.run_id, run.next_at, run.wait_s or 0.0)
        if run.phase == Phase.RETRY_WAIT and left_s <= 0:
            self._writer.run(run.run_id, self._waited)
        return POLL_S if run.waits_for else left_s or IDLE_S

    def _waited(self, run: RunRecord) -> RunRecord:
        return wait_over(run, self._clock.now()) if run.phase == Phase.RETRY_WAIT else run
