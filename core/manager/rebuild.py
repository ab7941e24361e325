"""A run of whose record neither copy can be believed is made again: its batch names it, the journal followed it.

Nothing is invented. What it was made of stands in its batch or in the playlist that brought it; where it was and what
was asked of it, in the journal; what it published is found under its keys when it goes on. Only its ledger of attempts
is lost. Where one of these does not tell, the run stays lost, with the reason.
"""

import itertools
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from core.domain.batch import BatchRecord, Member
from core.domain.commands import VERBS
from core.domain.errors import Damaged, RepriseError
from core.domain.moves import move, wait_over
from core.domain.plan import stages_for
from core.domain.run import REMEMBERED_TRANSITIONS, Failure, Intent, RunRecord, Source, Transition
from core.domain.states import TERMINAL, FailureKind, Phase, Want
from core.manager.rounds import start_round
from core.stages.catalog import Catalog
from core.store.check import check
from core.store.layout import is_id
from core.store.locks import Lock
from core.store.quarantine import Finding
from core.store.state import StateStore
from core.system.clock import Clock

WHY = "its record was lost in both copies and made again from its batch and the journal"
# Only what moves a run or is asked of it has a line in the journal; other writes raised its generation too.
_UNSEEN_GENERATIONS = 100
_WANTS = {"pause": Want.PAUSE, "stop": Want.STOP, "cancel": Want.CANCEL, "skip": Want.SKIP, "remove": Want.CANCEL}


class Rebuild:
    """Finds the lost runs of a storage and makes again those of which enough is known."""

    def __init__(self, store: StateStore, catalog: Catalog, clock: Clock) -> None:
        self._store, self._catalog, self._clock = store, catalog, clock
        self._unknown: set[str] = set()  # of these too little is known, which will not change

    def lost(self, runs: Container[str], batches: Mapping[str, BatchRecord], damaged: Iterable[str]) -> list[str]:
        """The runs, `damaged` ones or named by a batch, that are not in `runs` and cannot be restored; changes nothing."""
        named = (member.run_id for batch in batches.values() if not batch.purging for member in batch.members)
        candidates = dict.fromkeys(itertools.chain(filter(_is_run, damaged), named))
        missing = [run_id for run_id in candidates if run_id not in runs and run_id not in self._unknown]
        return [run_id for run_id in missing if self._store.runs.lost_because(run_id) is not None]

    def make(self, lost: Sequence[str], *, repair: bool = True) -> list[Finding]:
        """One finding for each of `lost`, which are made again if `repair` and if enough is known of them."""
        if not lost:
            return []
        batches = {batch_id: stored.value for batch_id, stored in self._store.batches.load_all(repair=False)[0].items()}
        runs = [stored.value for stored in self._store.runs.load_all(repair=False)[0].values()]
        named = _named(batches.values(), runs)
        lines = self._lines(frozenset(lost))
        return [self._one(run_id, named.get(run_id), lines[run_id], repair) for run_id in lost]

    def _one(
        self, run_id: str, found: tuple[BatchRecord, Member] | None, lines: list[dict[str, Any]], repair: bool
    ) -> Finding:
        path = str(self._store.layout.run_state(run_id))
        problem = self._store.runs.lost_because(run_id) or ""
        try:
            if found is None:
                raise Damaged("No batch that can be read names it: its source cannot be known.")
            run = _followed(*found, lines, self._catalog, self._clock.now())
        except Damaged as error:
            self._unknown.add(run_id)
            return Finding(path=path, problem=problem, action=f"listed as damaged. {error.message}", repaired=False)
        if not repair:
            return Finding(
                path=path, problem=problem, action="can be made again from its batch and the journal", repaired=False
            )
        epoch = self._store.pool.get("pool").value.epoch
        gen = max((line.get("gen") or 0 for line in lines), default=0) + _UNSEEN_GENERATIONS
        owner = Lock(self._store.layout.owner_lock(run_id))
        try:
            if not owner.acquire():
                return Finding(path=path, problem=problem, action="left until its worker has ended", repaired=False)
            try:
                return self._store.runs.replace_lost(run_id, run, gen=gen, epoch=epoch)
            finally:
                owner.release()
        except RepriseError as error:
            return Finding(path=path, problem=problem, action=f"not made again: {error.message}", repaired=False)

    def _lines(self, ids: frozenset[str]) -> dict[str, list[dict[str, Any]]]:
        """What the journal has of each of `ids`, oldest first."""
        found: dict[str, list[dict[str, Any]]] = {run_id: [] for run_id in ids}
        for line in self._store.journal.lines():
            if line.get("run_id") in ids:
                found[line["run_id"]].append(line)
        return {run_id: lines[::-1] for run_id, lines in found.items()}


def check_and_rebuild(store: StateStore, catalog: Catalog, clock: Clock, repair: bool) -> list[Finding]:
    """What `check` finds, with the lost runs made again if `repair`, or told whether they can be."""
    findings = check(store.layout, clock, repair)
    rebuild = Rebuild(store, catalog, clock)
    batches = {batch_id: stored.value for batch_id, stored in store.batches.load_all(repair=False)[0].items()}
    lost = rebuild.lost(store.runs.load_all(repair=False)[0], batches, store.runs.ids())
    made = {finding.path: finding for finding in rebuild.make(lost, repair=repair)}
    return [*(made.pop(finding.path, finding) for finding in findings), *made.values()]


