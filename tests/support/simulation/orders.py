"""What operators ask for: every verb, sensible or not, and what an acknowledged one must have done."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from core.domain.batch import BatchRecord, Member
from core.domain.moves import upload_failed, uploaded
from core.domain.plan import stages_for
from core.domain.run import Failure, RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import TERMINAL, BatchPhase, FailureKind, Phase, Want
from tests.support.simulation.violation import require

if TYPE_CHECKING:
    from tests.support.simulation.processes import Operator
    from tests.support.simulation.world import World

RUN_VERBS = (
    *("pause", "pause", "pause drain", "resume", "resume", "stop", "cancel", "skip", "unskip"),
    *("retry", "retry", "retry from", "retry with", "recover", "remove", "priority"),
)
BATCH_VERBS = (
    *("start", "pause", "pause drain", "resume", "resume", "cancel", "delete", "restore", "restore", "purge"),
    *("retry failed", "reorder", "priority", "edit"),
)
WANTS: dict[str, tuple[Want, ...]] = {
    "pause": (Want.PAUSE,),
    "resume": (Want.RUN,),
    "unskip": (Want.RUN,),
    "stop": (Want.STOP, Want.CANCEL),
    "skip": (Want.SKIP,),
    "cancel": (Want.CANCEL,),
    "remove": (Want.CANCEL,),
    "recover": (Want.RUN, Want.PAUSE),
}


def operator_of(world: "World", dice: Random) -> "Operator":
    """One of them; often with everything read just now, as a command line has it, else as the watch told it last."""
    operator = dice.choice(world.operators)
    if dice.random() < 0.6:
        world.during(operator, operator.index.load)
        operator = operator if operator in world.operators else dice.choice(world.operators)
    return operator


def order_run(world: "World", dice: Random) -> None:
    """Some verb on some run."""
    operator = operator_of(world, dice)
    verb = dice.choice(RUN_VERBS)
    if not world.runs:
        return
    run_id = _some_run(world, dice)
    more: dict[str, Any] = {}
    if verb == "retry from":
        more["from_stage"] = dice.choice(list(world.catalog.stages))
    elif verb == "retry with":
        more["changes"] = dice.choice(
            [{"summary": False}, {"quotes": False}, {"quotes": True}, {"language": "de"}, {"transcribe": False}]
        )
    elif verb == "pause drain":
        more["drain"] = True
    name, key = verb.partition(" ")[0], dice.choice([None, None, f"key{dice.randrange(4)}"])
    known = key is not None and run_id in world.runs and key in world.runs[run_id].commands
    by = f"user{dice.randrange(world.setup.users)}"
    if verb == "priority":
        number = dice.choice([0, 3, 5, 10, 11, "high"])
        if world.command(operator, lambda: operator.commands.priority(run_id, number, by=by)):
            require("an acknowledged command has its effect", world.runs[run_id].priority == number, number)
        return
    if world.command(operator, lambda: operator.commands.run(run_id, name, by=by, why="because", key=key, **more)):
        run = world.runs[run_id]
        if name == "retry":
            ok = run.intent.again
        elif name == "recover":
            ok = run.open_attempt is not None and run.intent.recover == run.open_attempt.id
        else:
            ok = run.intent.want in WANTS[name] or (name == "cancel" and run.phase == Phase.CANCELLED)
        require("an acknowledged command has its effect", ok or known, (verb, run.phase, run.intent))


def recover(world: "World", dice: Random, run_id: str) -> None:
    """A press of Recover, often on what somebody else has asked to pause at the end of its stage."""
    if dice.random() < 0.5:
        operator = operator_of(world, dice)
        world.command(operator, partial(operator.commands.run, run_id, "pause", by="user0", why="because", drain=True))
    operator = operator_of(world, dice)
    world.command(operator, partial(operator.commands.run, run_id, "recover", by="user1"))


def _some_run(world: "World", dice: Random) -> str:
    """Mostly one that is worked on or waits."""
    working = [worker.assignment.run_id for worker in world.workers]
    waiting = [run.run_id for run in world.open_runs()]
    crowd = dice.choice([working, waiting, list(world.runs)])
    return dice.choice(crowd or list(world.runs))


def order_batch(world: "World", dice: Random) -> None:
    """Some verb on some batch."""
    operator = operator_of(world, dice)
    if not world.batches:
        return
    verb, batch_id = dice.choice(BATCH_VERBS), _some_batch(world, dice)
    commands = operator.commands
    own = [run.run_id for run in operator.index.runs_of(batch_id) if run.phase == Phase.QUEUED]
    dice.shuffle(own)
    number = dice.choice([0, 1, 2, 5, 6])
    settings = dice.choice([None, {"quotes": True}, {"summary": False}])
    name = verb.partition(" ")[0]
    acts: dict[str, Callable[[], object]] = {
        "retry failed": lambda: commands.retry_failed(batch_id, by="user0"),
        "reorder": lambda: commands.reorder(batch_id, own, by="user0"),
        "priority": lambda: commands.priority(batch_id, number, by="user0"),
        "edit": lambda: commands.edit(batch_id, by="user0", name="other", concurrency=number, changes=settings),
        "purge": lambda: commands.delete(batch_id, by="user0", hard=True),
    }
    act = acts.get(verb, lambda: commands.batch(batch_id, name, by="user0", why="because", drain=verb == "pause drain"))
    if world.command(operator, act):
        if verb == "purge":
            require("an acknowledged command has its effect", batch_id not in world.batches, verb)
            return
        batch = world.batches[batch_id]
        effects: dict[str, bool] = {
            "pause": batch.phase == BatchPhase.PAUSED and batch.pause is not None,
            "cancel": batch.phase == BatchPhase.CANCELLED,
            "start": batch.phase == BatchPhase.RUNNING,
            "resume": batch.phase == BatchPhase.RUNNING,
            "delete": batch.phase == BatchPhase.DELETED,
            "restore": batch.phase != BatchPhase.DELETED,
            "priority": batch.priority == number,
            "edit": batch.concurrency == number,
        }
        require("an acknowledged command has its effect", effects.get(name, True), (verb, batch.phase))


def _some_batch(world: "World", dice: Random) -> str:
    live = [run.batch_id for run in world.open_runs()]
    return dice.choice(live if live and dice.random() < 0.7 else list(world.batches))


def order_pool(world: "World", dice: Random) -> None:
    """Pause or resume everything, or stop all that runs."""
    operator = operator_of(world, dice)
    verb = dice.choice(("pause", "pause drain", "resume", "resume", "stop all", "recover all"))
    name = verb.partition(" ")[0]
    if verb == "stop all":
        world.command(operator, lambda: operator.commands.stop_all(by="user0"))
    elif verb == "recover all":
        world.command(operator, lambda: operator.commands.recover_all(by="user0"))
    elif world.command(
        operator, lambda: operator.commands.pool(name, by="user0", why="because", drain=verb == "pause drain")
    ):
        require("an acknowledged command has its effect", (world.pool.pause is not None) == (name == "pause"), verb)


def add_batch(world: "World", dice: Random) -> None:
    """A new batch: first its runs, then the batch itself, which is the moment it exists."""
    if len(world.open_runs()) > 10 or len(world.runs) > 60:
        return
    operator = dice.choice(world.operators)
    world.during(operator, _adding(world, operator, dice))


def _adding(world: "World", operator: "Operator", dice: Random) -> Callable[[], None]:
    now, number = operator.stamps.now(), next(world.names)
    settings = Settings(
        max_retries=dice.choice([0, 1, 3]),
        on_exhausted=dice.choice(["fail", "fail", "hold"]),
        quotes=dice.random() < 0.5,
        summary=dice.random() < 0.5,
    )
    batch_id, user = f"b_{number:04}", f"user{dice.randrange(world.setup.users)}"
    runs = [
        RunRecord(
            run_id=f"r_{number:04}x{position}",
            batch_id=batch_id,
            space_id=f"s{dice.randrange(6)}",
            position=position,
            source=Source(kind="url", value=f"https://site{dice.randrange(3)}.example/{number}x{position}.mp4"),
            owner=user,
            created_at=now,
            updated_at=now,
            phase=Phase.RECEIVING if dice.random() < 0.05 else Phase.QUEUED,
            stages=stages_for(world.catalog.wanted(settings)),
        )
        for position in range(1, dice.randrange(1, 5) + 1)
    ]
    members = [Member(run_id=r.run_id, space_id=r.space_id, position=r.position, source=r.source) for r in runs]
    batch = BatchRecord(
        batch_id=batch_id,
        name="talks",
        owner=user,
        created_at=now,
        updated_at=now,
        phase=dice.choice([BatchPhase.RUNNING, BatchPhase.RUNNING, BatchPhase.DRAFT]),
        settings=settings,
        concurrency=dice.randrange(1, 4),
        priority=dice.choice([5, 5, 5, 0, 10]),
        members=members,
    )

    def add() -> None:
        for run in runs:
            operator.writer.new_run(run)
        operator.writer.new_batch(batch, user, {})

    return add


def upload(world: "World", dice: Random) -> None:
    """Uploads come to their end, well or not; the service writes that down."""
    service = world.service
    if service is None or not hasattr(service, "writer"):
        return
    now = service.stamps.now()
    for run in [run for run in world.runs.values() if run.phase == Phase.RECEIVING]:
        failure = Failure(kind=FailureKind.ERROR, message="The upload broke off.")
        ends = partial(uploaded, now=now) if dice.random() < 0.7 else partial(upload_failed, failure=failure, now=now)
        world.during(service, partial(service.writer.run, run.run_id, partial(_received, ends=ends)))


def _received(run: RunRecord, ends: Callable[[RunRecord], RunRecord]) -> RunRecord:
    return ends(run) if run.phase == Phase.RECEIVING else run


def resume_everything(world: "World") -> None:
    """A person who wants all of it done, and sees everything as it is."""
    operator = world.operators[0]
    world.during(operator, operator.index.load)
    commands = operator.commands
    if world.pool.pause is not None:
        world.command(operator, lambda: commands.pool("resume", by="user0"))
    for batch_id, batch in list(world.batches.items()):
        if batch.phase in (BatchPhase.DRAFT, BatchPhase.PAUSED):
            world.command(operator, partial(commands.batch, batch_id, "start", by="user0"))
    for run in world.open_runs():
        if run.phase not in TERMINAL and run.intent.want == Want.PAUSE:
            world.command(operator, partial(commands.run, run.run_id, "resume", by="user0"))
