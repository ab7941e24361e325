"""The composition root of what the dashboard, the API and the command line work with: a manager for each who asks."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.tiers import check_known, parse_tiers, tier_of
from core.manager.access import Gate, Notices
from core.manager.allowance import UNLIMITED, USUAL_CONCURRENCY, Allowance, Unlimited
from core.manager.bulk import Bulk
from core.manager.cleanup import Cleanup
from core.manager.clips import Clips, Jobs
from core.manager.commands import Commands
from core.manager.exports.desk import Exports, open_exports
from core.manager.exports.shelf import ExportShelf, OwnShelf
from core.manager.index import Index
from core.manager.intake import Intake
from core.manager.listening import Listening
from core.manager.measure import Measure
from core.manager.notices import Noticeboard, home_of
from core.manager.own_index import Owners, OwnIndex
from core.manager.people import Register
from core.manager.purge import Purge
from core.manager.reach import Reach
from core.manager.receiving import Receiving
from core.manager.results import Results
from core.manager.search import Folded, Search
from core.manager.stamps import Stamps
from core.manager.starter import ServiceStarter, service_environment
from core.manager.sweep import Sweep
from core.manager.templates import Template, Templates
from core.manager.tokens import Tokens
from core.manager.upload_links import UploadLinks
from core.manager.uploads import Uploads
from core.manager.views import Views
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.notices import NoticeStore
from core.store.state import StateStore
from core.system.clock import Clock
from core.system.identity import this_user
from core.system.network import AllowedHosts

if TYPE_CHECKING:
    from core.notify.ways import Way

MOST_MANAGERS = 64  # one for each who asks, kept until others ask


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
    """What the dashboard, the API and the CLI work with: commands and views, as one actor.

    Whatever is reached from here keeps to what this actor may know and do: `storage.index` too. Only `storage.store` and
    `storage.artifacts` are everybody's.
    """

    acts_for: Actor
    storage: Storage
    commands: Commands
    views: Views
    results: Results
    clips: Clips
    exports: Exports
    search: Search
    intake: Intake
    bulk: Bulk
    templates: Templates
    receiving: Receiving
    upload_links: UploadLinks
    cleanup: Cleanup
    notices: Noticeboard
    tokens: Tokens
    people: Register
    starter: ServiceStarter
    reach: Reach
    allowance: Unlimited
    gate: Gate
    composer: "Composer"

    @property
    def actor(self) -> str:
        """The name that records and the audit have for who acts."""
        return self.acts_for.name

    def acting_for(self, actor: Actor) -> "Manager":
        """The same for somebody else: what is another's does not exist in it, unless `actor` is an administrator."""
        return self.composer.manager_for(actor)


