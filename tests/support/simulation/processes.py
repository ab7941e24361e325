"""The processes of the simulated world: services, built of the real parts, and operators with an index of their own."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from core.domain.errors import NotFound
from core.manager.commands import Commands
from core.manager.dispatch import Dispatcher
from core.manager.index import Index
from core.manager.playlists import Playlists
from core.manager.recovery import Recovery, RecoveryReport
from core.manager.signs import Sign
from core.manager.stamps import Stamps
from core.manager.upkeep import Upkeep
from core.manager.writer import Writer
from core.service.service import Service, Wake
from core.store.layout import Layout
from tests.support.simulation.engine import SimEngine
from tests.support.simulation.faults import Faults
from tests.support.simulation.store import MemoryStore

if TYPE_CHECKING:
    from tests.support.simulation.world import World

LAYOUT = Layout(Path("simulated"))  # names only; nothing is ever made there


class Process:
    """A process with its own view of the store and its own faults; `untold` is what the watch has not told it yet."""

    epoch: int | None = None

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.faults = Faults()
        self.untold: dict[tuple[str, str], None] = {}
        self.store: Any = MemoryStore(world.disk, world.clock, self.faults, self._wrote)
        self.index = Index(self.store)
        self.stamps = Stamps(self.index, world.clock)

    def _wrote(self, kind: str, record_id: str, before: Any, after: Any, epoch: int) -> None:
        self.world.wrote(self, kind, record_id, before, after)

    def told(self, kind: str, record_id: str) -> None:
        """What the watch says of one record."""
        self.index.refresh(kind, record_id)

    def tell(self) -> None:
        """The watch tells what it has not told yet."""
        for kind, record_id in list(self.untold):
            self.untold.pop((kind, record_id), None)
            self.told(kind, record_id)


class SimCommands(Commands):
    """The real commands; whether a service lives is asked of the simulated locks."""

    world: "World"

    def service_alive(self) -> bool:
        """Whether some service holds the storage."""
        return self.world.locks.held("service.lock")


class Operator(Process):
    """A person at a dashboard or command line, or one of their programs."""

    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world, name)
        self.writer = Writer(store=self.store, index=self.index, via=name)
        self.commands = SimCommands(
            index=self.index,
            writer=self.writer,
            layout=LAYOUT,
            clock=self.stamps,
            catalog=world.catalog,
            purge=SimPurge(self),  # type: ignore[arg-type]
        )
        self.commands.world = world
        self.index.load()


class NoRebuild:
    """No record is ever damaged here."""

    def lost(self, *_: Any) -> list[str]:
        """None."""
        return []

    def make(self, *_: Any) -> list[Any]:
        """Nothing to make."""
        return []


class NoUploads:
    """There are no uploads here."""

    def clean(self) -> None:
        """Nothing to clean."""


class NoCleanup:
    """Nothing here is old."""

    def steps(self, by: str) -> Iterator[str]:
        """None."""
        del by
        return iter(())


class SimPurge:
    """Deletion for good, of the records alone and in the real order: the runs, then their batch."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    def finish_all(self) -> None:
        """Finish every batch that is marked."""
        for batch_id, batch in self._process.index.everything()[1].items():
            if batch.purging:
                self.finish(batch_id)

    def drop_uploads(self, run_ids: list[str]) -> None:
        """There are no uploads here."""

    def finish(self, batch_id: str) -> bool:
        """Remove what is left of a marked batch; doing it twice changes nothing."""
        index, store = self._process.index, self._process.store
        index.load()
        runs, batches, _ = index.everything()
        if batch_id in batches and batches[batch_id].purging:
            for run_id in [run_id for run_id, run in runs.items() if run.batch_id == batch_id]:
                store.runs.remove(run_id)
                index.lose(run_id, NotFound(f"There is no run {run_id}."))
            store.batches.remove(batch_id)
            index.lose(batch_id, NotFound(f"There is no batch {batch_id}."))
        return True


