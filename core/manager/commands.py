"""What people and programs may ask for: every command becomes durable intent, whoever gives it, service or not."""

from typing import Any
from uuid import uuid4

import msgspec

from core.domain.batch import BatchRecord, Pause, PoolRecord, cancel_batch, pause_batch, start_batch, withdraw_cancel
from core.domain.commands import request
from core.domain.errors import BadInput, NotFound, Refused
from core.domain.run import RunRecord
from core.domain.settings import parse_settings
from core.domain.states import TERMINAL, Phase, Want
from core.manager.index import Index
from core.manager.writer import Writer
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command: what it was given to, and whether a service is there to carry it out.

    `hint` says what to do when it is only noted; None when there is nothing to do.
    """

    id: str
    phase: str
    intent: str
    changed: bool
    applied: bool
    hint: str | None = None


LATER = "No service is running; it is done as soon as one is started: ./reprise serve"


class Commands:
    """The verbs of the outside contract, for one caller."""

    def __init__(self, *, index: Index, writer: Writer, layout: Layout, clock: Clock, stages: tuple[str, ...]) -> None:
        self._index, self._writer, self._layout, self._clock = index, writer, layout, clock
        self._stages = stages

    def run(
        self,
        run_id: str,
        verb: str,
        *,
        by: str,
        why: str = "",
        key: str | None = None,
        from_stage: str | None = None,
        changes: dict[str, Any] | None = None,
    ) -> Done:
        """Ask for `verb` (pause, resume, stop, cancel, skip, unskip, retry) on one run.

        Raises `NotFound`, `Refused` with the present state, or `BadInput` for a stage or setting that does not exist.
        """
        if from_stage is not None and from_stage not in self._stages:
            raise BadInput(f"There is no stage “{from_stage}”.", hint=f"Stages: {', '.join(self._stages)}.")
        if changes:
            parse_settings(changes)
        key = key or uuid4().hex
        before = self._run(run_id, verb)
        if verb == "retry":
            request(before, verb, self._clock.now(), by=by, key=key, from_stage=from_stage, changes=changes)
            self._let_batch_reopen(before.batch_id, by)
        after = self._writer.run(
            run_id,
            lambda run: request(
                run, verb, self._clock.now(), by=by, why=why, key=key, from_stage=from_stage, changes=changes
            ),
            command=verb,
            actor=by,
            data=({"from_stage": from_stage} if from_stage else {}) | ({"changes": changes} if changes else {}),
        )
        changed = after.intent != before.intent
        return self._done(run_id, after.phase, after.intent.want, changed)

    def batch(self, batch_id: str, verb: str, *, by: str, why: str = "") -> Done:
        """Ask for `verb` (start, pause, resume, cancel) on a batch."""
        before = self._batch(batch_id, verb)

        def change(batch: BatchRecord) -> BatchRecord:
            now = self._clock.now()
            match verb:
                case "pause":
                    return pause_batch(batch, now, by=by, why=why)
                case "start" | "resume":
                    return start_batch(batch, now, by=by)
                case "cancel":
                    return cancel_batch(batch, now, by=by)
            raise BadInput(
                f"There is no command “{verb}” for a batch.", hint="start, pause, resume and cancel are possible."
            )

        after = self._writer.batch(batch_id, change, command=verb, actor=by)
        changed = after.phase != before.phase
        return self._done(batch_id, after.phase, verb, changed)

    def pool(self, verb: str, *, by: str, why: str = "") -> Done:
        """`pause` or `resume` the whole pool; needs no service, since nothing moves without one."""
        was = self._index.pool

        def change(pool: PoolRecord) -> PoolRecord:
            now = self._clock.now()
            if (pool.pause is not None) == (verb == "pause"):
                return pool
            pause = Pause(by=by, why=why, at=now) if verb == "pause" else None
            return msgspec.structs.replace(pool, pause=pause, updated_at=now)

        after = self._writer.pool(change, command=verb, actor=by)
        changed = (after.pause is None) != (was.pause is None)
        phase = "paused" if after.pause is not None else "running"
        return Done(id="pool", phase=phase, intent=verb, changed=changed, applied=True)

    def stop_all(self, *, by: str, why: str = "") -> list[Done]:
        """Stop every running run of this caller."""
        runs, _, _ = self._index.snapshot()
        mine = [run for run in runs.values() if run.phase == Phase.RUNNING and run.owner == by]
        return [self.run(run.run_id, "stop", by=by, why=why) for run in mine]

    def retry_failed(self, batch_id: str, *, by: str) -> list[Done]:
        """Retry every failed run of a batch; refused when there is none."""
        self._batch(batch_id, "retry --failed")
        failed = [run for run in self._index.runs_of(batch_id) if run.phase == Phase.FAILED]
        if not failed:
            raise Refused(f"No run of batch {batch_id} is failed.")
        return [self.run(run.run_id, "retry", by=by) for run in failed]

    def service_alive(self) -> bool:
        """Whether a service holds this storage."""
        return Lock(self._layout.service_lock()).held_by_other()

    def _run(self, run_id: str, verb: str) -> RunRecord:
        if run_id in self._index.batches:
            hint = f"./reprise retry --failed {run_id} retries its failed runs." if verb == "retry" else None
            raise NotFound(f"{run_id} is a batch; “{verb}” is for runs.", hint=hint)
        return self._index.run(run_id)

    def _batch(self, batch_id: str, verb: str) -> BatchRecord:
        if batch_id in self._index.runs:
            raise NotFound(f"{batch_id} is a run; “{verb}” is for batches.")
        return self._index.batch(batch_id)

    def _let_batch_reopen(self, batch_id: str, by: str) -> None:
        """Before a run of a cancelled batch is retried: else it would be cancelled again with its batch."""
        if self._index.batches[batch_id].cancel_by is None:
            return
        phases = [run.phase for run in self._index.runs_of(batch_id)]
        self._writer.batch(
            batch_id, lambda batch: withdraw_cancel(batch, phases, self._clock.now()), command="retry", actor=by
        )

    def _done(self, id_: str, phase: str, intent: str, changed: bool) -> Done:
        applied = not changed or self.service_alive()
        return Done(
            id=id_, phase=phase, intent=intent, changed=changed, applied=applied, hint=None if applied else LATER
        )


def is_settled(runs: list[RunRecord]) -> bool:
    """Whether nothing of these runs will move by itself any more."""
    return all(
        (run.phase in TERMINAL and not run.intent.again)
        or (run.phase == Phase.PAUSED and run.intent.want == Want.PAUSE)
        for run in runs
    )
