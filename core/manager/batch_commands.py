"""The verbs for a batch."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.batch_commands import (
    cancel_batch,
    delete_batch,
    edit_batch,
    pause_batch,
    prioritise_batch,
    purge_batch,
    reorder_batch,
    restore_batch,
    resume_batch,
    start_batch,
)
from core.domain.errors import BadInput, Refused, StorageError
from core.domain.limits import CONCURRENCY, PRIORITY, whole_number
from core.domain.plan import fitted
from core.domain.states import BatchPhase, Phase
from core.domain.streak import failed_since
from core.domain.versions import Versions, check_version
from core.manager.desk import Done, said
from core.manager.intake import check_settings
from core.manager.run_commands import RunCommands

VERBS = ("start", "pause", "resume", "cancel", "delete", "restore")


class BatchCommands(RunCommands):
    """Asks something of a batch, durably."""

    def batch(
        self, batch_id: str, verb: str, *, by: str, why: str = "", drain: bool = False, expected: Versions = None
    ) -> Done:
        """Ask for `verb` (start, pause, resume, cancel, delete, restore) on a batch.

        What is so already changes nothing. A batch that paused itself after failures first retries what failed; what was
        uploaded for one that is cancelled before it began is removed. Raises `NotFound`, `Refused` with the present state, or
        `Stale` when the batch is not as `expected` (`versions.version_of`).
        """
        if verb not in VERBS:
            raise BadInput(f"There is no command “{verb}” for a batch.", hint=f"There are {', '.join(VERBS)}.")
        before = self._batch(batch_id, verb)
        check_version(before, expected)
        if verb in ("start", "resume"):
            self._require_videos(before)
            self._allowance.start(before)
            self._retry_what_failed_until_an_auto_pause(before, by)

        def change(batch: BatchRecord) -> BatchRecord:
            now = self._clock.now()
            match verb:
                case "pause":
                    return pause_batch(batch, now, by=by, why=why, drain=drain)
                case "start":
                    return start_batch(batch, now, by=by)
                case "resume":
                    return resume_batch(batch, now, by=by)
                case "cancel":
                    return cancel_batch(batch, now, by=by, why=why)
                case "delete":
                    return delete_batch(batch, self._fresh_runs(batch_id), now, by=by, why=why)
            return restore_batch(batch, now, by=by)

        after, changed = self._write_batch(batch_id, change, verb, by, said(why=why, drain=drain), expected)
        if verb == "cancel" and changed and after.started_at is None:
            with suppress(StorageError):  # then the service removes them within a day
                self._purge.drop_uploads([run.run_id for run in self._index.runs_of(batch_id)])
        return self._done(batch_id, after.phase, verb, changed, at_once=verb in ("delete", "restore"))

    def delete(self, batch_id: str, *, by: str, hard: bool = False, why: str = "", expected: Versions = None) -> Done:
        """Hide a batch that has ended or never began; `restore` brings it back, unless it is deleted `hard`: for good.

        That removes its records, logs, uploads and every result that no other run needs. It is durably noted first: if it
        is cut off, repeating it or the next service finishes it.
        """
        if not hard:
            return self.batch(batch_id, "delete", by=by, why=why, expected=expected)
        self._batch(batch_id, "delete")

        def change(batch: BatchRecord) -> BatchRecord:
            now = self._clock.now()
            return purge_batch(delete_batch(batch, self._fresh_runs(batch_id), now, by=by, why=why), now)

        after, _ = self._write_batch(batch_id, change, "delete", by, said(why=why, hard=True), expected)
        gone = self._purge.finish(batch_id)
        return self._done(batch_id, "gone" if gone else after.phase, "delete", changed=True, at_once=True)

    def reorder(self, batch_id: str, run_ids: Sequence[str], *, by: str, expected: Versions = None) -> Done:
        """Let the queued runs of a batch start in the order of `run_ids`, which names each of them once.

        Raises `BadInput` for ids that are doubled, missing or of no run of this batch, `Refused` for runs that have
        begun: the order was made for something that is not there any more, and nothing changes.
        """
        self._batch(batch_id, "reorder")

        def change(batch: BatchRecord) -> BatchRecord:
            return reorder_batch(batch, self._fresh_runs(batch_id), run_ids, self._clock.now())

        after, changed = self._write_batch(batch_id, change, "reorder", by, {"order": list(run_ids)}, expected)
        # What was resumed or retried goes first, by itself; now somebody has said what goes first.
        for run_id in run_ids:
            if self._index.runs[run_id].front:
                self._writer.run(run_id, lambda run: replace(run, front=0) if run.phase == Phase.QUEUED else run)
                changed = True
        return self._done(batch_id, after.phase, "reorder", changed, at_once=True)

    def priority(self, id_: str, priority: object, *, by: str, expected: Versions = None) -> Done:
        """Give a waiting run, or a batch that has not ended, another priority: a whole number, 0 (last) to 10 (first).

        A run takes `batch` too: it has the priority of its batch again. Raises `Stale` when it is not as `expected`.
        """
        if id_ not in self._index.batches and not id_.startswith("b_"):
            return self._prioritise_run(id_, priority, by, expected)
        number = whole_number("priority", priority, PRIORITY)
        self._batch(id_, "priority")
        self._allowance.check(priority=number)
        after, changed = self._write_batch(
            id_,
            lambda batch: prioritise_batch(batch, number, self._clock.now()),
            "priority",
            by,
            {"priority": number},
            expected,
        )
        return self._done(id_, after.phase, "priority", changed, at_once=True)

    def edit(
        self,
        batch_id: str,
        *,
        by: str,
        name: str | None = None,
        description: str | None = None,
        concurrency: object = None,
        priority: object = None,
        changes: dict[str, Any] | None = None,
        expected: Versions = None,
    ) -> Done:
        """Change what a batch is called, how many of its runs go at once, its priority, or (`changes`) its settings.

        Settings hold for runs that were not claimed yet. Raises `BadInput` naming the field, `Refused` once it has ended.
        """
        self._batch(batch_id, "edit")
        self._allowance.check(
            concurrency=None if concurrency is None else whole_number("concurrency", concurrency, CONCURRENCY),
            priority=None if priority is None else whole_number("priority", priority, PRIORITY),
        )
        data: dict[str, Any] = {}

        def change(batch: BatchRecord) -> BatchRecord:
            now = self._clock.now()
            after = edit_batch(batch, now, name=name, description=description, concurrency=concurrency, changes=changes)
            if priority is not None:
                after = prioritise_batch(after, priority, now)
            check_settings(after.settings, self._catalog)
            data.update(_differences(batch, after))
            return after

        after, changed = self._write_batch(batch_id, change, "edit", by, data, expected)
        wanted = self._catalog.wanted(after.settings)
        for run in self._index.runs_of(batch_id):
            if fitted(run, wanted) is not run:  # its claim would do so too; until then this is what is shown
                self._writer.run(run.run_id, lambda run: fitted(run, wanted))
        return self._done(batch_id, after.phase, "edit", changed, at_once=True)

    def retry_failed(
        self,
        batch_id: str,
        *,
        by: str,
        why: str = "",
        key: str | None = None,
        from_stage: str | None = None,
        changes: dict[str, Any] | None = None,
        expected: Versions = None,
    ) -> list[Done]:
        """Retry every failed run of a batch; refused when there is none, unless that was asked for under this `key`."""
        batch = self._batch(batch_id, "retry --failed")
        runs = self._index.runs_of(batch_id)
        check_version(batch, None if key is not None and any(key in run.commands for run in runs) else expected)
        failed = [run for run in runs if run.phase == Phase.FAILED and (key is None or key not in run.commands)]
        if not failed and not any(key in run.commands for run in runs):
            raise Refused(
                f"No run of batch {batch_id} is failed; it is {batch.phase}.",
                hint=f"./reprise show {batch_id} lists its runs.",
            )
        how: dict[str, Any] = {"by": by, "why": why, "key": key, "from_stage": from_stage, "changes": changes}
        return [self.run(run.run_id, "retry", **how) for run in failed]

    def _require_videos(self, batch: BatchRecord) -> None:
        if batch.phase == BatchPhase.DRAFT and not self._index.runs_of(batch.batch_id):
            raise Refused(
                f"Batch {batch.batch_id} has no videos yet; there is nothing to start.",
                hint="Add some first.",
                code="no_videos",
            )

    def _retry_what_failed_until_an_auto_pause(self, batch: BatchRecord, by: str) -> None:
        """Before the batch goes on: a crash in between leaves it paused, and the next resume does the rest."""
        if batch.phase != BatchPhase.PAUSED or batch.pause is None or batch.pause.reason != "auto":
            return
        for run in failed_since(self._index.runs_of(batch.batch_id), batch.streak_since):
            with suppress(Refused):  # it was skipped or retried just now
                self.run(run.run_id, "retry", by=by, why="the batch was resumed")


def _differences(before: BatchRecord, after: BatchRecord) -> dict[str, Any]:
    """What an edit changed, each with its new value; of the settings only those that are other ones now."""
    told: dict[str, Any] = {
        field: getattr(after, field)
        for field in ("name", "description", "concurrency", "priority")
        if getattr(after, field) != getattr(before, field)
    }
    old, new = msgspec.to_builtins(before.settings), msgspec.to_builtins(after.settings)
    changed = {name: value for name, value in new.items() if value != old[name]}
    return told | ({"settings": changed} if changed else {})
