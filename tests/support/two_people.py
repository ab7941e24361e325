"""A storage that two people share, each with work of their own, and the managers that act for them."""

from pathlib import Path

import msgspec

from core.bootstrap import Manager, open_manager
from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.batch import BatchRecord
from core.domain.run import RunRecord, Source
from core.domain.states import BatchPhase
from core.system.clock import ManualClock
from tests.support.storage import NOON, a_batch, a_run

ADMIN = "local:root"


class TwoPeople:
    """Anna and Ben, each with a batch of two runs; `admin` sees to both."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOON)
        config = Config(storage=str(folder / "storage"), user=ADMIN, free_space_bytes=0)
        self.admin = open_manager(config, via="api", clock=self.clock)
        self.store = self.admin.storage.store
        self.anna = self.acting("anna")
        self.ben = self.acting("ben")
        self.batch = {name: self.add(name, name[0] * 3) for name in ("anna", "ben")}
        self.runs = {name: self.runs_of(batch) for name, batch in self.batch.items()}

    def acting(self, name: str, scope: Scope = Scope.OPERATE, tier: str = "") -> Manager:
        """A manager that acts for somebody."""
        return self.admin.acting_for(Actor(name=name, scope=scope, tier=tier))

    def add(self, owner: str, mark: str, runs: int = 2) -> str:
        """A batch of an owner that is to be worked on; its id."""
        made = [
            a_run(
                f"r_{mark}{number}",
                batch_id=f"b_{mark}",
                position=number,
                owner=owner,
                title=f"A secret of {owner}",
                source=Source(kind="url", value=f"https://{owner}.example/{number}"),
            )
            for number in range(1, runs + 1)
        ]
        for run in made:
            self.keep(run)
        batch = a_batch(f"b_{mark}", owner=owner, name=f"Talks of {owner}", phase=BatchPhase.RUNNING)
        self.admin.storage.index.put_batch(batch.batch_id, self.store.batches.create(batch.batch_id, batch))
        return batch.batch_id

    def keep(self, run: RunRecord) -> None:
        """A run that is on the disk and known."""
        self.admin.storage.index.put_run(run.run_id, self.store.runs.create(run.run_id, run))

    def change(self, record: RunRecord | BatchRecord, **changes: object) -> None:
        """Let somebody else's process change a record, and let this one hear of it."""
        index = self.admin.storage.index
        if isinstance(record, RunRecord):
            self.store.runs.update(record.run_id, lambda run: msgspec.structs.replace(run, **changes))
            index.refresh("run", record.run_id)
        else:
            self.store.batches.update(record.batch_id, lambda batch: msgspec.structs.replace(batch, **changes))
            index.refresh("batch", record.batch_id)

    def runs_of(self, batch_id: str) -> list[str]:
        """The ids of the runs of a batch."""
        return [run.run_id for run in self.admin.storage.index.runs_of(batch_id)]

    def audited(self, kind: str) -> list[dict[str, object]]:
        """What the journal has of one kind, the newest first."""
        return [line for line in self.store.journal.lines() if line["type"] == kind]
