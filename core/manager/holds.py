"""What holds a run that wants to run: a pause of its batch, of everything, or a disk without room."""

from core.domain.batch import Pause, pause_over
from core.domain.run import RunRecord
from core.domain.states import Phase, Want
from core.manager.disk import DiskHold
from core.manager.index import Index


class Holds:
    """Answers from the records as last read."""

    def __init__(self, index: Index, disk: DiskHold) -> None:
        self._index, self._disk = index, disk

    def over(self, run: RunRecord) -> Pause | None:
        """The pause that holds `run` from outside, if any; one that stops work at once before one that drains."""
        return pause_over(self._index.pool, self._index.batches.get(run.batch_id), self._disk.pause)

    def wanted(self, run: RunRecord) -> Want:
        """What is to be made of `run` now: who is held is to be paused, but for a running stage that may drain."""
        if run.intent.want not in (Want.RUN, Want.PAUSE):
            return run.intent.want
        held = self.over(run)
        if run.intent.want == Want.RUN and held is None:
            return Want.RUN
        drains = run.phase == Phase.RUNNING and run.open_attempt is not None
        drains = drains and (held is None or held.drain) and (run.intent.want == Want.RUN or run.intent.drain)
        return Want.RUN if drains else Want.PAUSE

    def who(self, run: RunRecord) -> tuple[str, str]:
        """Who pauses `run`, and in which words."""
        if run.intent.want == Want.PAUSE:
            return run.intent.by, run.intent.why
        pause = self.over(run)
        return (pause.by, pause.why) if pause is not None else ("service", "")
