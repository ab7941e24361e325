"""A batch that is put together before it is started: made empty, then videos are added to it, all of a request or none."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from core.domain.access import Scope
from core.domain.batch import MAX_RUNS, BatchRecord, Member
from core.domain.errors import NotUsable, Refused
from core.domain.idempotency import is_repeated, remembered
from core.domain.limits import CONCURRENCY, MAX_DESCRIPTION, MAX_NAME, PRIORITY, check_text, whole_number
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.domain.versions import Versions, check_version
from core.manager.access import EVERYTHING, Gate
from core.manager.allowance import UNLIMITED, Unlimited
from core.manager.checks import check_settings
from core.manager.index import Index
from core.manager.submission import OnHash, Rejected, Submission, take
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.stages.download.source import shown
from core.store.layout import new_batch_id, new_run_id
from core.system.clock import Clock
from core.system.network import AllowedHosts

if TYPE_CHECKING:
    from core.manager.reach import Reach

UNNAMED = "Untitled batch"


class Drafts:
    """Makes drafts and fills them. A `stamp` (`domain.idempotency`) makes a request that comes twice one request."""

    def __init__(
        self,
        writer: Writer,
        catalog: Catalog,
        clock: Clock,
        allowed: AllowedHosts,
        gate: Gate = EVERYTHING,
        reach: "Reach | None" = None,
        allowance: Unlimited = UNLIMITED,
        *,
        index: Index,
    ) -> None:
        self._writer, self._catalog, self._clock, self._allowed = writer, catalog, clock, allowed
        self._gate, self._reach, self._allowance, self._index = gate, reach, allowance, index

    def draft(
        self,
        actor: str,
        *,
        name: str = "",
        description: str = "",
        settings: Settings | None = None,
        priority: object = None,
        concurrency: object = 3,
        videos: int = 0,
        stamp: str | None = None,
    ) -> BatchRecord:
        """An empty batch for so many `videos`, durable, or the one that was made under this `stamp` before.

        Without a `priority` it is the usual one; of priority and concurrency it is given what its maker may have. Raises
        `BadInput` naming the field that is not possible, `NotAllowed`, `TooMany`.
        """
        allowance = self._allowance
        self._gate.need(Scope.OPERATE, "add")
        fields: dict[str, Any] = {
            "name": check_text("name", name, MAX_NAME) or UNNAMED,
            "description": check_text("description", description, MAX_DESCRIPTION),
            "priority": allowance.priority(
                priority if priority is None else whole_number("priority", priority, PRIORITY)
            ),
            "concurrency": allowance.concurrency(whole_number("concurrency", concurrency, CONCURRENCY)),
            "tier": allowance.name,
            "max_runs": allowance.max_runs,
            "settings": settings or Settings(),
            "commands": remembered(stamp, []),
        }
        check_settings(fields["settings"], self._catalog)
        with self._writer.holding_keys() if stamp is not None else nullcontext():
            if stamp is not None and (made := self._made_before(stamp, actor)) is not None:
                return made
            now = self._clock.now()
            batch = BatchRecord(
                batch_id=new_batch_id(self._clock), owner=actor, created_at=now, updated_at=now, **fields
            )
            with allowance.making(videos, starts=False):
                self._writer.new_batch(batch, actor, {"runs": 0, "rejected": 0})
        return batch

    def fill(
        self,
        batch_id: str,
        sources: Sequence[str],
        actor: str,
        *,
        stamp: str | None = None,
        expected: Versions = None,
    ) -> BatchRecord:
        """The draft with these videos at its end, durable.

        The batch names them before their own files are written: a service makes those that a crash kept away. Raises
        `NotUsable` when one of them cannot be taken, and then none is; `Refused` once the batch was started; `Stale`.
        """
        self._gate.need(Scope.OPERATE, "add")
        batch = self._index.batch(batch_id)
        if stamp is not None and is_repeated(stamp, batch.commands):
            return batch
        _require_draft(batch)
        taken, rejected = take_within(self._reach, Submission(sources=tuple(sources), sidecars=False), self._allowed)
        if rejected:
            raise _refusal(sources, rejected[0])
        ids = [new_run_id(self._clock) for _ in taken]
        made: list[RunRecord] = []

        def change(batch: BatchRecord) -> BatchRecord:
            made.clear()
            if stamp is not None and is_repeated(stamp, batch.commands):
                return batch
            check_version(batch, expected)
            _require_draft(batch)
            made[:] = self._runs(batch, ids, taken)
            members = [*batch.members, *map(member, made)]
            commands = remembered(stamp, batch.commands)
            return replace(batch, members=members, commands=commands, updated_at=self._clock.now())

        after = self._writer.batch(batch_id, change, command="add", actor=actor, data={"runs": len(taken)})
        for run in made:
            self._writer.new_run(run)
        return after

    def _made_before(self, stamp: str, actor: str) -> BatchRecord | None:
        """Of all that `actor` ever made, also through another process, the batch that has this `stamp`."""
        self._index.look_for_batches()
        mine = (batch for batch in self._index.batches.values() if batch.owner == actor)
        return next((batch for batch in mine if is_repeated(stamp, batch.commands)), None)

    def _runs(self, batch: BatchRecord, ids: Sequence[str], taken: Sequence[tuple[Source, str]]) -> list[RunRecord]:
        removed = {run_id for run_id, run in self._index.runs.items() if run.removed and run.batch_id == batch.batch_id}
        there = {known.space_id for known in batch.members if known.run_id not in removed}
        self._allowance.filling(len(there) + len(taken))
        if len(there) + len(taken) > MAX_RUNS:
            raise NotUsable(
                f"A batch holds at most {MAX_RUNS} videos; this one has {len(there)}.",
                hint="Put the rest into another batch.",
                code="batch_full",
            )
        for number, (_, space) in enumerate(taken, start=1):
            if space in there:
                raise NotUsable(
                    f"Video {number} of {len(taken)} is in this batch already.", hint="Leave it out.", code="duplicate"
                )
        now, last = self._clock.now(), max((known.position for known in batch.members), default=0)
        return [
            RunRecord(
                run_id=run_id,
                batch_id=batch.batch_id,
                space_id=space,
                position=position,
                source=source,
                owner=batch.owner,
                created_at=now,
                updated_at=now,
                title=shown(source),
                stages=stages_for(self._catalog.wanted(batch.settings)),
            )
            for position, (run_id, (source, space)) in enumerate(zip(ids, taken, strict=True), start=last + 1)
        ]


def take_within(
    reach: "Reach | None", submission: Submission, allowed: AllowedHosts, on_hash: OnHash | None = None
) -> tuple[list[tuple[Source, str]], list[Rejected]]:
    """As `take`, of what is within `reach` (None: of everything). Raises as `Reach.check` does."""
    if reach is None:
        return take(submission, allowed, on_hash)
    reach.check(submission)
    return take(submission, allowed, on_hash, reach.check_source)


def member(run: RunRecord) -> Member:
    """What the batch keeps of a new run."""
    return Member(run_id=run.run_id, space_id=run.space_id, position=run.position, source=run.source, title=run.title)


def _require_draft(batch: BatchRecord) -> None:
    if batch.phase != BatchPhase.DRAFT:
        raise Refused(
            f"Batch {batch.batch_id} is {batch.phase}; videos are added before it is started.",
            hint="Put them into another batch.",
        )


def _refusal(sources: Sequence[str], rejected: Rejected) -> NotUsable:
    number = next((place for place, source in enumerate(sources, start=1) if source == rejected.source), 1)
    return NotUsable(
        f"Video {number} of {len(sources)} cannot be added: {rejected.message}", hint=rejected.hint, code=rejected.code
    )
