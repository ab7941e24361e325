"""Which pieces of work somebody else is making right now, so that a run wanting one waits for it."""

from collections.abc import Iterable

from core.domain.run import RunRecord
from core.store.layout import Layout
from core.store.locks import Lock


class SharedWork:
    """Asks the kernel's locks on work keys; nothing about sharing is stored."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def busy(self, runs: Iterable[RunRecord]) -> frozenset[str]:
        """The `stage/key` that some run waits for and that is still being made."""
        wanted = {run.waits_for for run in runs if run.waits_for is not None}
        return frozenset(shared for shared in wanted if self._is_busy(shared))

    def _is_busy(self, shared: str) -> bool:
        stage, _, key = shared.partition("/")
        if self._layout.artifact(stage, key).exists():
            return False
        return Lock(self._layout.key_lock(stage, key)).held_by_other()
