"""The steps a history is made of: who does what next. A step is a name and a number, which seeds its own dice."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from tests.support.simulation.calm import calm
from tests.support.simulation.orders import (
    add_batch,
    order_batch,
    order_pool,
    order_run,
    recover,
    resume_everything,
    upload,
)
from tests.support.simulation.violation import require

if TYPE_CHECKING:
    from tests.support.simulation.processes import SimService
    from tests.support.simulation.world import World


def turn(world: "World", dice: Random) -> None:
    """A turn of the service, which mostly was told by then what happened."""
    service = _service(world, dice)
    if service is None:
        return
    if dice.random() < 0.8:
        world.during(service, service.tell)
    if service in world.processes:
        world.turn(service)
    _ask_why(world, dice)


def work(world: "World", dice: Random) -> None:
    """Some workers get on."""
    for _ in range(dice.randrange(1, 5)):
        if world.workers:
            dice.choice(world.workers).advance()


def fail(world: "World", dice: Random) -> None:
    """An attempt fails."""
    if world.workers:
        worker = dice.choice(world.workers)
        for _ in range(2):
            worker.advance()
        worker.fail(dice)


def die(world: "World", dice: Random) -> None:
    """A worker is killed by nobody we know."""
    if world.workers:
        dice.choice(world.workers).die()


def stick(world: "World", dice: Random) -> None:
    """A worker gets nowhere, or on again."""
    if world.workers:
        worker = dice.choice(world.workers)
        worker.stuck = not worker.stuck


def curse(world: "World", dice: Random) -> None:
    """From now on all workers of a run die, or get nowhere."""
    waiting = world.open_runs()
    if waiting:
        world.cursed[dice.choice(waiting).run_id] = dice.choice(["die", "stick"])


def get_nowhere(world: "World", dice: Random) -> None:
    """All workers of a run get stuck, for as long as it takes to be noticed more than once; then somebody may recover it."""
    if world.service is None or not world.workers:
        return
    run_id = dice.choice(world.workers).assignment.run_id
    world.cursed[run_id] = "stick"
    for worker in world.workers:
        worker.stuck = worker.stuck or worker.assignment.run_id == run_id
    for _ in range(dice.randrange(10, 60)):
        service = world.service
        if service is None:
            return
        world.clock.advance(service.dispatcher._stalls.look_s)
        world.during(service, service.tell)
        if service in world.processes:
            world.turn(service)
    if dice.random() < 0.5:
        recover(world, dice, run_id)


def stop_worker(world: "World", dice: Random) -> None:
    """Somebody stops a worker that will outlive its service."""
    if world.workers:
        worker = dice.choice(world.workers)
        worker.still = worker.outlives = True


def lose_locks(world: "World", dice: Random) -> None:
    """A worker that outlived its service and stands still loses its locks, as on a second machine."""
    orphans = [worker for worker in world.workers if worker.outlives and worker.still and not _is_served(world, worker)]
    if orphans:
        dice.choice(orphans).lose_locks()


def wake_worker(world: "World", dice: Random) -> None:
    """A stopped orphan goes on as if nothing had been."""
    orphans = [worker for worker in world.workers if worker.outlives and not _is_served(world, worker)]
    if orphans:
        dice.choice(orphans).still = False


def _is_served(world: "World", worker: object) -> bool:
    services = [world.service, *world.elders]
    return any(service is not None and service.engine is worker._engine for service in services)


def bustle(world: "World", dice: Random) -> None:
    """A while in which nothing special happens."""
    for _ in range(3):
        for worker in list(world.workers):
            worker.advance()
        turn(world, dice)
    world.clock.advance(dice.uniform(0, 5))


def resume_all(world: "World", dice: Random) -> None:
    """Somebody has everything go on."""
    world.enough()
    resume_everything(world)


def tell(world: "World", dice: Random) -> None:
    """The watch catches up with somebody."""
    process = dice.choice(world.processes)
    world.during(process, process.tell)


def forget_news(world: "World", dice: Random) -> None:
    """The watch loses what it had to say; only the next look at everything finds it."""
    dice.choice(world.processes).untold.clear()


def start(world: "World", dice: Random) -> None:
    """A service starts, perhaps to die at some write of its start."""
    at = dice.randrange(1, 30)
    world.start_service(lambda service: service.faults.arm("crash before", at) if dice.random() < 0.2 else None)


def kill(world: "World", dice: Random) -> None:
    """kill -9 of the service."""
    service = _service(world, dice)
    if service is not None:
        world.gone(service)


def kill_at_write(world: "World", dice: Random) -> None:
    """Some process will die just before or after one of its next writes."""
    _arm(world, dice, dice.choice(["crash before", "crash after"]))


def break_disk(world: "World", dice: Random) -> None:
    """Some next write fails; or it is done and nobody is told."""
    _arm(world, dice, dice.choice(["error before", "error before", "error after"]))


def _arm(world: "World", dice: Random, kind: str) -> None:
    process = world.service if world.service is not None and dice.random() < 0.8 else dice.choice(world.operators)
    process.faults.arm(kind, dice.randrange(1, 12))  # type: ignore[arg-type]


def meanwhile(world: "World", dice: Random) -> None:
    """During one of the next turns, between two things it does, a command of somebody else comes in."""
    if world.service is None:
        return
    service, own = world.service, Random(dice.getrandbits(32))

    def act() -> None:
        own.choice([order_run, order_run, order_batch, order_pool])(world, own)
        if own.random() < 0.8:
            world.during(service, service.tell) if own.random() < 0.5 else _tell_urgent(service)

    service.faults.arm("meanwhile", dice.randrange(1, 15), act)


def _tell_urgent(service: "SimService") -> None:
    for kind, record_id in list(service.untold):
        if kind in ("pool", "batch"):
            service.told(kind, record_id)


def shut_down(world: "World", dice: Random) -> None:
    """SIGTERM."""
    service = _service(world, dice)
    if service is not None:
        world.stop(service)


def second_service(world: "World", dice: Random) -> None:
    """The lock of a service is taken from it (another machine, a deleted file), and it does not know."""
    if world.service is None or world.elders:
        return
    elder = world.service
    world.locks.let_go("service.lock", elder)
    world.elders.append(elder)
    world.service = None
    world.start_service()


def sleep(world: "World", dice: Random) -> None:
    """Time passes: what the service asked for, or a while."""
    asked_s = world.service.wait_s if world.service is not None else 1.0
    world.clock.advance(dice.choice([asked_s, asked_s, dice.uniform(0, 5), dice.uniform(0, 90), 4000.0]))


def set_clock(world: "World", dice: Random) -> None:
    """The wall clock jumps, or the machine was suspended."""
    hours = dice.choice([-24, -1, 1, 24, 80])
    world.clock.set(world.clock.now() + timedelta(hours=hours))


def short(world: "World", dice: Random) -> None:
    """Disk space, processes or memory run out, or there is enough again."""
    if world.disk_low or world.no_processes or world.throttled:
        world.enough()
        return
    what = dice.randrange(3)
    world.disk_low, world.no_processes = what == 0, what == 1
    world.throttled = {"cpu": "The memory is short."} if what == 2 else {}


def damage(world: "World", dice: Random) -> None:
    """Something that was published is no longer whole."""
    if world.disk.artifacts:
        place = dice.choice(list(world.disk.artifacts))
        del world.disk.artifacts[place]
        world.disk.work.pop(place, None)
        world.produced.discard(place)
        world.audit.lost.add(place)


def _service(world: "World", dice: Random) -> "SimService | None":
    return dice.choice(world.elders) if world.elders and dice.random() < 0.4 else world.service


def _ask_why(world: "World", dice: Random) -> None:
    if world.service is not None and world.service.index.runs:
        run_id = dice.choice(list(world.service.index.runs))
        world.why(run_id)


STEPS: dict[str, tuple[Callable[["World", Random], None], float]] = {
    "turn": (turn, 30),
    "work": (work, 24),
    "fail": (fail, 16),
    "die": (die, 3),
    "stick": (stick, 2.5),
    "curse": (curse, 1),
    "get nowhere": (get_nowhere, 0.3),
    "stop worker": (stop_worker, 1.5),
    "lose locks": (lose_locks, 1),
    "wake worker": (wake_worker, 1.5),
    "bustle": (bustle, 6),
    "resume all": (resume_all, 4),
    "order run": (order_run, 9),
    "order batch": (order_batch, 3),
    "order pool": (order_pool, 1.5),
    "add batch": (add_batch, 7),
    "upload": (upload, 1),
    "tell": (tell, 6),
    "forget news": (forget_news, 1),
    "start": (start, 6),
    "kill": (kill, 0.7),
    "kill at write": (kill_at_write, 1.5),
    "break disk": (break_disk, 1.5),
    "meanwhile": (meanwhile, 4),
    "shut down": (shut_down, 0.5),
    "second service": (second_service, 0.3),
    "sleep": (sleep, 6),
    "set clock": (set_clock, 0.4),
    "short": (short, 1),
    "damage": (damage, 0.4),
    "calm": (calm, 0.5),
}


def take(world: "World", name: str, number: int) -> None:
    """Take one step, and look at what must hold after each."""
    world.dice = Random(number)
    STEPS[name][0](world, world.dice)
    check(world)


def check(world: "World") -> None:
    """What must hold after every step, beside what the audit holds each write to."""
    require(
        "the lock is held by the service that lives", world.locks.held("service.lock") == (world.service is not None)
    )
