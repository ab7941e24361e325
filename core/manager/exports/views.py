"""Exports as they are shown: how far, how long still, what is missing, until when they can be fetched."""

from datetime import datetime
from typing import Any

import msgspec

from core.domain.estimate import own_left
from core.domain.exports import OPEN, ExportPhase, ExportRecord
from core.manager.exports.fetching import Fetching
from core.manager.exports.shelf import ExportShelf
from core.manager.index import Index
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.progress import read_progress
from core.system.clock import Clock, rfc3339

WAITS_FOR_SERVICE = "waits for a service"


class ExportViews:
    """Reads the records, and the progress of what is being made; never writes."""

    def __init__(self, *, index: Index, layout: Layout, shelf: ExportShelf, fetching: Fetching, clock: Clock) -> None:
        self._index, self._layout, self._shelf = index, layout, shelf
        self._fetching, self._clock = fetching, clock

    def one(self, export_id: str) -> dict[str, Any]:
        """Everything about an export; raises `NotFound`."""
        return self.of(self._shelf.get(export_id))

    def all(self, batch_id: str | None = None, limit: int | None = None) -> dict[str, Any]:
        """All exports, or those of one batch, the newest first; `total` counts them all. Raises `NotFound`."""
        if batch_id is not None:
            self._index.batch(batch_id)
        found = self._shelf.all() if batch_id is None else self._shelf.of_batch(batch_id)
        return {"exports": [self.of(record) for record in found[:limit]], "total": len(found)}

    def of(self, record: ExportRecord) -> dict[str, Any]:
        """The document of an export."""
        now = self._clock.now()
        batch = self._index.batches.get(record.batch_id)
        status, failure = self._status(record, now)
        told = (read_progress(self._layout, record.export_id) or {}) if record.phase in OPEN else {}
        told = told if told.get("key") == record.key else {}
        done = status in ("ready", "expired")
        return {
            "export_id": record.export_id,
            "batch_id": record.batch_id,
            "batch": batch.name if batch is not None else None,
            "owner": record.owner,
            "name": record.name,
            "format": record.options.format,
            "status": status,
            "progress": 1.0 if done else float(told.get("share") or 0.0),
            "note": str(told.get("note") or "") or self._waits_for(record),
            "eta_s": None if done else _left(told),
            "size": record.size,
            "videos": len(record.videos),
            "duration_s": record.duration_s,
            "options": msgspec.to_builtins(record.options),
            "missing": [msgspec.to_builtins(missing) for missing in record.missing],
            "complete": not any(missing.lost for missing in record.missing),
            "created_at": rfc3339(record.created_at),
            "completed_at": rfc3339(record.completed_at) if record.completed_at else None,
            "expires_at": rfc3339(record.expires_at) if record.expires_at else None,
            "failure": failure,
        }

    def _status(self, record: ExportRecord, now: datetime) -> tuple[str, dict[str, Any] | None]:
        """The word for it: its phase, `expired` after its time, `cancelling`, `failed` when what it needs is gone."""
        failure = msgspec.to_builtins(record.failure) if record.failure is not None else None
        if record.phase == ExportPhase.READY and record.expired(now):
            return "expired", None
        if record.phase in OPEN and record.cancel_by is not None:
            return "cancelling", None
        lost = self._fetching.broken(record, now)
        if lost:
            return "failed", {"code": "damaged", "message": lost, "hint": "Make a new export."}
        return str(record.phase), failure

    def _waits_for(self, record: ExportRecord) -> str:
        """Why something that is to be made is not being made."""
        if record.phase not in OPEN:
            return ""
        if not Lock(self._layout.service_lock()).held_by_other():
            return WAITS_FOR_SERVICE
        pool = self._index.pool
        if pool.pause is not None or pool.disk is not None:
            return "everything is paused" if pool.pause is not None else "the disk is full"
        return "waits for its turn" if record.phase == ExportPhase.QUEUED else "begins"


def _left(told: dict[str, Any]) -> dict[str, float] | None:
    began = told.get("began_share")
    if began is None:
        return None
    left = own_left(float(told.get("share") or 0.0), float(began), float(told.get("worked_s") or 0.0))
    return {"low": left.low, "high": left.high} if left is not None else None