class Composer:
    """Puts managers together: one for each actor, over what they all share. Thread-safe."""

    def __init__(self, storage: Storage, via: str) -> None:
        self._storage, self._via = storage, via
        self._writer = Writer(store=storage.store, index=storage.index, via=via)
        self._stamps = Stamps(storage.index, storage.clock)
        self._notices = Notices(self._writer.note, storage.clock)
        config = storage.config
        self._tiers = parse_tiers(config.tiers)
        self._local = Actor(
            name=config.user or this_user(), scope=Scope.ADMIN, tier=check_known(self._tiers, config.tier)
        )
        self._tokens = Tokens(storage.layout, self._local, storage.clock, self._writer.note, self._tiers)
        self._people = Register(storage.layout, self._writer, tiers=self._tiers)
        _, self._purge, self._cleanup = build_cleaning(storage, self._writer)
        self._shelf = ExportShelf(storage.store)
        self._folded, self._clip_jobs, self._listening = (
            Folded(),
            Jobs(),
            Listening(storage.layout, storage.config.free_space_bytes),
        )
        around = service_environment(storage.layout.root)
        self._starter = ServiceStarter(storage.layout, storage.clock, around, may_start=config.start_service)
        self._board = NoticeStore(storage.layout, storage.clock)
        self._ways = cache(partial(ways_of, storage.config, storage.clock))
        self._guard = threading.Lock()
        self._made: OrderedDict[Actor, Manager] = OrderedDict()

    @cached_property
    def _owners(self) -> Owners:
        return Owners(self._storage.index)

    def local(self) -> Manager:
        """The manager of whoever started this process."""
        return self.manager_for(self._local)

    def manager_for(self, actor: Actor) -> Manager:
        """The manager of `actor`; the same again while it is remembered."""
        with self._guard:
            known = self._made.get(actor)
            if known is None:
                known = self._made[actor] = self._make(actor)
                if len(self._made) > MOST_MANAGERS:
                    self._made.popitem(last=False)
            self._made.move_to_end(actor)
        return known

    def _make(self, actor: Actor) -> Manager:
        whole, config, gate = self._storage, self._storage.config, Gate(actor, self._notices)
        index, shelf = whole.index, self._shelf
        writer = self._writer if not actor.token else Writer(store=whole.store, index=whole.index, via="api")
        if not actor.may(Scope.ADMIN):
            index = OwnIndex(whole.index, self._owners, actor.name, gate.foreign)
            shelf = OwnShelf(shelf, lambda: index.batches, gate.foreign)
        reach = Reach(gate, whole.layout, config)
        tier = tier_of(self._tiers, actor.tier)
        allowance = Allowance(actor.name, tier, index, whole.layout, whole.clock) if tier is not None else UNLIMITED
        usual = Template(priority=allowance.priority(None), concurrency=allowance.concurrency(USUAL_CONCURRENCY))
        templates = Templates(whole.layout, writer, gate, usual)
        exports = open_exports(index, writer, whole.store, whole.artifacts, config.export_kept_s, shelf, gate)
        intake = Intake(
            writer,
            whole.catalog,
            self._stamps,
            AllowedHosts.parse(config.allowed_hosts),
            gate,
            reach,
            allowance,
            index=index,
        )
        return Manager(
            acts_for=actor,
            storage=replace(whole, index=index),
            commands=Commands(
                index=index,
                writer=writer,
                layout=whole.layout,
                clock=self._stamps,
                catalog=whole.catalog,
                purge=self._purge,
                gate=gate,
                allowance=allowance,
            ),
            views=Views(
                index=index,
                whole=whole.index,
                actor=actor,
                layout=whole.layout,
                artifacts=whole.artifacts,
                catalog=whole.catalog,
                measure=Measure(index=whole.index, layout=whole.layout, catalog=whole.catalog, clock=whole.clock),
                journal=whole.store.journal,
                config=config,
                clock=whole.clock,
                listening=self._listening,
            ),
            results=Results(index, whole.layout, whole.artifacts),
            clips=Clips(
                index, whole.layout, whole.artifacts, whole.clock, config.free_space_bytes, self._clip_jobs, gate
            ),
            exports=exports,
            search=Search(index, whole.layout, self._folded),
            intake=intake,
            templates=templates,
            bulk=Bulk(
                layout=whole.layout, intake=intake, templates=templates, exports=exports, actor=actor, reach=reach
            ),
            receiving=Receiving(
                index=whole.index, layout=whole.layout, config=config, clock=whole.clock, owner=actor.name, gate=gate
            ),
            upload_links=UploadLinks(index=whole.index, layout=whole.layout, config=config, clock=whole.clock),
            cleanup=self._cleanup.within(gate),
            notices=Noticeboard(self._board, whole.clock, self._ways, home_of(config), gate),
            tokens=self._tokens.within(gate),
            people=self._people.within(gate),
            starter=self._starter,
            reach=reach,
            allowance=allowance,
            gate=gate,
            composer=self,
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


def ways_of(config: Config, clock: Clock) -> "list[Way]":
    """The ways of telling people that are configured; what they need is loaded only by who sends something."""
    from core.notify.ways import ways

    return ways(config, clock)
