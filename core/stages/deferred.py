"""A stage that is known before its code is loaded: a service and a command never need more than what is told here."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from core.domain.settings import Settings
from core.stages.stage import Attempt, Expanded, Job, Made, Stage


class Deferred:
    """The `Stage` that `load` makes, loaded when its parameters or an attempt are asked for.

    `warm` may begin what takes long before there is work, such as the import of a heavy library; it returns at once.
    """

    def __init__(
        self,
        name: str,
        *,
        lane: str,
        unit: str,
        wanted: Callable[[Settings], bool],
        load: Callable[[], Stage],
        needs: tuple[str, ...] = (),
        warm: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.lane, self.unit, self.needs = name, lane, unit, needs
        self.wanted, self.warm = wanted, warm
        self._load = load

    @cached_property
    def stage(self) -> Stage:
        """The stage itself."""
        return self._load()

    @cached_property
    def version(self) -> int:
        """Raised when the same input must give another result."""
        return self.stage.version

    def params(self, job: Job) -> dict[str, Any]:
        """As the stage says."""
        return self.stage.params(job)

    def run(self, attempt: Attempt) -> Made | Expanded:
        """As the stage does."""
        return self.stage.run(attempt)
