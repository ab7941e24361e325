"""Making a batch of what was handed in: its runs first, then itself; or the reasons why not."""

from collections.abc import Sequence

from core.domain.access import Scope
from core.domain.batch import MAX_RUNS, BatchRecord
from core.domain.errors import BadInput
from core.domain.limits import CONCURRENCY, MAX_DESCRIPTION, MAX_NAME, PRIORITY, check_text, whole_number
from core.domain.plan import stages_for
from core.domain.run import RunRecord
from core.domain.states import BatchPhase
from core.manager.checks import check_settings
from core.manager.drafts import Drafts, member, take_within
from core.manager.submission import Added, OnHash, Rejected, Submission
from core.stages.download.source import is_playlist, shown
from core.store.layout import new_batch_id, new_run_id
from core.system.upstream import check_proxy


class Intake(Drafts):
    """Makes batches: whole ones at once, and drafts."""

    def add(self, submission: Submission, actor: str, on_hash: OnHash | None = None) -> Added:
        """Make a batch of all sources that are usable; the others are named with the reason.

        The run files are written first and the batch file last: until that one is there nothing was submitted, so a
        crash in between leaves nothing half accepted. Raises `BadInput` for what is wrong with the batch itself, and
        `NotAllowed` or `TooMany` for what is not granted to this actor. Of concurrency and priority it gets what it may.
        """
        self._gate.need(Scope.OPERATE, "add")
        check_batch(submission)
        check_settings(submission.settings, self._catalog)
        taken, rejected = take_within(self._reach, submission, self._allowed, on_hash)
        if not taken:
            return Added(batch_id=None, runs=(), rejected=tuple(rejected), expanding=False)
        now, allowance = self._clock.now(), self._allowance
        batch_id = new_batch_id(self._clock)
        stages = stages_for(self._catalog.wanted(submission.settings))
        runs = tuple(
            RunRecord(
                run_id=new_run_id(self._clock),
                batch_id=batch_id,
                space_id=space,
                position=position,
                source=source,
                owner=actor,
                created_at=now,
                updated_at=now,
                title=shown(source),
                stages=stages,
            )
            for position, (source, space) in enumerate(taken, start=1)
        )
        batch = BatchRecord(
            batch_id=batch_id,
            name=submission.name.strip() or default_name(runs),
            description=submission.description.strip(),
            owner=actor,
            created_at=now,
            updated_at=now,
            phase=BatchPhase.DRAFT if submission.draft else BatchPhase.RUNNING,
            settings=submission.settings,
            priority=allowance.priority(submission.priority),
            concurrency=allowance.concurrency(submission.concurrency),
            tier=allowance.name,
            max_runs=allowance.max_runs,
            playlist_limit=submission.playlist_limit,
            template=submission.template,
            members=[member(run) for run in runs],
            started_at=None if submission.draft else now,
        )
        with allowance.making(len(runs), starts=not submission.draft):
            for run in runs:
                self._writer.new_run(run)
            self._writer.new_batch(batch, actor, {"runs": len(runs), "rejected": len(rejected)})
        expanding = any(is_playlist(run.source) for run in runs)
        return Added(batch_id=batch_id, runs=runs, rejected=tuple(rejected), expanding=expanding)


def check_batch(submission: Submission) -> None:
    """Raise `BadInput` naming the field of the batch that is out of range."""
    if not submission.sources and not (submission.archive and submission.archived == "add"):
        raise BadInput("There is nothing to add.", hint="Give at least one URL, file or folder.")
    check_text("name", submission.name, MAX_NAME)
    check_text("description", submission.description, MAX_DESCRIPTION)
    if submission.proxy:
        check_proxy(submission.proxy)
    if submission.priority is not None:
        whole_number("priority", submission.priority, PRIORITY)
    whole_number("concurrency", submission.concurrency, CONCURRENCY)
    whole_number("limit", submission.playlist_limit, (1, MAX_RUNS))


def default_name(runs: Sequence[RunRecord]) -> str:
    """A name for a batch nobody named: its first video, and how many more there are."""
    first = runs[0].title[:80]
    return first if len(runs) == 1 else f"{first} and {len(runs) - 1} more"


__all__ = ["Added", "Intake", "Rejected", "Submission", "check_settings", "default_name", "member"]
