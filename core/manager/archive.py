"""What is left of a batch when its files are gone: a small JSON of what it was."""

from typing import Any

import msgspec

from core.domain.access import Actor
from core.domain.batch import BatchRecord
from core.domain.errors import BadInput, NotFound
from core.domain.exports import ExportRecord
from core.domain.run import RunRecord
from core.store.artifacts import Artifacts
from core.store.layout import Layout, is_id
from core.system import files
from core.system.clock import Clock, rfc3339

MAX_BYTES = 8 * 1024 * 1024


class Archive:
    """The archived batches of one storage, as far as `actor` sees them."""

    def __init__(self, layout: Layout, artifacts: Artifacts, clock: Clock, actor: Actor) -> None:
        self._layout, self._artifacts, self._clock, self._actor = layout, artifacts, clock, actor

    def keep(self, batch: BatchRecord, runs: list[RunRecord], by: str) -> None:
        """Write down what a batch was, durably. Raises `StorageError`."""
        document = {
            "batch_id": batch.batch_id,
            "name": batch.name,
            "description": batch.description,
            "owner": batch.owner,
            "phase": batch.deleted_from or batch.phase,
            "outcome": batch.outcome,
            "created_at": batch.created_at,
            "started_at": batch.started_at,
            "completed_at": batch.completed_at,
            "archived_at": rfc3339(self._clock.now()),
            "archived_by": by,
            "settings": batch.settings,
            "runs": [self._run(run) for run in runs if not run.removed],
        }
        self._write(batch.batch_id, document)

    def keep_export(self, record: ExportRecord, by: str) -> None:
        """Write down what an export was, durably: without its members, whose names stay. Raises `StorageError`."""
        document = {
            "export_id": record.export_id,
            "batch_id": record.batch_id,
            "name": record.name,
            "owner": record.owner,
            "options": record.options,
            "phase": record.phase,
            "created_at": record.created_at,
            "expires_at": record.expires_at,
            "archived_at": rfc3339(self._clock.now()),
            "archived_by": by,
            "files": {member.name: member.size for member in record.members},
        }
        self._write(record.export_id, document)

    def _write(self, record_id: str, document: dict[str, Any]) -> None:
        with files.explained(f"archiving {record_id}"):
            text = msgspec.json.format(msgspec.json.encode(document), indent=1)
            files.write_durably(self._layout.archived(record_id), text + b"\n")

    def all(self) -> list[dict[str, Any]]:
        """Every archived batch without its runs, the one archived last first; what cannot be read is left out."""
        with files.explained(f"listing {self._layout.archive}"):
            names = [path.stem for path in self._layout.archive.glob("b_*.json") if is_id(path.stem, "b_")]
        found = []
        for batch_id in names:
            try:
                document = self.get(batch_id)
            except (NotFound, BadInput):
                continue  # `get` says what is wrong with it
            found.append({**document, "runs": len(document.get("runs", []))})
        return sorted(found, key=lambda one: str(one.get("archived_at", "")), reverse=True)

    def get(self, batch_id: str) -> dict[str, Any]:
        """What an archived batch was; raises `NotFound`, or `BadInput` for a file that is none."""
        if not is_id(batch_id, "b_"):
            raise NotFound(f"There is no archived batch {batch_id[:60]}.", hint="./reprise archive lists them.")
        try:
            data = files.read_regular(self._layout.archived(batch_id), MAX_BYTES)
            found: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any])
        except FileNotFoundError:
            raise NotFound(f"There is no archived batch {batch_id}.", hint="./reprise archive lists them.") from None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"The archive of {batch_id} cannot be read: {error}.") from None
        if not self._actor.sees(str(found.get("owner"))):
            raise NotFound(f"There is no archived batch {batch_id}.", hint="./reprise archive lists them.")
        return found

    def _run(self, run: RunRecord) -> dict[str, Any]:
        stages = {}
        for name, state in run.stages.items():
            receipt = self._artifacts.receipt(name, state.key) if state.key else None
            kept = {} if receipt is None else receipt.files
            stages[name] = {"status": state.status, "files": {file: entry.size for file, entry in kept.items()}}
        return {
            "run_id": run.run_id,
            "position": run.position,
            "title": run.title,
            "source": run.source.value,
            "phase": run.phase,
            "duration_s": run.duration_s,
            "completed_at": run.completed_at,
            "failure": run.failure.message if run.failure is not None else None,
            "stages": stages,
        }
