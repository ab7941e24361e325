"""Which state of a record somebody has seen, so that a change made for another one is refused."""

import hashlib
from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.errors import Stale

ANY = "*"
Versions = Collection[str] | None  # those that will do; None: whatever it is


def version_of(batch: BatchRecord) -> str:
    """What is another one whenever a person changed the batch, or it moved; work on its runs alone leaves it as it is."""
    said = replace(
        batch,
        updated_at=batch.created_at,
        active_s=0.0,
        timeout_from_s=0.0,
        streak_since=None,
        probing_since=None,
        transitions=[],
        commands=[],
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:24]


def check_version(batch: BatchRecord, expected: Versions) -> None:
    """Raise `Stale` unless `expected` is None or has the present version, or says that any will do."""
    if expected is None or ANY in expected or version_of(batch) in expected:
        return
    raise Stale(f"Batch {batch.batch_id} was changed since you looked at it; it is {batch.phase} now.")
