"""One attempt from its assignment to its outcome, read from top to bottom.

take the run -> name the key -> somebody made it already? -> take the key -> do the units -> publish -> say so
"""

import shutil
import threading
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from core.domain.errors import CLASSES, ErrorClass, RepriseError, StageError, Stop
from core.domain.plan import MEASURING
from core.domain.run import RunRecord, Work
from core.domain.settings import Settings
from core.domain.states import StageStatus
from core.runner.attempt import RunningAttempt
from core.runner.control import Control
from core.runner.outcome import (
    Assignment,
    Committed,
    Ended,
    Failed,
    InputDamaged,
    Outcome,
    Playlist,
    Shared,
    Stale,
)
from core.stages.stage import Expanded, Job, Made, Published, Stage
from core.store import begun
from core.store.artifacts import Artifacts, Receipt, stage_key
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import StateStore
from core.store.units import UnitLog, read_units, sizes
from core.system.clock import Clock
from core.system.files import make_folder
from core.system.shortage import shortage
from core.system.spent import Meter

KEPT = ("plan.json", "units.jsonl", begun.NAME)


class Runner:
    """Executes attempts, one at a time, in this process."""

    def __init__(
        self, *, layout: Layout, store: StateStore, artifacts: Artifacts, stages: Mapping[str, Stage], clock: Clock
    ) -> None:
        self._layout, self._store, self._artifacts = layout, store, artifacts
        self._stages, self._clock = stages, clock
        self._one_at_a_time = threading.Lock()

    def execute(self, assignment: Assignment, control: Control) -> Outcome:
        """Make one attempt. Never raises for anything a stage did; every way to end is an `Outcome`."""
        with self._one_at_a_time:
            owner = Lock(self._layout.owner_lock(assignment.run_id))
            if not owner.acquire(timeout_s=2.0):
                return Stale()
            try:
                return self._owned(assignment, control)
            finally:
                owner.release()

    def _owned(self, assignment: Assignment, control: Control) -> Outcome:
        try:
            run = self._store.runs.get(assignment.run_id).value
            if run.open_attempt is None or run.open_attempt.id != assignment.attempt_id:
                return Stale()
            stage = self._stages[assignment.stage]
            inputs: dict[str, Published] = {}
            for name in stage.needs:
                if name not in run.stages or run.stages[name].status == StageStatus.NOT_NEEDED:
                    continue
                published = self._input(run, name)
                if published is None:
                    return InputDamaged(stage=name)
                inputs[name] = published
            job = Job(space_id=run.space_id, source=run.source, settings=run.settings or Settings(), inputs=inputs)
            params = stage.params(job)
            sources = {name: published.content for name, published in inputs.items()}
            key = stage_key(stage.name, stage.version, params, sources, run.stages[stage.name].redo)
            return self._keyed(run, assignment, control, stage, job, params, key)
        except Stop:
            return Ended()
        except (StageError, RepriseError, OSError, MemoryError) as error:
            return failed(error)

    def _input(self, run: RunRecord, name: str) -> Published | None:
        key = run.stages[name].key
        receipt = self._artifacts.verify(name, key, deep=True) if key else None
        if receipt is None or key is None:
            return None
        files = {file: entry.sha256 for file, entry in receipt.files.items()}
        return Published(
            stage=name,
            key=key,
            content=receipt.content,
            path=self._layout.artifact(name, key),
            files=files,
            facts=receipt.facts,
        )

    def _keyed(
        self,
        run: RunRecord,
        assignment: Assignment,
        control: Control,
        stage: Stage,
        job: Job,
        params: dict[str, object],
        key: str,
    ) -> Outcome:
        if (there := self._found(stage.name, key)) is not None:
            return self._reused(run, key, there)
        lock = Lock(self._layout.key_lock(stage.name, key), named=False)
        if not lock.acquire():
            return Shared(key=key)
        try:
            if (there := self._found(stage.name, key)) is not None:
                return self._reused(run, key, there)
            return self._make(assignment, control, stage, job, params, key)
        finally:
            lock.release()

    def _found(self, stage: str, key: str) -> Receipt | None:
        """What is published under this key, bit for bit; from now on it is young, and not swept before it is named."""
        receipt = self._artifacts.verify(stage, key, deep=True)
        return receipt if receipt is not None and self._artifacts.touch(stage, key) else None

    def _reused(self, run: RunRecord, key: str, receipt: Receipt) -> Committed:
        """The outcome of finding the work done: nothing is done, all of it is reused.

        What this very run published before a crash kept that from its state still knows what was done twice for it.
        """
        redone = 0.0
        if any(attempt.id == receipt.attempt for attempt in run.attempts):
            work = self._layout.work(receipt.stage, key)
            redone = begun.redone(work / begun.NAME, sizes(read_units(work / "units.jsonl").values()))
        facts, was = receipt.facts, receipt.work
        length = facts.get("duration") if receipt.stage in MEASURING else None
        return Committed(
            key=key,
            reused=True,
            work=Work(unit=was.unit, reused=was.done + was.reused, redone=redone) if was is not None else None,
            title=str(facts.get("title", "")),
            duration_s=length if isinstance(length, int | float) else None,
        )

    def _make(
        self, assignment: Assignment, control: Control, stage: Stage, job: Job, params: dict[str, object], key: str
    ) -> Outcome:
        work = self._layout.work(stage.name, key)
        if not is_new(work):
            clear_temporary(work)
        units = UnitLog(work / "units.jsonl", assignment.attempt_id, assignment.epoch)
        before = len(units.done())
        attempt = RunningAttempt(
            layout=self._layout,
            clock=self._clock,
            control=control,
            job=job,
            run_id=assignment.run_id,
            stage=stage.name,
            unit=stage.unit,
            attempt_id=assignment.attempt_id,
            key=key,
            work=work,
            units=units,
        )
        attempt.out.mkdir(mode=0o700)
        started, meter = self._clock.now(), Meter()
        try:
            control.check()
            attempt.progress(0.0, None, "starting")
            attempt.log(f"{stage.name}: started" + (f", {before} units are there already" if before else ""))
            made = stage.run(attempt)
            if isinstance(made, Expanded):
                return Playlist(title=made.title, entries=made.entries, total=made.total)
            self._publish(assignment, stage, job, params, key, attempt.out, made, units, started, meter)
            redone = units.redone()
            units.begun.settle()
            trim(work)
            attempt.log(f"{stage.name}: done")
            return Committed(
                key=key,
                work=replace(made.work, redone=redone) if made.work is not None else None,
                title=made.title,
                duration_s=made.duration_s,
                units=len(units.done()) - before,
            )
        except Stop:
            attempt.log(f"{stage.name}: stopped at a checkpoint")
            return Ended(units=len(units.done()) - before)
        except Exception as error:  # noqa: BLE001 - whatever a tool throws becomes an outcome, with its trace in the log
            for line in explained(error):
                attempt.log(line)
            outcome = failed(error, units=len(units.done()) - before)
            if outcome.error_class == ErrorClass.LIMIT_EXCEEDED:
                trim(work)  # what is too long is of no use to the next attempt either
            return outcome
        finally:
            units.close()
            attempt.close()
            if attempt.out.exists():  # it is there no more when it was published
                shutil.rmtree(attempt.out, ignore_errors=True)

    def _publish(
        self,
        assignment: Assignment,
        stage: Stage,
        job: Job,
        params: dict[str, object],
        key: str,
        out: Path,
        made: Made,
        units: UnitLog,
        started: datetime,
        meter: Meter,
    ) -> None:
        spent = meter.spent()
        receipt = Receipt(
            stage=stage.name,
            key=key,
            version=stage.version,
            params=params,
            inputs={name: published.content for name, published in job.inputs.items()},
            facts={**made.facts, "title": made.title} if made.title else made.facts,
            tools=made.tools,
            work=made.work,
            started_at=started,
            attempt=assignment.attempt_id,
            epoch=assignment.epoch,
            units=len(units.done()),
            cpu_s=spent.cpu_s,
            memory_bytes=spent.memory_bytes,
        )
        self._artifacts.publish(stage.name, key, out, receipt)


