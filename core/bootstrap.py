"""The composition root: the only place, with `bootstrap_worker`, that picks classes and puts them together.

What only a service or a worker needs is imported where it is put together: a command is to answer in a moment.
"""

import os
import random
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.errors import Refused, RepriseError
from core.manager.cleanup import Cleanup
from core.manager.clips import Clips
from core.manager.commands import Commands
from core.manager.exports.desk import Exports, open_exports
from core.manager.index import Index
from core.manager.intake import Intake
from core.manager.measure import Measure
from core.manager.purge import Purge
from core.manager.receiving import Receiving
from core.manager.results import Results
from core.manager.search import Search
from core.manager.stamps import Stamps
from core.manager.starter import ServiceStarter, service_environment
from core.manager.sweep import Sweep
from core.manager.templates import Templates
from core.manager.tokens import Tokens
from core.manager.uploads import Uploads
from core.manager.views import Views
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.stages.registry import build_stages
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import StateStore, open_store
from core.system.clock import Clock, SystemClock
from core.system.files import free_bytes
from core.system.identity import this_user
from core.system.logs import Log
from core.system.network import AllowedHosts
from core.system.pressure import Pressure

if TYPE_CHECKING:
    from core.manager.recovery import RecoveryReport
    from core.service.service import Service
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
    cleanup: Cleanup
    tokens: Tokens
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
        cleanup=cleanup,
        tokens=Tokens(storage.layout, actor),
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


def take_service_lock(storage: Storage) -> Lock:
    """The lock that makes this process the one service of the storage; raises `Refused` naming who has it."""
    lock = Lock(storage.layout.service_lock())
    if not lock.acquire():
        holder = lock.holder()
        who = f"process {holder.pid} on {holder.host}" if holder is not None else "another process"
        raise Refused(
            f"A service runs on this storage already: {who}.",
            hint="One is enough; it serves every dashboard and command on this storage.",
        )
    return lock


def worker_argv(lane: str) -> list[str]:
    """The command of a worker of `lane`, child of this process."""
    return [sys.executable, "-m", "core", "worker", lane, str(os.getpid())]


def build_service(
    config: Config,
    storage: Storage,
    on_ready: "Callable[[RecoveryReport], None]",
    worker_argv: Callable[[str], list[str]] = worker_argv,
) -> "Service":
    """The service of a storage whose lock this process holds, with workers of its own; a new epoch begins with it."""
    from core.engines.local import LocalEngine
    from core.manager.dispatch import Dispatcher
    from core.manager.exports.making import open_making
    from core.manager.inbox import Inbox
    from core.manager.playlists import Playlists
    from core.manager.rebuild import Rebuild
    from core.manager.recovery import Recovery
    from core.manager.shared_work import SharedWork
    from core.manager.signs import signs_in
    from core.manager.upkeep import Upkeep
    from core.service.service import Service, Wake
    from core.store.watch import Watch

    clock, layout, index = storage.clock, storage.layout, storage.index
    pool = Writer(store=storage.store, index=index, via="service").pool(
        lambda pool: msgspec.structs.replace(
            pool, epoch=pool.epoch + 1, service_since=clock.now(), capacity=config.capacity, disk=None, recovery={}
        )
    )
    writer, wake = Writer(store=storage.store, index=index, via="service", epoch=pool.epoch), Wake()
    engine = LocalEngine(
        lanes=config.capacity.lanes,
        worker_argv=worker_argv,
        environment=service_environment(layout.root),
        log=layout.service_log(),
        clock=clock,
        wake=wake.ring,
    )
    measure, stamps = Measure(index=index, layout=layout, catalog=storage.catalog, clock=clock), Stamps(index, clock)

    def ready(report: "RecoveryReport") -> None:
        found = {name: value for name, value in msgspec.to_builtins(report).items() if value is not None}
        writer.pool(lambda pool: msgspec.structs.replace(pool, recovery=found))
        on_ready(report)

    dispatcher = Dispatcher(
        index=index,
        writer=writer,
        engine=engine,
        clock=stamps,
        epoch=pool.epoch,
        catalog=storage.catalog,
        playlists=Playlists(index, writer, storage.catalog, stamps),
        shared=SharedWork(layout),
        config=config,
        jitter=random.SystemRandom().random,
        new_attempt_id=lambda: f"a_{secrets.token_hex(8)}",
        free_bytes=lambda: free_bytes(layout.root),
        new_units=measure.units_of_attempt,
        place=measure.place_of,
        signs=signs_in(layout),
        urgent=wake.urgent,
        throttled=Pressure(config.min_free_memory_bytes, config.max_load_per_core).throttled,
    )
    uploads, purge, cleanup = build_cleaning(storage, writer)
    actor, hosts = config.user or this_user(), AllowedHosts.parse(config.allowed_hosts)
    intake = Intake(Writer(store=storage.store, index=index, via="inbox"), storage.catalog, stamps, hosts)
    usual = partial(Templates(layout, writer).defaults, actor)
    inbox = Inbox(intake, usual, index=index, layout=layout, config=config, clock=clock, actor=actor, ring=wake.ring)
    recovery = Recovery(
        index=index,
        writer=writer,
        journal=storage.store.journal,
        layout=layout,
        clock=stamps,
        new_units=measure.units_of_attempt,
        in_flight_s=measure.in_flight_s,
        rebuild=Rebuild(storage.store, storage.catalog, clock),
    )
    return Service(
        index=index,
        dispatcher=dispatcher,
        recovery=recovery,
        upkeep=Upkeep(
            index=index,
            writer=writer,
            artifacts=storage.artifacts,
            catalog=storage.catalog,
            clock=stamps,
            uploads=uploads,
            purge=purge,
            cleanup=cleanup,
            log=layout.service_log(),
        ),
        making=open_making(index, writer, storage.store, stamps, pool.epoch, wake.ring, config.export_kept_s),
        engine=engine,
        watch=Watch(layout, wake.changed, progress=False),
        wake=wake,
        clock=clock,
        lanes=storage.catalog.lanes,
        rescan_s=config.rescan_s,
        shutdown_s=config.shutdown_s,
        on_ready=ready,
        beside=[inbox.turn],
    )
