"""What becomes of a run that nobody works on: its batch's end, its intent, its timer."""

from core.domain.moves import hold, is_finished, settle_intent, wait_over
from core.domain.run import Failure, RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.domain.timeouts import Limits, batch_failure, overdue, timed_out
from core.manager.batch_time import BatchTime
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
        self,
        *,
        index: Index,
        writer: Writer,
        clock: Clock,
        catalog: Catalog,
        holds: Holds,
        waits: Waits,
        batch_time: BatchTime,
        limits: Limits,
    ) -> None:
        self._index, self._writer, self._clock = index, writer, clock
        self._catalog, self._holds, self._waits = catalog, holds, waits
        self._batch_time, self._limits = batch_time, limits

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
        held = self._holds.over(run) if run.intent.want == Want.RUN else None
        if held is not None:
            if hold(run, held, self._clock.now()) is not run:
                self._writer.run(run.run_id, lambda run: hold(run, held, self._clock.now()))
            if run.phase in (Phase.PAUSED, Phase.RUNNING):
                return IDLE_S
        failure = self._overdue(run)
        if failure is not None:
            self._writer.run(run.run_id, lambda run: self._timed_out(run, failure))
            return IDLE_S
        if settle_intent(run, self._clock.now()) is not run:
            self._writer.run(run.run_id, lambda run: settle_intent(run, self._clock.now()))
            return IDLE_S
        left_s = self._waits.left_s(run.run_id, run.next_at, run.wait_s or 0.0)
        if run.phase == Phase.RETRY_WAIT and left_s <= 0:
            self._writer.run(run.run_id, self._waited)
        return POLL_S if run.waits_for else left_s or IDLE_S

    def stays(self, run: RunRecord) -> bool:
        """Whether nothing but a claim can become of `run` now: it works, its batch too, and nobody wants otherwise."""
        batch = self._index.batches.get(run.batch_id)
        if batch is None or batch.phase != BatchPhase.RUNNING or batch.cancel_by is not None:
            return False
        if run.phase != Phase.RUNNING or run.intent.want != Want.RUN or run.open_attempt is not None:
            return False
        overdue = self._overdue(run) is not None
        return not overdue and not is_finished(run) and self._holds.over(run) is None

    def _overdue(self, run: RunRecord) -> Failure | None:
        if run.phase not in (Phase.QUEUED, Phase.RETRY_WAIT, Phase.RUNNING) or run.intent.want != Want.RUN:
            return None
        if self._batch_time.is_overdue(run.batch_id):
            return batch_failure(run, self._limits)
        return overdue(run, 0.0, self._limits) if run.attempts else None

    def _timed_out(self, run: RunRecord, failure: Failure) -> RunRecord:
        resting = run.open_attempt is None and run.intent.want == Want.RUN and not is_finished(run)
        return timed_out(run, failure, self._clock.now()) if resting else run

    def _waited(self, run: RunRecord) -> RunRecord:
        return wait_over(run, self._clock.now()) if run.phase == Phase.RETRY_WAIT else run
