"""The stages of a process, looked up by name: what they want, need, and where they work."""

from collections.abc import Callable, Mapping, Sequence

from core.domain.run import Source
from core.domain.settings import Settings
from core.stages.deferred import Deferred
from core.stages.stage import Stage

Outside = Callable[[Source, Settings], tuple[str, ...]]


class Catalog:
    """The stages there are, in pipeline order; `outside` tells of those that ask others what they need."""

    def __init__(self, stages: Sequence[Stage], outside: Mapping[str, Outside] | None = None) -> None:
        self._outside = dict(outside or {})
        self.stages: Mapping[str, Stage] = {stage.name: stage for stage in stages}
        self.needs: Mapping[str, tuple[str, ...]] = {stage.name: stage.needs for stage in stages}
        self.lanes: Mapping[str, str] = {stage.name: stage.lane for stage in stages}

    def warm(self, lane: str) -> None:
        """Begin what takes long in the stages of `lane` before there is work for them; returns at once."""
        for stage in self.stages.values():
            if stage.lane == lane and isinstance(stage, Deferred):
                stage.warm()

    def outside(self, stage: str, source: Source, settings: Settings) -> tuple[str, ...]:
        """The names of the breakers of all that `stage` needs outside this machine for this source and settings."""
        needs = self._outside.get(stage)
        return needs(source, settings) if needs is not None else ()

    def wanted(self, settings: Settings) -> dict[str, bool]:
        """For every stage whether a run with these settings has it."""
        return {name: stage.wanted(settings) for name, stage in self.stages.items()}
