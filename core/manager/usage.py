"""What an owner has used up, also by batches whose records are gone: a note beside their settings, kept for 30 days."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from core.domain.batch import BatchRecord
from core.domain.names import file_name, safe
from core.domain.run import RunRecord
from core.domain.tiers import MONTH, Begun
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files
from core.system.logs import Log

SUFFIX = ".usage"
MAX_BYTES = 16 * 1024 * 1024
LOCK_S = 10.0
log = Log("access")


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is gone: when it was made, and what of it was worked on."""

    created_at: datetime
    begun: tuple[Begun, ...]


class Usage:
    """The notes of one storage."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def of(self, owner: str) -> dict[str, Past]:
        """The batches of an owner that are gone, as far as they still count. Raises `StorageError`."""
        path = self._layout.people / file_name(safe(owner) or "nobody", SUFFIX)
        with files.explained(f"reading {path.name}"):
            try:
                found: dict[str, Past] = msgspec.json.decode(files.read_regular(path, MAX_BYTES), type=dict[str, Past])
            except FileNotFoundError:
                return {}
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                log.error("usage_unreadable", owner=owner, error=str(error))  # who is billed by us is not locked out
                return {}
        return found

    def keep(self, batch: BatchRecord, runs: Iterable[RunRecord], now: datetime) -> None:
        """Before the records of a batch go: note what it used up; doing it twice changes nothing. Raises `StorageError`."""
        gone = Past(created_at=batch.created_at, begun=tuple(begun_of(runs)))
        with Lock(self._layout.usage_lock()).holding(LOCK_S):
            kept = {id_: past for id_, past in self.of(batch.owner).items() if now - _last(past) < MONTH}
            kept[batch.batch_id] = gone
            path = self._layout.people / file_name(safe(batch.owner) or "nobody", SUFFIX)
            with files.explained(f"writing {path.name}"):
                files.write_durably(path, msgspec.json.encode(kept))


def begun_of(runs: Iterable[RunRecord]) -> list[Begun]:
    """Those of `runs` that were worked on, as far as it is known how long they last."""
    return [Begun(at=run.started_at, seconds=run.duration_s) for run in runs if run.started_at and run.duration_s]


def _last(past: Past) -> datetime:
    return max([past.created_at, *(one.at for one in past.begun)])
