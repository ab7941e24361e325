"""A storage with a dispatcher on it, an engine whose attempts end when and how the test says, and a clock it moves."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from core.config import Config
from core.domain.batch import BatchRecord
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.domain.tiers import parse_tiers
from core.engines.engine import Died, EngineEvent, Finished, Frozen, Signal, Slot
from core.manager.cleanup import Cleanup
from core.manager.commands import Commands
from core.manager.dispatch import Dispatcher
from core.manager.index import Index
from core.manager.intake import member
from core.manager.playlists import Playlists
from core.manager.purge import Purge
from core.manager.rebuild import Rebuild
from core.manager.recovery import Recovery
from core.manager.shared_work import SharedWork
from core.manager.signs import Sign
from core.manager.spent import Spent
from core.manager.stamps import Stamps
from core.manager.sweep import Sweep
from core.manager.uploads import Uploads
from core.manager.writer import Writer
from core.runner.outcome import Assignment, Committed, Outcome
from core.stages.catalog import Catalog
from core.stages.registry import host_of_source
from core.store.artifacts import Artifacts, Receipt
from core.store.layout import Layout, new_batch_id, new_run_id
from core.store.locks import Lock
from core.store.state import open_store
from core.system.clock import ManualClock
from core.system.identity import this_process
from tests.support.stages import CountingStage
from tests.support.storage import NOON

ANA = "local:ana"


class ScriptedEngine:
    """Takes attempts and keeps them until the test ends them; remembers every signal."""

    def __init__(self, **lanes: int) -> None:
        self._lanes = lanes or {"network": 2, "cpu": 1}
        self._numbers = itertools.count()
        self._events: list[EngineEvent] = []
        self._slots: dict[str, Slot] = {}
        self.running: dict[str, Assignment] = {}  # by run
        self.signals: list[tuple[str, Signal]] = []
        self.begun: list[tuple[str, str]] = []  # run and stage, in order

    def lanes(self) -> dict[str, int]:
        return dict(self._lanes)

    def free(self) -> dict[str, int]:
        used = [slot.lane for slot in self._slots.values()]
        return {lane: total - used.count(lane) for lane, total in self._lanes.items()}

    def reserve(self, lane: str) -> Slot | None:
        if self.free().get(lane, 0) < 1:
            return None
        slot = Slot(lane=lane, number=next(self._numbers), owner=this_process())
        self._slots[f"reserved {slot.number}"] = slot
        return slot

    def release(self, slot: Slot) -> None:
        del self._slots[f"reserved {slot.number}"]

    def submit(self, slot: Slot, assignment: Assignment) -> None:
        del self._slots[f"reserved {slot.number}"]
        self._slots[assignment.attempt_id] = slot
        self.running[assignment.run_id] = assignment
        self.begun.append((assignment.run_id, assignment.stage))

    def signal(self, attempt_id: str, signal: Signal) -> bool:
        run_id = next((run for run, one in self.running.items() if one.attempt_id == attempt_id), None)
        if run_id is None:
            return False
        self.signals.append((run_id, signal))
        return True

    def events(self) -> list[EngineEvent]:
        events, self._events = self._events, []
        return events

    def close(self, grace_s: float) -> None:
        return

    def end(self, run_id: str, outcome: Outcome) -> None:
        """The attempt reports its outcome."""
        attempt = self._over(run_id)
        self._events.append(Finished(attempt_id=attempt, outcome=outcome))

    def die(self, run_id: str) -> None:
        """The attempt's process is gone."""
        self._events.append(Died(attempt_id=self._over(run_id), how="signal 9"))

    def stand_still(self, run_id: str) -> None:
        """Every process of the attempt stands still."""
        self._events.append(Frozen(attempt_id=self.running[run_id].attempt_id))

    def _over(self, run_id: str) -> str:
        attempt_id = self.running.pop(run_id).attempt_id
        del self._slots[attempt_id]
        return attempt_id