def _is_run(record_id: str) -> bool:
    return is_id(record_id, "r_")


def _named(batches: Iterable[BatchRecord], runs: Iterable[RunRecord]) -> dict[str, tuple[BatchRecord, Member]]:
    """Every run that a batch or the playlist of another run names, by its id."""
    by_id = {batch.batch_id: batch for batch in batches}
    found: dict[str, tuple[BatchRecord, Member]] = {}
    for parent in runs:
        batch = by_id.get(parent.batch_id)
        if batch is None:
            continue
        for number, entry in enumerate(parent.entries):
            source = Source(kind="url", value=entry.url, cookies=parent.source.cookies, proxy=parent.source.proxy)
            found[entry.run_id] = (
                batch,
                Member(
                    run_id=entry.run_id,
                    space_id=entry.space_id,
                    position=len(batch.members) + number,
                    source=source,
                    title=entry.title or entry.url,
                ),
            )
    return found | {member.run_id: (batch, member) for batch in by_id.values() for member in batch.members}


def _followed(
    batch: BatchRecord, member: Member, lines: list[dict[str, Any]], catalog: Catalog, now: datetime
) -> RunRecord:
    """The run `member` of `batch` after all that the journal's `lines` (oldest first) tell of it.

    Raises `Damaged` when they do not tell the settings it was last given.
    """
    run = RunRecord(
        run_id=member.run_id,
        batch_id=batch.batch_id,
        space_id=member.space_id,
        position=member.position,
        source=member.source,
        owner=batch.owner,
        created_at=batch.created_at,
        updated_at=now,
        title=member.title,
        stages=stages_for(catalog.wanted(batch.settings)),
    )
    for line in lines:
        kind, _, what = str(line["type"]).partition(".")
        data = line.get("data", {})
        if kind == "command" and what in VERBS and what != "recover":  # that changes nothing of what is wanted
            run = replace(run, intent=_asked(what, line, data), removed=run.removed or what == "remove")
        elif kind == "command" and what == "priority":
            run = replace(run, priority=data.get("priority"))
        elif kind == "run" and "transition" in data and _is_later(run, data["transition"]):
            run = _stepped(run, batch, what, line, catalog)
    return _put_back(run, batch, now)


def _asked(verb: str, line: dict[str, Any], data: dict[str, Any]) -> Intent:
    return Intent(
        want=_WANTS.get(verb, Want.RUN),
        by=line.get("actor", ""),
        why=data.get("why", ""),
        at=msgspec.convert(line["t"], datetime),
        again=verb == "retry",
        drain=data.get("drain", False),
        from_stage=data.get("from_stage"),
        changes=data.get("changes", {}),
    )


def _is_later(run: RunRecord, transition: str) -> bool:
    """Whether this line is not one that a start of the service appended once more, or late."""
    return not run.transitions or _number(transition) > _number(run.transitions[-1].id)


def _number(transition: str) -> int:
    return int(transition.rpartition(".")[2])


def _stepped(run: RunRecord, batch: BatchRecord, event: str, line: dict[str, Any], catalog: Catalog) -> RunRecord:
    """`run` one transition further."""
    at = msgspec.convert(line["data"]["at"], datetime)
    known = run.transitions
    if event == "rerun" and not (run.intent.from_stage or run.intent.changes):
        raise Damaged("The journal does not tell with which settings it was last retried.")
    if event in ("retry", "rerun"):
        intent = replace(run.intent, again=True)
        run = start_round(replace(run, phase=Phase(line["from"]), intent=intent), batch.settings, catalog, at)
    step = Transition(
        id=line["data"]["transition"],
        at=at,
        event=event,
        source=line["from"],
        target=line["to"],
        by=line.get("actor", "service"),
        why=line["data"].get("why", ""),
    )
    phase, intent = Phase(line["to"]), run.intent
    if phase == Phase.COMPLETED or (phase == Phase.PAUSED and intent.want == Want.RUN):
        intent = replace(intent, want=Want.RUN if phase == Phase.COMPLETED else Want.PAUSE)
    return replace(run, phase=phase, intent=intent, transitions=[*known, step][-REMEMBERED_TRANSITIONS:])


def _put_back(run: RunRecord, batch: BatchRecord, now: datetime) -> RunRecord:
    """`run` where it can go on from: what was being worked on or was finished looks for its results and finds them.

    What was finished of a batch that is cancelled would be cancelled with it instead; that waits for a retry.
    """
    last = run.transitions[-1] if run.transitions else None
    match run.phase:
        case Phase.RUNNING:
            return move(run, "crash", Phase.QUEUED, now, why=WHY, front=1)
        case Phase.COMPLETED if batch.cancel_by is None:
            return move(run, "invalidate", Phase.QUEUED, now, why=WHY, front=1)
        case Phase.RETRY_WAIT:
            return wait_over(run, now)
        case Phase.FAILED | Phase.COMPLETED:
            said = last.why if last is not None else ""
            ended = "failed" if run.phase == Phase.FAILED else "was completed"
            failure = Failure(
                kind=FailureKind.STATE_CORRUPT,
                message=f"It {ended} before its record was lost{f': {said}' if said else '.'}",
                hint="./reprise retry goes on with all that it had published.",
            )
            run = replace(run, phase=Phase.FAILED, failure=failure)
    return replace(run, completed_at=last.at) if last is not None and run.phase in TERMINAL else run
