"""The simulated world: one disk, one clock, some operators, a service or two, and the workers."""

import itertools
from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from core.config import Config
from core.domain.batch import BatchRecord, PoolRecord
from core.domain.diagnosis import why
from core.domain.errors import Refused, RepriseError
from core.domain.lines import lines_of
from core.domain.run import RunRecord
from core.domain.schedule import Situation, schedule
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.stages.catalog import Catalog
from core.system.clock import ManualClock
from tests.support.simulation.audit import Audit
from tests.support.simulation.disk import Disk, Locks
from tests.support.simulation.faults import Crash
from tests.support.simulation.processes import Operator, Process, SimService
from tests.support.simulation.violation import require
from tests.support.simulation.workers import OUTSIDE, STAGES, SimWorker


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed for a whole history."""

    lanes: dict[str, int]
    config: Config
    users: int = 2


class World:
    """Everything there is; `dice` are those of the step being taken."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.clock = ManualClock()
        self.disk, self.locks, self.catalog = Disk(), Locks(), Catalog(STAGES, OUTSIDE)  # type: ignore[arg-type]
        self.dice = Random(0)
        self.attempt_ids, self.pids, self.names = itertools.count(1), itertools.count(100), itertools.count(1)
        self.runs: dict[str, RunRecord] = {}  # what the files say
        self.batches: dict[str, BatchRecord] = {}
        self.pool = PoolRecord()
        self.workers: list[SimWorker] = []
        self.produced: set[tuple[str, str]] = set()  # since it was damaged last
        self.ever: set[tuple[str, str]] = set()
        self.audit = Audit()
        self.audit.lost = set()
        self.whys: Counter[str] = Counter()
        self.refused = self.acknowledged = 0
        self.last_error = ""
        self.disk_low = self.no_processes = False
        self.throttled: dict[str, str] = {}  # lanes that begin nothing, and why
        self.cursed: dict[str, str] = {}  # runs whose workers all die, or get stuck
        self.processes: list[Process] = []
        self.service: SimService | None = None
        self.elders: list[SimService] = []  # that lost their lock and do not know it
        self.operators: list[Operator] = []
        for _ in range(3):
            self.new_operator()

    # --- processes --------------------------------------------------------------------------------------------

    def new_operator(self) -> Operator:
        """One more person."""
        operator = Operator(self, f"op{next(self.names)}")
        self.processes.append(operator)
        self.operators.append(operator)
        return operator

    def start_service(self, arm: Callable[[SimService], None] = lambda service: None) -> None:
        """A service starts, when none holds the storage."""
        if self.locks.held("service.lock"):
            return
        service = SimService(self, f"service{next(self.names)}")
        self.locks.take("service.lock", service)
        self.processes.append(service)
        self.service = service
        arm(service)
        self.during(service, service.start)

    def during(self, process: Process, act: Callable[[], object]) -> bool:
        """Let `process` do something, which may be its end; True when it came through."""
        try:
            act()
        except Crash:
            self.gone(process)
            return False
        except (RepriseError, OSError) as error:
            self.last_error = repr(error)
            if isinstance(process, SimService):  # its loop has ended, for a newer service or a failing disk
                self.stop(process)
            return False
        return True

    def stop(self, service: SimService) -> None:
        """A service ends in order."""
        try:
            if hasattr(service, "service"):
                service.service.end()
        except (RepriseError, OSError):
            pass
        except Crash:
            pass
        self.gone(service)

    def gone(self, process: Process) -> None:
        """The process is dead, however it died."""
        process.faults.dead = True
        if process not in self.processes:
            return
        self.processes.remove(process)
        self.locks.died(process)
        if isinstance(process, SimService):
            process.engine.crash()
            self.elders = [elder for elder in self.elders if elder is not process]
            if self.service is process:
                self.service = None
        else:
            self.operators.remove(process)  # type: ignore[arg-type]
            self.new_operator()

    def turn(self, service: SimService) -> None:
        """One turn of a service."""
        self.during(service, service.turn)

    # --- what is written, and what follows from it -------------------------------------------------------------

    def wrote(self, process: Process, kind: str, record_id: str, before: Any, after: Any) -> None:
        """A write became durable."""
        epoch = process.epoch if isinstance(process, SimService) else None
        service = isinstance(process, SimService)
        for other in self.processes:
            other.untold[(kind, record_id)] = None
        if after is None:
            self._removed(kind, record_id, before)
            return
        self.audit.written(kind, before, after, epoch=epoch, service=service, ever=self.ever)
        if kind == "run":
            self._only_of_the_dead(before, after)
            self.runs[record_id] = after
            if isinstance(process, SimService) and before is not None and len(after.attempts) > len(before.attempts):
                self._claimed(process, after)
            if isinstance(process, SimService) and before is not None and before.phase != after.phase == Phase.RUNNING:
                self._has_place(process, after)
        elif kind == "batch":
            self.batches[record_id] = after
        else:
            self.pool = after

    def _removed(self, kind: str, record_id: str, before: Any) -> None:
        batch = before if kind == "batch" else self.batches[before.batch_id]
        require("only what was deleted for good is removed", batch.phase == BatchPhase.DELETED and batch.purging, batch)
        if kind == "run":
            require("only what was deleted for good is removed", before.open_attempt is None, before)
            del self.runs[record_id]
        else:
            del self.batches[record_id]

    def _only_of_the_dead(self, before: RunRecord | None, after: RunRecord) -> None:
        """An attempt is over when its worker is: nobody is taken for dead who holds the run's lock."""
        was = before.open_attempt if before is not None else None
        if was is None or after.open_attempt is not None:
            return
        for worker in self.workers:
            if worker.assignment.attempt_id == was.id:
                holds = self.locks.holder(f"{after.run_id}.owner") is worker
                require("nobody alive is taken for dead", not holds, (after.run_id, was.id, worker.state))

    def _claimed(self, service: SimService, after: RunRecord) -> None:
        pool, batch = service.index.pool, service.index.batches[after.batch_id]
        require("under a pause nothing is claimed", pool.pause is None and batch.phase == BatchPhase.RUNNING, batch)
        told_before = service.wake.urgent() and service.urgent_since < service.faults.count
        require("under a pause nothing is claimed", not told_before, (service.urgent_since, service.faults.count))
        require("nothing is claimed while it stops", not service.dispatcher.draining)

    def _has_place(self, service: SimService, after: RunRecord) -> None:
        """A run begins, or goes on after it stood still."""
        batch = service.index.batches[after.batch_id]
        beside = [
            run
            for run in self.runs.values()
            if run.batch_id == after.batch_id and run.phase == Phase.RUNNING and run.run_id != after.run_id
        ]
        known = max(batch.concurrency, self.batches[after.batch_id].concurrency)
        require("batch concurrency holds", len(beside) < known, (len(beside), known))
        limit = self.setup.config.max_runs_per_user
        read = service.index.runs.values()  # what a service from which the lock was taken begins beside is not
        theirs = sum(run.owner == after.owner and run.phase == Phase.RUNNING for run in read)
        require("the limit of a user holds", not limit or theirs < limit, (after.owner, theirs))

    def watch_schedule(self, service: SimService) -> None:
        """Look at every order in which a service means to claim."""
        claims = service.dispatcher._claims
        due = claims.due

        def checked(ahead: Collection[RunRecord]) -> Any:
            found = due(ahead)
            situation = self._situation(service)
            known = {**service.index.runs, **{run.run_id: run for run in ahead}}
            runs = [run for run in known.values() if not run.removed]
            kept = lines_of(runs, situation.batches, situation.lane_of, situation.outside)
            anew = schedule(situation, kept)
            require("lines kept up to date are those made anew", found == anew, (found, anew))
            place = {claim.run_id: number for number, claim in enumerate(found)}
            require("a run is claimed once", len(place) == len(found), found)
            require("low space holds all", not (found and situation.disk_low))
            used = Counter(claim.lane for claim in found)
            free = service.engine.free()
            require("lane limits hold", all(free[lane] >= count for lane, count in used.items()), (free, used))
            require("a lane held back begins nothing", not used.keys() & self.throttled.keys(), used)
            probes = Counter(name for claim in found for name in (claim.probe or "").split())
            require("a breaker has one trial", all(count == 1 for count in probes.values()), probes)
            for claim in found:
                self._in_order(situation.runs[claim.run_id], situation, place)
            return found

        claims.due = checked

    def _situation(self, service: SimService) -> Situation:
        """What the service decides on, without what was removed or deleted."""
        runs, batches, _ = service.index.snapshot()
        return replace(service.dispatcher._claims._situation(), runs=runs, batches=batches)

    def _in_order(self, run: RunRecord, now: Situation, place: dict[str, int]) -> None:
        """Nobody of the same batch who could start the same stage, and comes before it, is left behind."""
        if run.phase != Phase.QUEUED:
            return
        batch = now.batches[run.batch_id]
        own = [other for other in now.runs.values() if other.batch_id == run.batch_id]
        rank = {run_id: number for number, run_id in enumerate(batch.order)}
        named = sorted(other.position for other in own if other.run_id in rank)
        ordered = [run_id for run_id in batch.order if run_id in now.runs]
        at = {other.run_id: other.position for other in own} | dict(zip(ordered, named, strict=True))

        def before(one: RunRecord) -> tuple[Any, ...]:
            return (-(batch.priority if one.priority is None else one.priority), -one.front, at[one.run_id])

        for other in own:
            alike = other.phase == Phase.QUEUED and other.next_stage == run.next_stage and _site(other) == _site(run)
            waits = other.next_at is not None or other.waits_for is not None or other.intent.want != Want.RUN
            if alike and not waits and other.settings == run.settings and before(other) < before(run):
                ahead = other.run_id in place and place[other.run_id] < place[run.run_id]
                require("the queue's order is kept", ahead, (other.run_id, "is overtaken by", run.run_id))

    # --- questions ---------------------------------------------------------------------------------------------

    def why(self, run_id: str) -> str:
        """The code of the one reason why a run of this service does not move."""
        assert self.service is not None
        situation = self._situation(self.service)
        reason = why(self.service.index.runs[run_id], situation, service_alive=True)
        require("why says a sentence", reason.message.endswith((".", "batch", "…")) or bool(reason.message), reason)
        self.whys[reason.code] += 1
        return reason.code

    def in_flight(self, run: RunRecord) -> bool:
        """Whether some worker has the run's open attempt."""
        attempt = run.open_attempt
        return attempt is not None and any(one.assignment.attempt_id == attempt.id for one in self.workers)

    def open_runs(self) -> list[RunRecord]:
        """The runs of acknowledged batches that are not over; a deleted batch is out of sight."""
        return [
            run
            for run in self.runs.values()
            if run.batch_id in self.batches
            and self.batches[run.batch_id].phase != BatchPhase.DELETED
            and (run.phase not in TERMINAL or run.intent.again)
        ]

    def enough(self) -> None:
        """Space, processes and memory for everybody."""
        self.disk_low = self.no_processes = False
        self.throttled = {}
        self.cursed = {}

    def command(self, operator: Operator, act: Callable[[], object]) -> bool:
        """Whether a command was acknowledged."""
        try:
            done = self.during(operator, act)
        except Refused:
            done = False
        self.acknowledged += done
        self.refused += not done
        return done


def _site(run: RunRecord) -> str:
    return run.source.value.split("/")[2]
