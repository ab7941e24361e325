"""The composition root: the only place, with `bootstrap_service` and `bootstrap_worker`, that puts classes together.

What only a service or a worker needs is imported where it is put together: a command is to answer in a moment.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.errors import RepriseError
from core.manager.cleanup import Cleanup
from core.manager.clips import Clips
from core.manager.commands import Commands
from core.manager.exports.desk import Exports, open_exports
from core.manager.index import Index
from core.manager.intake import Intake
from core.manager.measure import Measure
from core.manager.people import Register
from core.manager.purge import Purge
from core.manager.receiving import Receiving
from core.manager.results import Results
from core.manager.search import Search
from core.manager.stamps import Stamps
from core.manager.starter import ServiceStarter, service_environment
from core.manager.sweep import Sweep
from core.manager.templates import Templates
from core.manager.tokens import Tokens
from core.manager.upload_links import UploadLinks
from core.manager.uploads import Uploads
from core.manager.views import Views
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.stages.registry import build_stages
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.state import StateStore, open_store
from core.system.clock import Clock, SystemClock
from core.system.identity import this_user
from core.system.logs import Log
from core.system.network import AllowedHosts

if TYPE_CHECKING:
    from core.store.watch import Watch

log = Log("manager")


@dataclass(frozen=True)
class Storage:
    """A storage folder, opened: what every process of Reprise begins with."""

    config: Config
    clock: Clock
    layout: Layout
    store: StateStore
    index: Index
    artifacts: Artifacts
    catalog: Catalog


@dataclass(frozen=True)
class Manager:
    """What the dashboard, the API and the CLI work with: commands and views, as one actor."""

    acts_for: Actor
    storage: Storage
    commands: Commands
    views: Views
    results: Results
    clips: Clips
    exports: Exports
    search: Search
    intake: Intake
    templates: Templates
    receiving: Receiving
    upload_links: UploadLinks
    cleanup: Cleanup
    tokens: Tokens
    people: Register
    starter: ServiceStarter

    @property
    def actor(self) -> str:
        """The name that records and the audit have for who acts."""
        return self.acts_for.name

    def acting_for(self, actor: Actor) -> "Manager":
        """The same for somebody else."""
        return replace(self, acts_for=actor)


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
    writer, stamps = Writer(store=storage.store, index=storage.index, via=via), Stamps(storage.index, storage.clock)
    measure = Measure(index=storage.index, layout=storage.layout, catalog=storage.catalog, clock=storage.clock)
    actor = config.user or this_user()
    _, purge, cleanup = build_cleaning(storage, writer)
    return Manager(
        acts_for=Actor(name=actor, scope=Scope.ADMIN),
        storage=storage,
        commands=Commands(
            index=storage.index,
            writer=writer,
            layout=storage.layout,
            clock=stamps,
            catalog=storage.catalog,
            purge=purge,
        ),
        views=Views(
            index=storage.index,
            layout=storage.layout,
            artifacts=storage.artifacts,
            catalog=storage.catalog,
            measure=measure,
            journal=storage.store.journal,
            config=config,
            clock=storage.clock,
        ),
        results=Results(storage.index, storage.layout, storage.artifacts),
        clips=Clips(storage.index, storage.layout, storage.artifacts, config.free_space_bytes),
        exports=open_exports(storage.index, writer, storage.store, storage.artifacts, config.export_kept_s),
        search=Search(storage.index, storage.layout),
        intake=Intake(writer, storage.catalog, stamps, AllowedHosts.parse(config.allowed_hosts)),
        templates=Templates(storage.layout, writer),
        receiving=Receiving(index=storage.index, layout=storage.layout, config=config, owner=actor),
        upload_links=UploadLinks(index=storage.index, layout=storage.layout, config=config, clock=storage.clock),
        cleanup=cleanup,
        tokens=Tokens(storage.layout, actor),
        people=Register(storage.layout, writer),
        starter=ServiceStarter(storage.layout, storage.clock, service_environment(storage.layout.root)),
    )


def build_cleaning(storage: Storage, writer: Writer) -> tuple[Uploads, Purge, Cleanup]:
    """What looks after the uploads, what finishes a deletion for good, and what cleans up."""
    parts: dict[str, Any] = {"index": storage.index, "writer": writer, "artifacts": storage.artifacts}
    uploads = Uploads(layout=storage.layout, clock=storage.clock, **parts)
    purge = Purge(store=storage.store, uploads=uploads, **parts)
    sweep = Sweep(store=storage.store, kept_s=storage.config.unused_kept_s, **parts)
    kept_s = storage.config.archive_after_s
    return (
        uploads,
        purge,
        Cleanup(store=storage.store, purge=purge, uploads=uploads, sweep=sweep, kept_s=kept_s, **parts),
    )


def follow(storage: Storage, on_change: Callable[[str, str], None]) -> "Watch":
    """A started watch that keeps the index current and then tells `on_change` of each record or progress file."""

    from core.store.watch import Watch

    def changed(kind: str, record_id: str) -> None:
        if kind != "progress":
            try:
                storage.index.refresh(kind, record_id)
            except (RepriseError, OSError) as error:  # an error here would end the watch for all records
                log.error("unreadable", kind=kind, id=record_id, error=str(error))
        on_change(kind, record_id)

    watch = Watch(storage.layout, changed)
    watch.start()
    return watch
