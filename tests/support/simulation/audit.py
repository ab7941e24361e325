"""What must be true of every single durable write, whoever makes it: checked in the moment it is made."""

from collections import Counter
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.crashes import MAX_CRASHES, MAX_SERVICE_CRASHES
from core.domain.run import RunRecord
from core.domain.states import (
    BATCH_TABLE,
    RUN_TABLE,
    TERMINAL,
    AttemptOutcome,
    BatchPhase,
    Phase,
    StageStatus,
    Want,
)
from tests.support.simulation.violation import require

OPERATORS_CHANGE = frozenset({"intent", "commands", "updated_at", "priority", "front", "removed"})
LEAVES_TERMINAL = frozenset({"retry", "rerun", "unskip", "skip", "invalidate"})
RESETS_STAGES = frozenset({"retry", "rerun", "invalidate"})
# How the attempt ended that uses up one of each budget, and whether that was one of the same stage.
BUDGETED = {
    "tries": (AttemptOutcome.ERROR, True),
    "stalls": (AttemptOutcome.STALLED, True),
    "damages": (AttemptOutcome.INTERRUPTED, False),
}


class Audit:
    """Looks at each record before and after; `rows` counts how often each row of the tables was used."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self._epochs: dict[str, int] = {}  # of the latest service that wrote each record
        self._newest = 0  # of all services there were

    def written(
        self, kind: str, before: Any, after: Any, *, epoch: int | None, service: bool, ever: set[tuple[str, str]]
    ) -> None:
        """One write: by a `service` with its epoch or by an operator; `ever` are those published."""
        record_id = getattr(after, f"{kind}_id", "pool")
        if isinstance(after, PoolRecord):
            self._newest = max(self._newest, after.epoch)
        if epoch is not None:
            newest = self._epochs.get(record_id, 0)
            require("nothing of an older epoch is written after a newer one", epoch >= newest, (record_id, epoch))
            self._epochs[record_id] = epoch
        if isinstance(after, RunRecord):
            self._run(before, after, epoch if service else None, ever)
        elif isinstance(after, BatchRecord):
            self._batch(before, after, service)
        elif isinstance(after, PoolRecord) and before is not None and service and before.pause != after.pause:
            for pause in (before.pause, after.pause):
                require(
                    "only a person pauses and resumes as a person", pause is None or pause.reason != "operator", pause
                )

    # --- runs -------------------------------------------------------------------------------------------------

    def _run(self, before: RunRecord | None, after: RunRecord, epoch: int | None, ever: set[tuple[str, str]]) -> None:
        events = self._moves("R", RUN_TABLE, before, after)
        self._open_attempt(after)
        if before is None:
            return
        if epoch is None:
            changed = {name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)}
            if before.settings is None and not before.attempts:
                changed.discard("stages")  # until it is claimed it follows the settings of its batch
            require("an operator changes the intent only", changed <= OPERATORS_CHANGE, sorted(changed))
            was, now = before.intent, after.intent
            if now.recover is not None and now.recover != was.recover:
                require("an acknowledged command is not lost", now == replace(was, recover=now.recover), (was, now))
            return
        if before.phase in TERMINAL and after.phase != before.phase:
            require("a terminal phase is left only as asked", bool(events) and events[0] in LEAVES_TERMINAL, events)
            asked = before.intent.again or events[0] not in ("retry", "rerun")
            require("a terminal phase is left only as asked", asked, (events, before.intent))
        self._intent(before, after, events)
        ended = self._ledger(before, after)
        self._budgets(before, after, ended, events, epoch)
        self._commits(before, after, events, ever)
        opened = len(after.attempts) > len(before.attempts)
        if opened:
            require("what is claimed is wanted to run", before.intent.want == Want.RUN, before.intent)
            require("what is removed is not claimed", not before.removed)
            require("what is claimed can run", before.phase in (Phase.QUEUED, Phase.RUNNING), before.phase)

    def _moves(self, prefix: str, table: Any, before: Any, after: Any) -> list[str]:
        """The events between the two records, each of which must be a row of the table, one after the other."""
        known = {line.id for line in before.transitions} if before is not None else set()
        lines = [line for line in after.transitions if line.id not in known]
        place = before.phase if before is not None else None
        for line in lines:
            require("moves follow one another", line.source == place, (line, place))
            found = [
                number
                for number, row in enumerate(table)
                if row.event == line.event and line.source in row.sources and line.target in row.targets
            ]
            require("only rows of the tables are used", bool(found), line)
            for number in found:
                self.rows[f"{table[number].id} {table[number].event} {'|'.join(table[number].sources)}"] += 1
            place = line.target
        if before is None:
            self.rows[f"{prefix}1 create "] += 1
        else:
            require("a phase changes only by a move", place == after.phase, (before.phase, after.phase, lines))
        return [line.event for line in lines]

    def _open_attempt(self, run: RunRecord) -> None:
        still_open = [attempt for attempt in run.attempts if attempt.outcome is None]
        require("one attempt is open at most, the last", len(still_open) <= 1, run.attempts)
        if still_open:
            require("one attempt is open at most, the last", still_open[0] is run.attempts[-1], run.attempts)
            require("running means owned", run.phase in (Phase.RUNNING, Phase.PAUSED), (run.phase, still_open))
            require("running means owned", still_open[0].owner is not None, still_open)
        status = {name for name, stage in run.stages.items() if stage.status == StageStatus.RUNNING}
        require(
            "a stage runs if its attempt is open", status == {one.stage for one in still_open}, (status, still_open)
        )

    def _intent(self, before: RunRecord, after: RunRecord, events: list[str]) -> None:
        """The service carries intents out; it never takes one back."""
        was, now = before.intent, after.intent
        if was == now:
            return
        kept = replace(now, recover=was.recover, at=was.at) == replace(was, at=was.at)
        done = (
            ("complete" in events and was.want in (Want.RUN, Want.PAUSE, Want.STOP))
            or (was.again and bool({"retry", "rerun"} & set(events)))
            or ("hold" in events and was.want in (Want.RUN, Want.PAUSE))
            or (now.want == Want.CANCEL and before.phase not in TERMINAL)
            or (kept and now.recover is None)
        )
        require("an acknowledged command is not lost", done, (was, now, events))

    def _ledger(self, before: RunRecord, after: RunRecord) -> Any:
        """The attempt that ended with this write, if any; all others are as they were."""
        old, new = before.attempts, after.attempts
        require("the ledger only grows", len(old) <= len(new) <= len(old) + 1, (len(old), len(new)))
        ended = None
        for was, now in zip(old, new, strict=False):
            if was == now:
                continue
            require("what ended stays as it ended", was.outcome is None and was is old[-1], (was, now))
            require(
                "what ended stays as it ended", (was.id, was.stage, was.epoch) == (now.id, now.stage, now.epoch), now
            )
            ended = now if now.outcome is not None else None
        return ended

    def _budgets(self, before: RunRecord, after: RunRecord, ended: Any, events: list[str], epoch: int) -> None:
        if RESETS_STAGES & set(events) or {"resume", "unskip"} & set(events):
            return
        for name, stage in after.stages.items():
            old = before.stages.get(name, stage)
            for budget, (outcome, own) in BUDGETED.items():
                grown = getattr(stage, budget) - getattr(old, budget)
                if grown == 0:
                    continue
                fits = ended is not None and ended.outcome == outcome and (ended.stage == name) == own
                require("budgets never mix", grown == 1 and fits, (name, budget, old, stage, ended))
        if ended is not None and ended.outcome == AttemptOutcome.ERROR:
            was, now = before.stages[ended.stage].tries, after.stages[ended.stage].tries
            require("budgets never mix", now == was + 1, (ended, was, now))
        died = ended is not None and ended.outcome == AttemptOutcome.INTERRUPTED
        if len(after.crashes) > len(before.crashes):
            require("budgets never mix", died and ended.epoch == epoch, (epoch, ended, before.crashes, after.crashes))
        if len(after.service_crashes) > len(before.service_crashes):
            older = died and ended.epoch < self._newest
            require("budgets never mix", older, (epoch, self._newest, ended, after.service_crashes))
        if "poison" in events:
            spent = len(after.crashes) >= MAX_CRASHES or len(after.service_crashes) >= MAX_SERVICE_CRASHES
            require("budgets never mix", spent, (after.crashes, after.service_crashes))

    def _commits(self, before: RunRecord, after: RunRecord, events: list[str], ever: set[tuple[str, str]]) -> None:
        for name, stage in after.stages.items():
            old = before.stages.get(name)
            if stage.status == StageStatus.COMMITTED and (old is None or old.status != StageStatus.COMMITTED):
                require("what is committed was published", (name, stage.key) in ever, (name, stage))
        for name, stage in before.stages.items():
            new = after.stages.get(name)
            if stage.status == StageStatus.COMMITTED and (new is None or new.status != StageStatus.COMMITTED):
                kept = bool(RESETS_STAGES & set(events)) or (name, stage.key) in self.lost
                require("a commit is never lost", kept, (name, stage, events))

    lost: set[tuple[str, str]] = set()  # noqa: RUF012 - replaced by the world's: artifacts that were damaged once

    # --- batches ----------------------------------------------------------------------------------------------

    def _batch(self, before: BatchRecord | None, after: BatchRecord, service: bool) -> None:
        events = self._moves("B", BATCH_TABLE, before, after)
        if after.phase != BatchPhase.DELETED:
            require("paused means why", (after.phase == BatchPhase.PAUSED) == (after.pause is not None), after.pause)
        if before is None or not service:
            return
        if before.phase == BatchPhase.PAUSED and after.phase != BatchPhase.PAUSED:
            require("a pause is never lost", before.pause is not None and before.pause.reason == "disk", events)
        if before.phase in (BatchPhase.CANCELLED, BatchPhase.DELETED) and after.phase != before.phase:
            require("a cancelled batch stays so", before.cancel_by is None, events)
