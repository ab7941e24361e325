"""A worker with one attempt: the steps of the real runner, taken one at a time, so that anything can happen between two."""

from random import Random
from typing import TYPE_CHECKING

from core.domain.errors import CLASSES, ErrorClass
from core.domain.run import RunRecord, Source, Work
from core.domain.settings import Settings
from core.runner.outcome import Assignment, Committed, Ended, Failed, InputDamaged, Outcome, Shared, Stale
from core.stages.stage import Job
from core.store.artifacts import stage_key
from tests.support.simulation.violation import require

if TYPE_CHECKING:
    from tests.support.simulation.engine import SimEngine
    from tests.support.simulation.world import World

UNITS = {"download": 1, "transcribe": 3, "quotes": 1, "summary": 2}


class SimStage:
    """What the manager needs to know of a stage; the work itself is `SimWorker`'s."""

    version = 1
    unit = "audio_s"

    def __init__(self, name: str, lane: str, needs: tuple[str, ...], switch: str = "") -> None:
        self.name, self.lane, self.needs, self._switch = name, lane, needs, switch

    def wanted(self, settings: Settings) -> bool:
        """Whether these settings ask for it."""
        return not self._switch or (settings.transcribe and bool(getattr(settings, self._switch)))

    def params(self, job: Job) -> dict[str, object]:
        """What changes the result."""
        return {"space": job.space_id if not self.needs else "", "language": job.settings.language}


STAGES = (
    SimStage("download", "network", ()),
    SimStage("transcribe", "cpu", ("download",), "transcribe"),
    SimStage("quotes", "api", ("transcribe",), "quotes"),
    SimStage("summary", "api", ("transcribe",), "summary"),
)
BY_NAME = {stage.name: stage for stage in STAGES}


def _host(source: Source, settings: Settings) -> tuple[str, ...]:
    return (f"host:{source.value.split('/')[2]}",)


def _llm(source: Source, settings: Settings) -> tuple[str, ...]:
    return ("llm",)


OUTSIDE = {"download": _host, "quotes": _llm, "summary": _llm}


class SimWorker:
    """One process and its attempt. It is over once it reported or died."""

    looks_first = True  # whether somebody made it already

    def __init__(self, world: "World", engine: "SimEngine", assignment: Assignment) -> None:
        self._world, self._engine, self.assignment = world, engine, assignment
        self.stage = BY_NAME[assignment.stage]
        self.key = ""
        self.made_units = 0
        self.state = "handed"
        self.outcome: Outcome | None = None  # what it is about to report
        self.still = False  # SIGSTOP
        self.stuck = False  # alive, and getting nowhere
        self.ending = False  # asked to end at the next unit
        self.dying = False  # killed, and not gone yet
        self.outlives = False  # the kernel was not asked to kill it with its service
        self.over = False

    def advance(self) -> None:
        """One step further, unless it stands still."""
        if self.over:
            return
        if self.dying:
            self.die()
        elif self.still or self.stuck:
            return
        elif self.outcome is not None:
            self.report()
        elif self.state == "handed":
            self._begin()
        elif self.ending:
            self.outcome = Ended(units=self.made_units)
        elif self.state == "working":
            self._unit()
        else:
            self._publish()

    def fail(self, dice: Random) -> None:
        """The attempt fails at this place, with an error of any class."""
        if self.over or self.still or self.stuck or self.outcome is not None or self.state == "handed":
            return
        error_class = dice.choice(
            _ASKING if dice.random() < 0.4 else _RETRYABLE if dice.random() < 0.7 else list(ErrorClass)
        )
        retry_after_s = dice.choice([None, None, 0.0, 7.0, 5000.0]) if error_class in _ASKING else None
        self.outcome = Failed(
            error_class=error_class,
            message=f"A planted {error_class} error.",
            hint=CLASSES[error_class].hint,
            retry_after_s=retry_after_s,
            units=self.made_units,
        )

    def report(self) -> None:
        """Say how it ended, if anybody is there to hear it, and let go of everything."""
        assert self.outcome is not None
        self._end()
        self._engine.finished(self, self.outcome)

    def die(self) -> None:
        """The process is gone; the kernel frees its locks."""
        if not self.over:
            self._end()
            self._engine.died(self)

    def lose_locks(self) -> None:
        """What another machine, or a deleted lock file, does to a process that stands still."""
        self._world.locks.died(self)

    def _end(self) -> None:
        self.over = True
        self._world.locks.died(self)
        self._world.workers.remove(self)

    def _begin(self) -> None:
        world, attempt = self._world, self.assignment
        curse = world.cursed.get(attempt.run_id)
        if curse == "die":
            self.die()
            return
        self.stuck = curse == "stick"
        if not world.locks.take(f"{attempt.run_id}.owner", self):
            self.outcome = Stale()
            return
        run = world.runs.get(attempt.run_id)
        if run is None or run.open_attempt is None or run.open_attempt.id != attempt.attempt_id:
            self.outcome = Stale()
            return
        for name in self.stage.needs:
            if (name, run.stages[name].key or "") not in world.disk.artifacts:
                self.outcome = InputDamaged(stage=name)
                return
        self.key = self._key(run)
        if (self.stage.name, self.key) in world.disk.artifacts and self.looks_first:
            self.outcome = self._committed(reused=True)
        elif not world.locks.take(f"{self.stage.name}.{self.key}.key", self):
            self.outcome = Shared(key=self.key)
        else:
            world.disk.take_over(self.stage.name, self.key, attempt.attempt_id, attempt.epoch)
            self.state = "working"

    def _key(self, run: RunRecord) -> str:
        settings = run.settings or Settings()
        inputs = {name: run.stages[name].key or "" for name in self.stage.needs}
        params = self.stage.params(Job(space_id=run.space_id, source=run.source, settings=settings, inputs={}))
        return stage_key(self.stage.name, 1, params, inputs, run.stages[self.stage.name].redo)

    def _unit(self) -> None:
        disk, stage, attempt = self._world.disk, self.stage.name, self.assignment
        done = len(disk.work[(stage, self.key)].units)
        if done >= UNITS[stage]:
            self.state = "made"
            return
        disk.add_unit(stage, self.key, done, attempt.attempt_id, attempt.epoch)
        grown = len(disk.work[(stage, self.key)].units) > done
        self.made_units += grown
        if not grown:  # somebody took the work over: this one fills its own memory, and nobody believes its units
            self.state = "made"

    def _publish(self) -> None:
        world, place = self._world, (self.stage.name, self.key)
        if place not in world.disk.artifacts or not self.looks_first:
            require("an artifact is produced once", place not in world.produced, place)
            world.disk.artifacts[place] = self.assignment.attempt_id
            world.produced.add(place)
            world.ever.add(place)
        self.outcome = self._committed(reused=world.disk.artifacts[place] != self.assignment.attempt_id)

    def _committed(self, *, reused: bool) -> Committed:
        units = float(UNITS[self.stage.name])
        work = Work(unit="audio_s", reused=units) if reused else Work(unit="audio_s", done=float(self.made_units))
        return Committed(
            key=self.key,
            reused=reused,
            work=work,
            title="A talk",
            duration_s=60.0,
            units=0 if reused else self.made_units,
        )


_RETRYABLE = [error_class for error_class, rule in CLASSES.items() if rule.retryable]
_ASKING = (ErrorClass.RATE_LIMITED, ErrorClass.SERVER, ErrorClass.NETWORK, ErrorClass.LLM_UNAVAILABLE)
