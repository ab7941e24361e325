"""What can be asked of a run or a batch as it is: whoever offers commands offers these, and none of them is refused.

Found by asking: each command is tried on the record, and nothing is written.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from core.domain.batch import BatchRecord
from core.domain.batch_commands import (
    cancel_batch,
    delete_batch,
    edit_batch,
    pause_batch,
    restore_batch,
    resume_batch,
    start_batch,
)
from core.domain.commands import VERBS, prioritise, request
from core.domain.errors import RepriseError
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase


def offered_to_run(run: RunRecord, of_batch: Sequence[RunRecord], now: datetime) -> list[str]:
    """The commands that would change something about `run`, one of the runs `of_batch`.

    Besides the verbs: `drain` (pause after this stage), `again` (retry from a stage or with changed settings) and
    `priority`.
    """
    found = [verb for verb in VERBS if _changes(run, partial(request, run, verb, now, by=""))]
    if "pause" in found and run.open_attempt is not None and run.intent.want != "pause":
        found.append("drain")
    if run.phase in TERMINAL and run.stages and not run.removed and not run.intent.again:
        found.append("again")
    if _possible(lambda: prioritise(run, 5, now)):
        found.append("priority")
    if "remove" in found and not [other for other in of_batch if other.run_id != run.run_id]:
        found.remove("remove")
    return found


def offered_to_batch(batch: BatchRecord, runs: Sequence[RunRecord], now: datetime) -> list[str]:
    """The commands that would change something about `batch` with these `runs`.

    Besides the verbs: `drain` (pause after the running stages), `retry` (all failed runs), `edit`, and `erase` (delete
    for good).
    """
    tries: dict[str, Callable[[], BatchRecord]] = {
        "resume": lambda: resume_batch(batch, now, by=""),
        "pause": lambda: pause_batch(batch, now, by=""),
        "cancel": lambda: cancel_batch(batch, now, by=""),
        "delete": lambda: delete_batch(batch, runs, now, by=""),
        "restore": lambda: restore_batch(batch, now, by=""),
    }
    found = [verb for verb, attempt in tries.items() if _changes(batch, attempt)]
    if batch.phase == BatchPhase.DRAFT and runs and _changes(batch, lambda: start_batch(batch, now, by="")):
        found.append("start")
    if batch.phase == BatchPhase.RUNNING and any(run.open_attempt is not None for run in runs):
        found.append("drain")
    if batch.phase != BatchPhase.DELETED and any(run.phase == Phase.FAILED and not run.intent.again for run in runs):
        found.append("retry")
    if _possible(lambda: edit_batch(batch, now)):
        found.append("edit")
    if "delete" in found or (batch.phase == BatchPhase.DELETED and "restore" in found):
        found.append("erase")
    return found


def _changes(record: object, ask: Callable[[], object]) -> bool:
    try:
        return ask() is not record
    except RepriseError:
        return False


def _possible(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except RepriseError:
        return False
    return True
