"""A tiny model of service, worker and disk round one run, driven by the real functions of `core.domain`.

One run, two stages: a crash between every two durable writes, every operator command at every moment, a batch paused
and resumed. Clock, history and words are left out of a state, so that there are finitely many.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
from msgspec.structs import replace

from core.domain import attempts, commands, crashes, moves, plan, timeouts
from core.domain.batch import Pause
from core.domain.errors import Refused
from core.domain.run import Attempt, Failure, Intent, RunRecord, Source, StageState
from core.domain.settings import Settings
from core.domain.states import TERMINAL, AttemptOutcome, FailureKind, Phase, Want

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = ("first", "second")
NEEDS: dict[str, tuple[str, ...]] = {"first": (), "second": ("first",)}
WANTED = dict.fromkeys(STAGES, True)
BUSY = ("reserved", "working", "published", "erred", "shared")
HELD = Pause()
TOO_LONG = Failure(kind=FailureKind.TIMEOUT)
MAX_RECOVERIES = 1
VERBS = ("pause", "resume", "stop", "cancel", "skip", "unskip", "retry", "rerun")


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is: the durable record and artifacts, the worker, and whether a service is there.

    `worker` is one of None, reserved, working, published (the artifact is there, the service has not heard), erred,
    shared (another run makes it), dead (by itself), killed (as asked), stalled or overdue (and killed for it), shut down; `still` says that it was stopped. `units` are those that became
    durable in the open attempt, `held` says that the batch is paused.
    """

    run: RunRecord
    artifacts: tuple[str, ...] = ()
    worker: str | None = None
    still: bool = False
    units: int = 0
    alive: bool = True
    held: bool = False


def real_functions() -> SimpleNamespace:
    """The functions under test; a planted fault replaces one of them."""
    return SimpleNamespace(
        request=commands.request,
        open_attempt=attempts.open_attempt,
        commit_stage=attempts.commit_stage,
        fail_attempt=attempts.fail_attempt,
        end_attempt=attempts.end_attempt,
        wait_for=attempts.wait_for,
        crashed=crashes.crashed,
        recover=crashes.recover,
        timed_out=timeouts.timed_out,
        hold=moves.hold,
        frozen=attempts.frozen,
        thawed=attempts.thawed,
        settle_intent=moves.settle_intent,
        wait_over=moves.wait_over,
        another_round=moves.another_round,
        reset_from=plan.reset_from,
        may_claim=lambda run: run.intent.want == Want.RUN,
        worker_looks_first=True,
        with_rerun=False,
        with_batch_pause=False,
        with_shared_work=False,
        with_stalls=False,
        with_timeouts=False,
        with_drain=False,
    )


def first_state(on_exhausted: str = "fail") -> State:
    """A new run in the queue, with two tries a stage."""
    settings = Settings(max_retries=1, on_exhausted=on_exhausted)  # type: ignore[arg-type]
    run = RunRecord(
        run_id="r_1",
        batch_id="b_1",
        space_id="s",
        position=1,
        source=Source(kind="file", value="/a"),
        owner="o",
        created_at=NOW,
        updated_at=NOW,
        settings=settings,
        intent=Intent(at=NOW),
        stages=plan.stages_for(WANTED),
    )
    return State(run=run)


def plain(run: RunRecord) -> RunRecord:
    """`run` without clock, history and words."""
    attempt = run.open_attempt
    stages = {
        name: StageState(
            status=stage.status,
            key=stage.key,
            redo=stage.redo,
            tries=stage.tries,
            stalls=stage.stalls,
            damages=stage.damages,
        )
        for name, stage in run.stages.items()
    }
    return replace(
        run,
        stages=stages,
        attempts=[] if attempt is None else [Attempt(id="a", stage=attempt.stage, epoch=1, started_at=NOW)],
        intent=replace(run.intent, by="", why="", at=NOW),
        crashes=[NOW] * len(run.crashes),
        service_crashes=[NOW] * len(run.service_crashes),
        round_after=None,
        verdict=None,
        failure=None,
        transitions=[],
        resumed=False,
        adopted=False,
        resumed_count=0,
        retry_count=0,
        front=0,
        updated_at=NOW,
        started_at=None,
        completed_at=None,
        next_at=None,
        wait_s=None,
    )


