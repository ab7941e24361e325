"""What only a service is made of, put together: a command has no need of it and answers in a moment."""

import os
import random
import secrets
import sys
from collections.abc import Callable
from functools import partial

import msgspec

from core.bootstrap import Storage, build_cleaning, ways_of
from core.config import Config
from core.domain.errors import Refused
from core.domain.notices import kinds_in
from core.domain.tiers import parse_tiers
from core.engines.local import LocalEngine
from core.manager.dispatch import Dispatcher
from core.manager.exports.making import open_making
from core.manager.inbox import Inbox
from core.manager.intake import Intake
from core.manager.measure import Measure
from core.manager.notices import home_of
from core.manager.notifying import Notifier
from core.manager.playlists import Playlists
from core.manager.rebuild import Rebuild
from core.manager.recovery import Recovery, RecoveryReport
from core.manager.shared_work import SharedWork
from core.manager.signs import signs_in
from core.manager.signs_of_life import signs_of_life
from core.manager.spent import Spent
from core.manager.stamps import Stamps
from core.manager.starter import service_environment
from core.manager.templates import Templates
from core.manager.upkeep import Upkeep
from core.manager.writer import Writer
from core.service.service import Service, Wake
from core.store.locks import Lock
from core.store.watch import Watch
from core.system.files import free_bytes
from core.system.identity import this_user
from core.system.network import AllowedHosts
from core.system.pressure import Pressure


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
    on_ready: Callable[[RecoveryReport], None],
    worker_argv: Callable[[str], list[str]] = worker_argv,
) -> Service:
    """The service of a storage whose lock this process holds, with workers of its own; a new epoch begins with it."""
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

    def ready(report: RecoveryReport) -> None:
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
        spent=Spent(index, layout, parse_tiers(config.tiers), clock).batches,
        throttled=Pressure(config.min_free_memory_bytes, config.max_load_per_core).throttled,
    )
    uploads, purge, cleanup = build_cleaning(storage, writer)
    actor, hosts = config.user or this_user(), AllowedHosts.parse(config.allowed_hosts)
    intake = Intake(Writer(store=storage.store, index=index, via="inbox"), storage.catalog, stamps, hosts, index=index)
    usual = partial(Templates(layout, writer).defaults, actor)
    inbox = Inbox(intake, usual, index=index, layout=layout, config=config, clock=clock, actor=actor, ring=wake.ring)
    notifier = Notifier(
        index=index,
        journal=storage.store.journal,
        layout=layout,
        clock=clock,
        ways=ways_of(config, clock),
        kinds=kinds_in(config.notify_events),
        home=home_of(config),
        ring=wake.ring,
    )
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
        beside=[signs_of_life(layout, clock, config.rescan_s), inbox.turn, notifier.turn],
        at_end=[notifier.close],
    )
