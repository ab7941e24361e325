"""Which pieces of work somebody else is making right now, so that a run wanting one waits for it."""

from collections.abc import Iterable

from core.store.layout import Layout
from core.store.locks import Lock


class SharedWork:
    """Asks the kernel's locks on work keys; nothing about sharing is stored."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def busy(self, wanted: Iterable[str]) -> frozenset[str]:
        """Those of the `stage/key` that runs wait for that are still being made."""
        return frozenset(shared for shared in wanted if self._is_busy(shared))

    def _is_busy(self, shared: str) -> bool:
        stage, _, key = shared.partition("/")
        if self._layout.artifact(stage, key).exists():
            return False
        return Lock(self._layout.key_lock(stage, key)).held_by_other()
