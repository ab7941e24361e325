"""The stages of a process, looked up by name: what they want, need, and where they work."""

from collections.abc import Mapping, Sequence

from core.domain.settings import Settings
from core.stages.deferred import Deferred
from core.stages.stage import Stage


class Catalog:
    """The stages there are, in pipeline order."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages: Mapping[str, Stage] = {stage.name: stage for stage in stages}
        self.needs: Mapping[str, tuple[str, ...]] = {stage.name: stage.needs for stage in stages}
        self.lanes: Mapping[str, str] = {stage.name: stage.lane for stage in stages}

    def warm(self, lane: str) -> None:
        """Begin what takes long in the stages of `lane` before there is work for them; returns at once."""
        for stage in self.stages.values():
            if stage.lane == lane and isinstance(stage, Deferred):
                stage.warm()

    def wanted(self, settings: Settings) -> dict[str, bool]:
        """For every stage whether a run with these settings has it."""
        return {name: stage.wanted(settings) for name, stage in self.stages.items()}
