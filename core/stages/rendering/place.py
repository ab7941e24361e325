"""Where rendering is done: the part of an attempt that it needs, so that exports outside a run can offer the same."""

from pathlib import Path
from typing import Protocol

from core.stages.stage import Units


class Place(Protocol):
    """A folder that survives attempts, its durable units, and someone who listens. `stage.Attempt` is one."""

    @property
    def work(self) -> Path:
        """The folder that survives attempts."""
        ...

    @property
    def units(self) -> Units:
        """The durable units of this piece of work."""
        ...

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Tell how far it is."""
        ...

    def log(self, text: str) -> None:
        """One line of console output."""
        ...

    def check(self) -> None:
        """Raise `Stop` if the work has to end."""
        ...
