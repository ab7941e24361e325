"""A while without faults: everything that can move moves until it stands, and what stands has its one reason."""

from random import Random
from typing import TYPE_CHECKING

from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from tests.support.simulation.orders import resume_everything, upload
from tests.support.simulation.violation import Violation, require

if TYPE_CHECKING:
    from tests.support.simulation.world import World

ROUNDS = 60
TO_THE_END = 600
WANTED_PHASE = {
    Want.PAUSE: (Phase.PAUSED,),
    Want.STOP: (),
    Want.CANCEL: (),
    Want.SKIP: (),
}


def calm(world: "World", dice: Random) -> None:
    """Let everything come to rest; each intent is reached then, and `why` has a reason for each run that stands."""
    if world.elders:
        return
    make_whole(world)
    world.clock.advance(31.0)  # what the watch lost is found by the look at everything
    still = 0
    for _ in range(ROUNDS):
        before = _state(world)
        a_round(world)
        still = still + 1 if _state(world) == before and not world.workers else 0
        if still == 2:
            break
    at_rest(world)


def make_whole(world: "World") -> None:
    """No fault is left, whoever was stopped from outside goes on, and a service is there."""
    world.enough()
    for process in world.processes:
        process.faults.clear()
    for worker in world.workers:
        worker.stuck = False
        if worker.outlives:
            worker.still = False
    if world.service is None:
        world.start_service()


def a_round(world: "World") -> None:
    """Everybody is told, every worker gets on by three steps, and the service takes a turn."""
    for process in list(world.processes):
        world.during(process, process.tell)
    for worker in list(world.workers):
        for _ in range(3):
            worker.advance()
    service = world.service
    require("a service without faults lives", service is not None, world.last_error)
    assert service is not None
    world.turn(service)
    require("a service without faults lives", world.service is service, world.last_error)


def _state(world: "World") -> object:
    runs = [
        (run.phase, run.intent.want, len(run.attempts), run.open_attempt is not None) for run in world.runs.values()
    ]
    return runs, [batch.phase for batch in world.batches.values()]


def at_rest(world: "World") -> None:
    """What must hold of runs that do not move any more."""
    world.during(world.service, world.service.tell)  # type: ignore[arg-type,union-attr]
    for run in world.open_runs():
        flying = world.in_flight(run)
        detail = (run.run_id, run.phase, run.intent, world.batches[run.batch_id].phase, run.attempts[-1:])
        if run.open_attempt is not None:
            require("running means owned, at rest", flying or run.run_id in world.service.recovery.held, detail)  # type: ignore[union-attr]
        if run.intent.want != Want.RUN and not run.intent.again:
            require("an intent is reached", run.phase in WANTED_PHASE[run.intent.want], detail)
        if not flying:
            code = world.why(run.run_id)
            require("who stands has a reason", code not in ("none", "terminal"), (code, *detail))
    for batch in world.batches.values():
        own = [run for run in world.runs.values() if run.batch_id == batch.batch_id and not run.removed]
        over = all(run.phase in TERMINAL and not run.intent.again for run in own)
        if batch.phase == BatchPhase.RUNNING:
            require("a batch whose runs are over is settled", not over, (batch.batch_id, batch.phase))
        if batch.phase in (BatchPhase.COMPLETED, BatchPhase.FAILED):
            require("a batch whose runs are over is settled", over, (batch.batch_id, batch.phase))


def to_the_end(world: "World") -> None:
    """With no faults left and everything resumed every run comes to its end, in a bounded number of turns."""
    for elder in list(world.elders):
        world.stop(elder)
    make_whole(world)
    for number in range(TO_THE_END):
        if number % 10 == 0:
            for process in world.processes:
                world.during(process, process.tell)
            resume_everything(world)
            upload(world, world.dice)
        a_round(world)
        if not world.open_runs() and not world.workers:
            break
        wait_s = world.service.wait_s if world.service is not None else 1.0
        # Who polls for something asks for short waits, while others wait a quarter of an hour for a site.
        world.clock.advance(max(wait_s, 0.01 if number < 100 else 30.0))
    else:
        left = [(run.run_id, run.phase, run.intent, run.next_at, run.attempts[-1:]) for run in world.open_runs()]
        raise Violation("every run comes to its end", f"{len(left)}: {left[:3]}")
    a_round(world)
    at_rest(world)
    service = world.service
    assert service is not None
    require("every slot is given back", service.engine.free() == service.engine.lanes(), service.engine.free())
    journaled = {line.get("data", {}).get("transition") for line in world.disk.journal}
    require("the journal has what happened", len(journaled) > 0 or not world.runs)
