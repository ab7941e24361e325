"""The verbs for one run."""

from typing import Any

from core.domain.batch import BatchRecord, withdraw_cancel
from core.domain.commands import own_priority, prioritise, request
from core.domain.errors import BadInput, Refused
from core.domain.run import RunRecord
from core.domain.settings import as_kept, parse_settings
from core.domain.states import TERMINAL, BatchPhase, Phase
from core.domain.versions import Versions, check_version
from core.manager.desk import Desk, Done, said
from core.manager.intake import check_settings

# What a cancelled batch would undo again in the next moment.
_AGAINST_A_CANCEL = ("pause", "resume", "skip", "recover")


class RunCommands(Desk):
    """Asks something of one run, durably."""

    def run(
        self,
        run_id: str,
        verb: str,
        *,
        by: str,
        why: str = "",
        key: str | None = None,
        drain: bool = False,
        from_stage: str | None = None,
        changes: dict[str, Any] | None = None,
        expected: Versions = None,
    ) -> Done:
        """Ask for `verb` (pause, resume, stop, cancel, skip, unskip, retry, recover, remove) on one run.

        `drain` lets a pause wait for the end of the running stage; `from_stage` and `changes` (settings) are for a retry.
        What was asked for already, or under the same `key`, changes nothing. Raises `NotFound`, `Refused` with the
        present state, `Stale` when the run is not as `expected` (`versions.version_of`), or `BadInput` for a verb, stage
        or setting that does not exist.
        """
        if from_stage is not None and from_stage not in self._catalog.stages:
            stages = ", ".join(self._catalog.stages)
            raise BadInput(f"There is no stage “{from_stage}”.", hint=f"Stages: {stages}.")
        if changes:
            check_settings(parse_settings(changes), self._catalog)
            changes = as_kept(changes)

        def ask(run: RunRecord) -> RunRecord:
            return request(
                run,
                verb,
                self._clock.now(),
                by=by,
                why=why,
                key=key,
                drain=drain,
                from_stage=from_stage,
                changes=changes,
            )

        data = said(why=why, drain=drain, from_stage=from_stage, changes=changes)
        before = self._run(run_id, verb)
        if expected is not None:
            self._index.refresh("run", run_id)  # another process may have changed it, or done just this
            before = self._index.run(run_id)
            expected = None if key is not None and key in before.commands else expected
        _require_batch(before, self._index.batches[before.batch_id], verb)
        if verb not in ("retry", "unskip", "remove"):
            after, changed = self._write_run(run_id, ask, verb, by, data, expected, key)
            return self._done(run_id, after.phase, after.intent.want, changed)
        check_version(before, expected)
        ask(before)
        if verb != "remove":
            self._let_batch_reopen(before.batch_id, by)
        # What happens to the batch at the same time is over or comes after it: it is not deleted or emptied meanwhile.
        with self._writer.holding_batch(before.batch_id):
            self._index.refresh("batch", before.batch_id)
            _require_batch(before, self._index.batch(before.batch_id), verb)
            if verb == "remove" and not before.removed:
                self._require_another(before)
            after, changed = self._write_run(run_id, ask, verb, by, data, expected, key)
        return self._done(run_id, after.phase, after.intent.want, changed, at_once=verb == "remove")

    def _prioritise_run(self, run_id: str, priority: object, by: str, expected: Versions) -> Done:
        number = own_priority(priority)
        self._allowance.check(priority=number)
        before = self._run(run_id, "priority")
        _require_batch(before, self._index.batches[before.batch_id], "priority")
        after, changed = self._write_run(
            run_id,
            lambda run: prioritise(run, number, self._clock.now()),
            "priority",
            by,
            {"priority": number},
            expected,
        )
        return self._done(run_id, after.phase, after.intent.want, changed, at_once=True)

    def _require_another(self, run: RunRecord) -> None:
        if all(other.run_id == run.run_id for other in self._fresh_runs(run.batch_id)):
            raise Refused(
                f"Run {run.run_id} is the only one of batch {run.batch_id}; it cannot be removed.",
                hint=f"Cancel the batch instead: ./reprise cancel {run.batch_id}",
            )

    def _let_batch_reopen(self, batch_id: str, by: str) -> None:
        """Before a run of a cancelled batch is taken up again: else it would be cancelled again with its batch."""
        if self._index.batches[batch_id].cancel_by is None:
            return
        phases = [run.phase for run in self._fresh_runs(batch_id)]
        self._writer.batch(
            batch_id, lambda batch: withdraw_cancel(batch, phases, self._clock.now()), command="reopen", actor=by
        )


def _require_batch(run: RunRecord, batch: BatchRecord, verb: str) -> None:
    """Raise `Refused` when the state of its batch makes `verb` pointless."""
    if batch.phase == BatchPhase.DELETED:
        hint = None if batch.purging else f"./reprise restore {batch.batch_id} brings it back."
        raise Refused(f"Run {run.run_id} belongs to batch {batch.batch_id}, which is deleted.", hint=hint)
    cancelling = batch.phase == BatchPhase.CANCELLED and batch.cancel_by is not None and run.phase not in TERMINAL
    if cancelling and verb in _AGAINST_A_CANCEL:
        raise Refused(
            f"Run {run.run_id} is being cancelled with its batch {batch.batch_id}.",
            hint="Retry it once it is cancelled.",
        )


def is_stalled(run: RunRecord) -> bool:
    """Whether the service found that what is being worked on does not come on."""
    attempt, verdict = run.open_attempt, run.verdict
    if attempt is None or verdict is None or run.phase != Phase.RUNNING:
        return False
    return verdict.kind == "stalled" and verdict.attempt == attempt.id
