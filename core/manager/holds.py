"""What holds a run that wants to run: a pause of its batch, or of everything."""

from core.domain.batch import Pause
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Want
from core.manager.index import Index


class Holds:
    """Answers from the records as last read."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def held(self, run: RunRecord) -> bool:
        """Whether the batch of `run`, or everything, is paused."""
        batch = self._index.batches.get(run.batch_id)
        return self._index.pool.pause is not None or (batch is not None and batch.phase == BatchPhase.PAUSED)

    def wanted(self, run: RunRecord) -> Want:
        """What is to be made of `run` now: a run that is held and wants to run is to be paused."""
        return Want.PAUSE if run.intent.want == Want.RUN and self.held(run) else run.intent.want

    def who(self, run: RunRecord) -> tuple[str, str]:
        """Who pauses `run`, and in which words."""
        if run.intent.want == Want.PAUSE:
            return run.intent.by, run.intent.why
        batch = self._index.batches.get(run.batch_id)
        pause: Pause | None = self._index.pool.pause or (batch.pause if batch is not None else None)
        return (pause.by, pause.why) if pause is not None else ("service", "")