class House:
    """Commands on one side, the dispatcher of a service on the other; `restart` is a kill -9 and a new service."""

    def __init__(self, folder: Path, *, config: Config | None = None, **lanes: int) -> None:
        self.config = config or Config()
        self.clock = ManualClock(NOON)
        self.layout = Layout(folder / "storage")
        self.layout.create()
        self.store = open_store(self.layout, self.clock)
        self.artifacts = Artifacts(self.layout, self.clock)
        self.catalog = Catalog(
            (CountingStage("download"), CountingStage("transcribe", lane="cpu", needs=("download",))),
            outside={"download": host_of_source},
        )
        self.disk_is_low = False
        self.urgent: Callable[[], bool] = lambda: False
        self.new_units = 0
        self.in_flight_s: float | None = 0.0
        self.signs: dict[str, Sign] = {}
        self._lanes = lanes
        self._attempt_ids = itertools.count(1)
        self._epoch = 0
        self.restart()

    def restart(self) -> None:
        """A new service, with everything read from the disk again."""
        self._epoch += 1
        self.index = Index(self.store)
        self.index.load()
        self.given = Writer(store=self.store, index=self.index, via="cli")
        self.given.pool(lambda pool: msgspec.structs.replace(pool, epoch=self._epoch))
        self.writer = Writer(store=self.store, index=self.index, via="service", epoch=self._epoch)
        self.engine = ScriptedEngine(**self._lanes)
        self.stamps = Stamps(self.index, self.clock)
        self.playlists = Playlists(self.index, self.writer, self.catalog, self.stamps)
        self.commands = self._commands(self.index, self.given)
        self.dispatcher = Dispatcher(
            index=self.index,
            writer=self.writer,
            engine=self.engine,
            clock=self.stamps,
            epoch=self._epoch,
            catalog=self.catalog,
            playlists=self.playlists,
            shared=SharedWork(self.layout),
            config=self.config,
            jitter=lambda: 0.0,
            new_attempt_id=lambda: f"a_{next(self._attempt_ids)}",
            free_bytes=lambda: 0 if self.disk_is_low else 10**12,
            new_units=lambda run_id, attempt_id: self.new_units,
            place=lambda run: "",
            signs=lambda run: self.signs.get(run.run_id, Sign()),
            journal_s=0.0,
            spent=Spent(self.index, self.layout, parse_tiers(self.config.tiers), self.clock).batches,
            urgent=lambda: self.urgent(),  # noqa: PLW0108 - tests change it later
        )

    def _commands(self, index: Index, writer: Writer) -> Commands:
        return Commands(
            index=index,
            writer=writer,
            layout=self.layout,
            clock=Stamps(index, self.clock),
            catalog=self.catalog,
            purge=self.purge(index, writer),
        )

    def purge(self, index: Index | None = None, writer: Writer | None = None) -> Purge:
        """What finishes a deletion for good."""
        index, writer = index or self.index, writer or self.writer
        parts: dict[str, Any] = {"index": index, "writer": writer, "artifacts": self.artifacts}
        return Purge(store=self.store, uploads=Uploads(layout=self.layout, clock=self.clock, **parts), **parts)

    def cleanup(self, *, archive_after_s: float = 30 * 86400.0, unused_kept_s: float = 86400.0) -> Cleanup:
        """What cleans up this storage."""
        parts: dict[str, Any] = {"index": self.index, "writer": self.writer, "artifacts": self.artifacts}
        return Cleanup(
            store=self.store,
            purge=self.purge(),
            uploads=Uploads(layout=self.layout, clock=self.clock, **parts),
            sweep=Sweep(store=self.store, kept_s=unused_kept_s, **parts),
            kept_s=archive_after_s,
            **parts,
        )

    def commands_of_another_process(self) -> Commands:
        """Commands that the service has not heard of yet: another process wrote them."""
        index = Index(self.store)
        index.load()
        return self._commands(index, Writer(store=self.store, index=index, via="cli"))

    def recovery(self) -> Recovery:
        """What a service does before its first turn."""
        return Recovery(
            index=self.index,
            writer=self.writer,
            journal=self.store.journal,
            layout=self.layout,
            clock=self.stamps,
            new_units=lambda run_id, attempt_id: self.new_units,
            in_flight_s=lambda run: self.in_flight_s,
            rebuild=Rebuild(self.store, self.catalog, self.clock),
        )

    def add(
        self, runs: int = 1, *, settings: Settings | None = None, file: str | None = None, **changes: Any
    ) -> list[str]:
        """A running batch of so many runs, of addresses or of this `file`; gives their ids."""
        settings, now = settings or Settings(), self.stamps.now()
        values = {"name": "talks", "owner": ANA, "phase": BatchPhase.RUNNING, "settings": settings, "concurrency": 5}
        batch = BatchRecord(batch_id=new_batch_id(self.clock), created_at=now, updated_at=now, **(values | changes))
        made = [
            RunRecord(
                run_id=new_run_id(self.clock),
                batch_id=batch.batch_id,
                space_id=f"s{number}",
                position=number,
                source=Source(kind="file", value=file)
                if file
                else Source(kind="url", value=f"https://example.com/{number}.mp4"),
                owner=batch.owner,
                created_at=now,
                updated_at=now,
                stages=stages_for(self.catalog.wanted(settings)),
            )
            for number in range(1, runs + 1)
        ]
        for run in made:
            self.given.new_run(run)
        self.given.new_batch(msgspec.structs.replace(batch, members=[member(run) for run in made]), ANA, {})
        return [run.run_id for run in made]

    @contextmanager
    def served(self) -> Iterator[None]:
        """A service holds this storage, for whoever looks from outside."""
        with Lock(self.layout.service_lock()).holding():
            yield

    def turn(self, times: int = 1) -> float:
        """Turns of the service; gives the wait the last one asked for."""
        return [self.dispatcher.turn() for _ in range(times)][-1]

    def ask(self, run_id: str, verb: str, **how: Any) -> None:
        """A command on a run, and the turn it wakes."""
        self.commands.run(run_id, verb, by=ANA, **how)
        self.turn()

    def end(self, run_id: str, outcome: Outcome | None = None) -> None:
        """The run's attempt ends, by default with its stage published; the service hears of it."""
        self.engine.end(run_id, outcome or Committed(key=f"key{run_id[-4:]}"))
        self.turn()

    def finish(self, run_id: str) -> None:
        """The run's stages follow each other to the end."""
        while run_id in self.engine.running:
            self.end(run_id)

    def publish(self, stage: str, key: str, *, of: str | None = None, **files: str) -> Committed:
        """An artifact with these files (`_` stands for the dot), published as a worker does; gives its outcome.

        It is made `of` the download published under that key.
        """
        out = self.layout.work(stage, key) / "tmp.a_1"
        out.mkdir(parents=True)
        for name, content in files.items():
            (out / name.replace("_", ".")).write_text(content)
        read = self.artifacts.receipt("download", of) if of else None
        inputs = {"download": read.content} if read is not None else {}
        made = {
            "params": {},
            "inputs": inputs,
            "facts": {},
            "tools": {},
            "started_at": NOON,
            "attempt": "a_1",
            "epoch": 1,
        }
        self.artifacts.publish(stage, key, out, Receipt(stage=stage, key=key, version=1, **made))  # type: ignore[arg-type]
        return Committed(key=key)

    def run(self, run_id: str) -> RunRecord:
        """The run as its file has it."""
        return self.store.runs.get(run_id).value

    def batch(self, run_id: str) -> BatchRecord:
        """The batch of a run as its file has it."""
        return self.store.batches.get(self.run(run_id).batch_id).value

    def phases(self, *run_ids: str) -> list[str]:
        """The phases in the files."""
        return [str(self.run(run_id).phase) for run_id in run_ids]
