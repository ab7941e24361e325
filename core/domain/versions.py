"""Which state of a record somebody has seen, so that a change made for another one is refused."""

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.errors import Stale
from core.domain.run import RunRecord

ANY = "*"
Versions = Collection[str] | None  # those that will do; None: whatever it is


def version_of(record: BatchRecord | RunRecord) -> str:
    """What is another one whenever a person changed the batch or run, or it moved; work alone leaves it as it is."""
    said = _of_batch(record) if isinstance(record, BatchRecord) else _of_run(record)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:24]


def check_version(record: BatchRecord | RunRecord, expected: Versions) -> None:
    """Raise `Stale` unless `expected` is None or has the present version, or says that any will do."""
    if expected is None or ANY in expected or version_of(record) in expected:
        return
    what = f"Batch {record.batch_id}" if isinstance(record, BatchRecord) else f"Run {record.run_id}"
    raise Stale(f"{what} was changed since you looked at it; it is {record.phase} now.")


def _of_batch(batch: BatchRecord) -> Any:
    return replace(
        batch,
        updated_at=batch.created_at,
        active_s=0.0,
        timeout_from_s=0.0,
        streak_since=None,
        probing_since=None,
        transitions=[],
        commands=[],
    )


def _of_run(run: RunRecord) -> Any:
    """Of a run the service writes nearly everything: what people say is these."""
    return [run.run_id, run.phase, run.intent, run.priority, run.front, run.position, run.settings, run.removed]
