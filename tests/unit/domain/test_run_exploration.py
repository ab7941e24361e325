"""Every state a run can get into, found by exploring a small model that calls the real functions.

The promises are checked on every step; planted faults show that each check can fail.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain import attempts, crashes, moves
from core.domain.run import RunRecord, StageState
from core.domain.states import STAGE_TABLE, TERMINAL, Phase, StageStatus, Want, allowed
from tests.support.exploration import Edge, committed, explore
from tests.support.run_model import MAX_RECOVERIES, State, first_state, real_functions

COUNTED = (Want.RUN, Want.PAUSE)


def check(edge: Edge) -> None:
    """Every promise about one step."""
    before, after = edge.before.run, edge.after.run
    attempt = after.open_attempt
    assert edge.after.worker is None or attempt is not None, "a worker without an open attempt"
    assert attempt is None or edge.after.worker or not edge.after.alive, "an open attempt without a worker"
    for name, stage in after.stages.items():
        works = attempt is not None and attempt.stage == name
        assert works == (stage.status == StageStatus.RUNNING), "a stage runs exactly while its attempt is open"
        old = before.stages[name].status
        reset = stage.status == StageStatus.PENDING and old != StageStatus.RUNNING
        events = ("reset",) if reset else tuple(row.event for row in STAGE_TABLE)
        assert old == stage.status or any(allowed(STAGE_TABLE, event, old, stage.status) for event in events)
    if edge.name.startswith("publish"):
        assert edge.name.split()[1] not in edge.before.artifacts, "an artifact was made twice"
    if edge.name != "another round":
        assert committed(before).items() <= committed(after).items(), "a commit was lost"
    if edge.actor != "operator" and before.intent.want != Want.RUN and after.phase not in TERMINAL:
        assert after.intent.want == before.intent.want, "what the operator wanted was lost"
    if edge.actor == "operator" and before.phase not in TERMINAL and before.intent.want == Want.CANCEL:
        assert after.intent.want == Want.CANCEL, "an acknowledged cancel was undone"
    if edge.actor in ("recovery", "fault", "worker") and before.phase in TERMINAL:
        assert after == before, "a terminal run was touched"
    if edge.name == "claim":
        assert before.intent.want == Want.RUN, "claimed although it is not wanted"
        assert not edge.before.held, "claimed although its batch is paused"
    if edge.name == "note stall" and before.phase == Phase.RUNNING and before.intent.want in COUNTED:
        stage = before.open_attempt.stage if before.open_attempt else ""
        assert after.stages[stage].tries == before.stages[stage].tries, "a stall used a try"
        assert after.crashes == before.crashes, "a stall was counted as a crash"
        assert after.stages[stage].stalls > before.stages[stage].stalls, "a stall was not counted"
        assert after.stages[stage].stalls <= MAX_RECOVERIES + 1, "recovered for ever"
    if edge.name in ("note crash", "note death") and before.phase == Phase.RUNNING and before.intent.want in COUNTED:
        counted = bool(edge.before.units) or len(after.crashes) > len(before.crashes)
        assert counted, "a crash was not counted"
        assert after.phase == Phase.FAILED or len(after.crashes) < crashes.MAX_CRASHES, "poison was not seen"


def goals(state: State) -> set[Phase]:
    """Where the service must be able to bring a run that is not terminal, without any more help."""
    match state.run.intent.want:
        case Want.CANCEL:
            return {Phase.CANCELLED}
        case Want.SKIP:
            return {Phase.SKIPPED}
        case Want.STOP:
            return {Phase.FAILED, Phase.COMPLETED}
        case Want.PAUSE:
            return {Phase.PAUSED, Phase.FAILED, Phase.COMPLETED}
    spoilt = state.worker in ("erred", "dead", "killed", "stalled", "overdue", "shut down") or not state.alive
    return {Phase.COMPLETED, Phase.FAILED, Phase.PAUSED} if spoilt else {Phase.COMPLETED}


def check_graph(graph: dict[bytes, list[Edge]]) -> None:
    """Completed can be reached from everywhere, and every wish is fulfilled without further commands."""
    states = {identity: edges[0].before for identity, edges in graph.items()}
    back: dict[bytes, list[tuple[bytes, str]]] = {}
    for identity, edges in graph.items():
        for edge in edges:
            back.setdefault(edge.target, []).append((identity, edge.actor))

    def reach(phases: set[Phase], actors: set[str]) -> set[bytes]:
        found = {
            identity for identity, state in states.items() if state.run.phase in phases and not state.run.intent.again
        }
        todo = list(found)
        while todo:
            for source, actor in back.get(todo.pop(), []):
                if actor in actors and source not in found:
                    found.add(source)
                    todo.append(source)
        return found

    stuck = graph.keys() - reach({Phase.COMPLETED}, {"operator", "service", "worker", "recovery", "fault"})
    assert not stuck, f"a dead end: {states[stuck.pop()]}"
    reachable: dict[frozenset[Phase], set[bytes]] = {}
    for identity, state in states.items():
        if state.run.phase in TERMINAL and not state.run.intent.again:
            continue
        if state.held:
            resting = state.run.phase != Phase.RUNNING or state.run.open_attempt is not None
            goes_on = any(edge.actor == "service" for edge in graph[identity]) or not state.alive
            assert resting or goes_on, f"a paused batch with a running run: {state}"
            continue
        wanted = frozenset(goals(state))
        if wanted not in reachable:
            reachable[wanted] = reach(set(wanted), {"service", "worker", "recovery"})
        assert identity in reachable[wanted], f"it never becomes {sorted(wanted)}: {state}"


@pytest.mark.parametrize("on_exhausted", ["fail", "hold"])
def test_every_promise_holds_in_every_state_and_no_state_is_a_dead_end(on_exhausted: str) -> None:
    graph = explore(first_state(on_exhausted), check)
    check_graph(graph)
    phases = {edge.after.run.phase for edges in graph.values() for edge in edges}
    assert phases == set(Phase) - {Phase.RECEIVING}
    assert len(graph) > 5000, "the model lost most of its states"


@pytest.mark.parametrize(
    "more", ["with_rerun", "with_batch_pause", "with_shared_work", "with_stalls", "with_timeouts", "with_drain"]
)
def test_the_promises_also_hold_with(more: str) -> None:
    do = real_functions()
    setattr(do, more, True)
    check_graph(explore(first_state(), check, do))


def forgets_the_pause_at_a_crash(do: SimpleNamespace) -> None:
    def crashed(run: RunRecord, *args: Any, **kwargs: Any) -> RunRecord:
        return crashes.crashed(replace(run, intent=replace(run.intent, want=Want.RUN)), *args, **kwargs)

    do.crashed = crashed


def starts_over_at_a_crash(do: SimpleNamespace) -> None:
    def crashed(run: RunRecord, *args: Any, **kwargs: Any) -> RunRecord:
        after = crashes.crashed(run, *args, **kwargs)
        return replace(after, stages={name: StageState() for name in after.stages})

    do.crashed = crashed


def keeps_the_owner_of_a_dead_attempt(do: SimpleNamespace) -> None:
    def crashed(run: RunRecord, *args: Any, **kwargs: Any) -> RunRecord:
        after = crashes.crashed(run, *args, **kwargs)
        return replace(after, attempts=run.attempts, stages=run.stages) if after.phase == Phase.QUEUED else after

    do.crashed = crashed


def does_not_count_crashes_while_pausing(do: SimpleNamespace) -> None:
    def crashed(run: RunRecord, *args: Any, **kwargs: Any) -> RunRecord:
        after = crashes.crashed(run, *args, **kwargs)
        return replace(after, crashes=run.crashes) if run.intent.want == Want.PAUSE else after

    do.crashed = crashed


def makes_again_what_is_already_published(do: SimpleNamespace) -> None:
    do.worker_looks_first = False


def claims_what_is_to_be_paused(do: SimpleNamespace) -> None:
    do.may_claim = lambda run: run.intent.want in (Want.RUN, Want.PAUSE)
    do.open_attempt = lambda run, *args: replace(
        attempts.open_attempt(replace(run, intent=replace(run.intent, want=Want.RUN)), *args), intent=run.intent
    )
    do.settle_intent = lambda run, now: run if run.phase == Phase.RUNNING else moves.settle_intent(run, now)


def never_leaves_a_pause(do: SimpleNamespace) -> None:
    do.settle_intent = lambda run, now: (
        run if run.phase == Phase.PAUSED and run.intent.want == Want.RUN else moves.settle_intent(run, now)
    )


def leaves_a_finished_run_in_the_queue(do: SimpleNamespace) -> None:
    do.settle_intent = lambda run, now: run if moves.is_finished(run) else moves.settle_intent(run, now)


def lets_a_pause_undo_a_cancel(do: SimpleNamespace) -> None:
    request = do.request

    def weak(run: RunRecord, verb: str, *args: Any, **kwargs: Any) -> RunRecord:
        if verb == "pause" and run.phase not in TERMINAL and run.intent.want == Want.CANCEL:
            return replace(run, intent=replace(run.intent, want=Want.PAUSE))
        return request(run, verb, *args, **kwargs)

    do.request = weak


def gives_a_held_run_no_new_tries(do: SimpleNamespace) -> None:
    def settled(run: RunRecord, *args: Any) -> RunRecord:
        after = moves.settle_intent(run, *args)
        return replace(after, stages=run.stages) if after.phase == Phase.QUEUED else after

    do.settle_intent = settled
    # The guard of the claim is what would stop it; without a way on, the run is stuck in the queue.
    do.may_claim = lambda run: (
        run.intent.want == Want.RUN and run.stages[run.next_stage or ""].status == StageStatus.PENDING
    )


def counts_a_stall_as_a_try(do: SimpleNamespace) -> None:
    do.with_stalls = True

    def recover(run: RunRecord, *args: Any, **kwargs: Any) -> RunRecord:
        after = crashes.recover(run, *args, **kwargs)
        stages = {name: replace(stage, tries=stage.tries + stage.stalls) for name, stage in after.stages.items()}
        return replace(after, stages=stages)

    do.recover = recover


def recovers_for_ever(do: SimpleNamespace) -> None:
    do.with_stalls = True
    do.recover = lambda run, *args, **kwargs: crashes.recover(run, *args, **{**kwargs, "max_recoveries": 9})


def forgets_to_hold_between_two_stages(do: SimpleNamespace) -> None:
    do.with_batch_pause = True
    do.hold = lambda run, *args: run


FAULTS: dict[Callable[[SimpleNamespace], None], str] = {
    forgets_the_pause_at_a_crash: "what the operator wanted was lost",
    starts_over_at_a_crash: "a commit was lost",
    keeps_the_owner_of_a_dead_attempt: "an open attempt without a worker",
    does_not_count_crashes_while_pausing: "a crash was not counted",
    makes_again_what_is_already_published: "an artifact was made twice",
    claims_what_is_to_be_paused: "claimed although it is not wanted",
    never_leaves_a_pause: "it never becomes",
    leaves_a_finished_run_in_the_queue: "a dead end",
    lets_a_pause_undo_a_cancel: "an acknowledged cancel was undone",
    gives_a_held_run_no_new_tries: "a dead end",
    counts_a_stall_as_a_try: "a stall used a try",
    recovers_for_ever: "recovered for ever",
    forgets_to_hold_between_two_stages: "a paused batch with a running run",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_service_is_caught_that(fault: Callable[[SimpleNamespace], None]) -> None:
    do = real_functions()
    fault(do)
    with pytest.raises(AssertionError, match=FAULTS[fault]):
        check_graph(explore(first_state("hold" if "held" in fault.__name__ else "fail"), check, do))
