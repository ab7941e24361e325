"""The composition root: the only place, with the other `bootstrap_…`, that puts classes together.

What only a service or a worker needs is imported where it is put together: a command is to answer in a moment.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.bootstrap_manager import Composer, Manager, Storage, build_cleaning, ways_of
from core.config import Config
from core.domain.errors import RepriseError
from core.manager.index import Index
from core.stages.registry import build_stages
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.state import open_store
from core.system.clock import Clock, SystemClock
from core.system.logs import Log

if TYPE_CHECKING:
    from core.store.watch import Watch

__all__ = ["Manager", "Storage", "build_cleaning", "follow", "open_manager", "open_storage", "ways_of"]
log = Log("manager")


def open_storage(config: Config, clock: Clock | None = None) -> Storage:
    """Open the storage of `config`, making its folders; raises `StorageError` when it cannot be used."""
    clock = clock or SystemClock()
    layout = Layout(config.storage_path)
    layout.create()
    store = open_store(layout, clock)
    return Storage(
        config=config,
        clock=clock,
        layout=layout,
        store=store,
        index=Index(store),
        artifacts=Artifacts(layout, clock),
        catalog=build_stages(config),
    )


def open_manager(config: Config, via: str, clock: Clock | None = None) -> Manager:
    """A manager on the storage of `config` with everything loaded; `via` is what the audit calls this way in."""
    storage = open_storage(config, clock)
    storage.index.load()
    return Composer(storage, via).local()


def follow(storage: Storage, on_change: Callable[[str, str], None], *, journal: bool = False) -> "Watch":
    """A started watch that keeps the index current and then tells `on_change` of each record or progress file.

    With `journal` it also tells of that, after the records that its new lines are about.
    """

    from core.store.watch import Watch

    def changed(kind: str, record_id: str) -> None:
        if kind not in ("progress", "journal"):
            try:
                storage.index.refresh(kind, record_id)
            except (RepriseError, OSError) as error:  # an error here would end the watch for all records
                log.error("unreadable", kind=kind, id=record_id, error=str(error))
        on_change(kind, record_id)

    watch = Watch(storage.layout, changed, journal=journal)
    watch.start()
    return watch