def key_of(run: RunRecord, stage: str) -> str:
    """The key under which `stage` of `run` is published."""
    redos = [run.stages[name].redo for name in STAGES[: STAGES.index(stage) + 1]]
    return f"{stage}-{redos}"


def steps(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    """Every step that is possible now: actor, name, and the state it leads to."""
    yield from _operator(state, do)
    if state.alive:
        yield from _service(state, do)
        yield from _worker(state, do)
        yield from _hearing(state, do)
        yield "fault", "kill everything", replace(state, alive=False, worker=None, still=False)
        if state.worker in BUSY:
            yield "fault", "worker dies", replace(state, worker="dead")
    else:
        yield from _recovery(state, do)


def _operator(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    for verb in VERBS:
        from_stage = "second" if verb == "rerun" else None
        if from_stage and (state.run.stages["second"].redo or not do.with_rerun):
            continue  # one rerun is enough
        try:
            run = do.request(state.run, "retry" if verb == "rerun" else verb, NOW, by="o", from_stage=from_stage)
        except Refused:
            continue
        yield "operator", verb, replace(state, run=run)
        if verb == "pause" and do.with_drain and run.intent.want == Want.PAUSE and run.phase != Phase.PAUSED:
            yield "operator", "drain", replace(state, run=replace(run, intent=replace(run.intent, drain=True)))
    if do.with_batch_pause:
        yield "operator", "resume batch" if state.held else "pause batch", replace(state, held=not state.held)


def _service(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    """The service's own writes, one at a time, as its loop makes them."""
    run = state.run
    attempt = run.open_attempt
    if attempt is not None:
        yield from _service_with_attempt(state, do)
        return
    if run.intent.again and run.phase in TERMINAL:
        stages = do.reset_from(run.stages, run.intent.from_stage, WANTED, NEEDS, frozenset())
        yield "service", "another round", replace(state, run=do.another_round(run, stages, run.settings, NOW))
        return
    if not (run.phase == Phase.PAUSED and run.intent.want == Want.RUN and state.held):
        settled = do.settle_intent(run, NOW)
        if settled is not run:
            yield "service", "settle", replace(state, run=settled)
            return
    if state.held and do.hold(run, HELD, NOW) is not run:
        yield "service", "hold", replace(state, run=do.hold(run, HELD, NOW))
        return
    if do.with_timeouts and run.intent.want == Want.RUN and do.timed_out(run, TOO_LONG, NOW) is not run:
        yield "fault", "batch times out", replace(state, run=do.timed_out(run, TOO_LONG, NOW))
    if run.phase == Phase.RETRY_WAIT:
        yield "service", "wait over", replace(state, run=do.wait_over(run, NOW))
    stage = run.next_stage
    if run.phase in (Phase.QUEUED, Phase.RUNNING) and stage and not state.held and do.may_claim(run):
        yield (
            "service",
            "claim",
            replace(state, run=do.open_attempt(run, stage, "a", 1, NOW), worker="reserved", units=0),
        )


def _service_with_attempt(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    run = state.run
    if state.worker not in BUSY:
        return
    drains = run.intent.drain and run.phase == Phase.RUNNING
    wants_still = (run.intent.want == Want.PAUSE and not drains) or (run.intent.want == Want.RUN and state.held)
    if run.intent.want in (Want.STOP, Want.CANCEL, Want.SKIP):
        yield "service", "kill", replace(state, worker="killed", still=False)
    elif wants_still and not state.still:
        yield "service", "freeze", replace(state, still=True)
        yield "service", "kill", replace(state, worker="killed", still=False)
    elif wants_still and run.phase == Phase.RUNNING:
        yield "service", "frozen", replace(state, run=do.frozen(run, NOW, by="o", why=""))
    elif wants_still:
        yield "service", "kill", replace(state, worker="killed", still=False)
    elif run.phase == Phase.PAUSED:
        yield "service", "thaw", replace(state, run=do.thawed(run, NOW, by="o"))
    elif state.still:
        yield "service", "cont", replace(state, still=False)
    yield "service", "shut down", replace(state, worker="shut down", still=False)
    if run.phase == Phase.RUNNING and not wants_still and run.intent.want == Want.RUN:
        if do.with_stalls:
            yield "fault", "stall", replace(state, worker="stalled")
        if do.with_timeouts:
            yield "fault", "time out", replace(state, worker="overdue")


def _worker(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    attempt = state.run.open_attempt
    if attempt is None or state.still:
        return
    key = key_of(state.run, attempt.stage)
    if state.worker == "reserved":
        found = do.worker_looks_first and key in state.artifacts
        yield "worker", "begin", replace(state, worker="published" if found else "working")
        if do.with_shared_work and not found:
            yield "worker", "find it being made", replace(state, worker="shared")
    if state.worker == "working":
        if not state.units:
            yield "worker", "unit", replace(state, units=1)
        yield (
            "worker",
            f"publish {key}",
            replace(state, worker="published", artifacts=tuple(sorted({*state.artifacts, key}))),
        )
        yield "fault", "error", replace(state, worker="erred")


def _hearing(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    """What the service writes when it hears the end of an attempt."""
    run, gone = state.run, {"worker": None, "still": False, "units": 0}
    attempt = run.open_attempt
    if attempt is None:
        return
    if state.worker == "published":
        run = do.commit_stage(run, key_of(run, attempt.stage), NOW)
        yield "service", "commit", replace(state, run=run, **gone)
    elif state.worker == "erred":
        wait_s = 2.0 if run.stages[attempt.stage].tries < 1 else None
        failure = Failure(kind=FailureKind.ERROR if wait_s else FailureKind.EXHAUSTED)
        run = do.fail_attempt(run, failure, NOW, retry_wait_s=wait_s)
        yield "service", "note error", replace(state, run=run, **gone)
    elif state.worker == "shared":
        yield "service", "wait for it", replace(state, run=do.wait_for(run, "first/k", NOW), **gone)
    elif state.worker == "dead":
        yield "service", "note death", _dead(state, do)
    elif state.worker == "killed":
        outcome = {Want.STOP: AttemptOutcome.STOPPED, Want.CANCEL: AttemptOutcome.CANCELLED}.get(
            run.intent.want, AttemptOutcome.PAUSED
        )
        run = do.end_attempt(run, outcome, NOW, units_done=state.units, held=HELD if state.held else None)
        yield "service", "note end", replace(state, run=run, **gone)
    elif state.worker == "stalled":
        run = do.recover(
            run, NOW, max_recoveries=MAX_RECOVERIES, units_done=state.units, held=HELD if state.held else None
        )
        yield "service", "note stall", replace(state, run=run, **gone)
    elif state.worker == "overdue":
        yield (
            "service",
            "note time-out",
            replace(state, run=do.timed_out(run, TOO_LONG, NOW, units_done=state.units), **gone),
        )
    elif state.worker == "shut down":
        run = do.end_attempt(
            run, AttemptOutcome.SHUTDOWN, NOW, units_done=state.units, held=HELD if state.held else None
        )
        yield "service", "note shutdown", replace(state, run=run, alive=False, **gone)


def _dead(state: State, do: SimpleNamespace) -> State:
    run = do.crashed(state.run, NOW, new_units=state.units, held=HELD if state.held else None)
    return replace(state, run=run, worker=None, still=False, units=0)


def _recovery(state: State, do: SimpleNamespace) -> Iterator[tuple[str, str, State]]:
    """A new service: it closes what the dead one left open, then goes on."""
    attempt = state.run.open_attempt
    if attempt is None:
        yield "recovery", "start", replace(state, alive=True)
        return
    yield "recovery", "note crash", _dead(state, do)