def is_new(work: Path) -> bool:
    """Make the folder of a piece of work; whether it was not there before."""
    try:
        work.mkdir(mode=0o700)
    except (FileExistsError, FileNotFoundError):
        make_folder(work, durable=False)
        return False
    return True


def clear_temporary(work: Path) -> None:
    """Remove what attempts that died left half made; nobody else is at work here, since the key is locked."""
    for leftover in work.glob("tmp.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def trim(work: Path) -> None:
    """Remove the big files of a piece of work that is over; its plan and its units stay and show how it was made."""
    for leftover in work.iterdir():
        if leftover.name not in KEPT and not leftover.name.startswith("tmp."):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def explained(error: Exception) -> list[str]:
    """What the log says of an error: its sentence and what caused it, or where it came from if nobody foresaw it."""
    if not isinstance(error, StageError):
        return traceback.format_exception(error)
    cause = error.__cause__
    return [error.message] + ([f"caused by {type(cause).__name__}: {cause}"] if cause is not None else [])


def failed(error: Exception, units: int = 0) -> Failed:
    """The outcome for an exception: its own class where it has one, by its kind where it has none."""
    if not isinstance(error, StageError):
        error = shortage(error) or shortage(error.__cause__) or error
    if isinstance(error, StageError):
        return Failed(
            error_class=error.error_class,
            message=error.message,
            hint=error.hint,
            retry_after_s=error.retry_after_s,
            units=units,
        )
    if isinstance(error, OSError):
        error_class, message = ErrorClass.LOCAL_IO, f"The storage could not be used: {error.strerror or error}."
    elif isinstance(error, MemoryError):
        error_class, message = ErrorClass.OUT_OF_MEMORY, "There was not enough memory."
    elif isinstance(error, RepriseError):
        return Failed(error_class=ErrorClass.LOCAL_IO, message=error.message, hint=error.hint, units=units)
    else:
        error_class, message = ErrorClass.UNKNOWN, f"Something unexpected went wrong ({type(error).__name__})."
    return Failed(error_class=error_class, message=message, hint=CLASSES[error_class].hint, units=units)