class SharedWork:
    """Who makes which key, asked of the simulated locks."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def busy(self, wanted: Iterable[str]) -> frozenset[str]:
        """Those of the pieces of work that are still being made."""
        return frozenset(shared for shared in wanted if self._is_busy(shared))

    def _is_busy(self, shared: str) -> bool:
        stage, _, key = shared.partition("/")
        return (stage, key) not in self._world.disk.artifacts and self._world.locks.held(f"{stage}.{key}.key")


class Receipts:
    """Whether what was published is whole."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def verify(self, stage: str, key: str, deep: bool) -> object | None:
        """Something if it is there."""
        return self._world.disk.artifacts.get((stage, key))


class SimService(Process):
    """One service, from its start to its end."""

    begins_with: ClassVar[dict[str, Any]] = {}  # what it does to the pool's record beside taking its epoch

    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world, name)
        self.wake = Wake()
        self.engine = SimEngine(world, world.setup.lanes, self.wake.ring, self.index)
        self.urgent_since = -1  # the operation at which something urgent was told
        self.wait_s = 0.0

    def start(self) -> None:
        """What `bootstrap.build_service` and `Service.run` do before the first wait."""
        world = self.world
        opening = Writer(store=self.store, index=self.index, via="service")
        pool = opening.pool(
            lambda pool: msgspec.structs.replace(
                pool,
                epoch=pool.epoch + 1,
                service_since=world.clock.now(),
                recovery={},
                **self.begins_with,
            )
        )
        self.epoch = pool.epoch
        self.writer = writer = Writer(store=self.store, index=self.index, via="service", epoch=pool.epoch)
        self.dispatcher = Dispatcher(
            index=self.index,
            writer=writer,
            engine=self.engine,
            clock=self.stamps,
            epoch=pool.epoch,
            catalog=world.catalog,
            playlists=Playlists(self.index, writer, world.catalog, self.stamps),
            shared=SharedWork(world),  # type: ignore[arg-type]
            config=world.setup.config,
            jitter=lambda: world.dice.random(),  # noqa: PLW0108 - each step has dice of its own
            new_attempt_id=lambda: f"a_{next(world.attempt_ids)}",
            free_bytes=lambda: 0 if world.disk_low else 10**12,
            new_units=lambda run_id, attempt_id: world.disk.units_of(attempt_id),
            place=lambda run: "",
            signs=lambda run: self.engine.sign(run.open_attempt.id) if run.open_attempt else Sign(),
            urgent=self.wake.urgent,
            throttled=lambda: world.throttled,
        )
        self.recovery = Recovery(
            index=self.index,
            writer=writer,
            journal=self.store.journal,
            layout=LAYOUT,
            clock=self.stamps,
            new_units=lambda run_id, attempt_id: world.disk.units_of(attempt_id),
            in_flight_s=lambda run: None,
            rebuild=NoRebuild(),  # type: ignore[arg-type]
            lock_at=world.locks.at,  # type: ignore[arg-type]
        )

        def ready(report: RecoveryReport) -> None:
            found = {name: value for name, value in msgspec.to_builtins(report).items() if value is not None}
            writer.pool(lambda pool: msgspec.structs.replace(pool, recovery=found))

        self.service = Service(
            index=self.index,
            dispatcher=self.dispatcher,
            recovery=self.recovery,
            upkeep=Upkeep(
                index=self.index,
                writer=writer,
                artifacts=Receipts(world),  # type: ignore[arg-type]
                catalog=world.catalog,
                clock=self.stamps,
                uploads=NoUploads(),  # type: ignore[arg-type]
                purge=SimPurge(self),  # type: ignore[arg-type]
                cleanup=NoCleanup(),  # type: ignore[arg-type]
                log=Path("simulated.log"),
            ),
            engine=self.engine,
            watch=None,  # type: ignore[arg-type]
            wake=self.wake,
            clock=world.clock,
            lanes=world.catalog.lanes,
            rescan_s=30.0,
            shutdown_s=8.0,
            on_ready=ready,
        )
        world.watch_schedule(self)
        self.wait_s = self.service.begin()

    def told(self, kind: str, record_id: str) -> None:
        """The watch wakes the loop, which reads the record again before its next turn."""
        if kind in ("pool", "batch"):
            self.urgent_since = self.faults.count
        self.wake.changed(kind, record_id)

    def turn(self) -> None:
        """One round of the loop."""
        self.wait_s = self.service.once(self.wake.wait(0))
