"""Visits every state of `tests.support.run_model` that can be reached, and checks every step on the way."""

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
from msgspec.structs import replace

from core.domain.run import RunRecord
from core.domain.states import StageStatus
from tests.support.run_model import State, plain, real_functions, steps


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """One step: who took it (operator, service, worker, fault, recovery), and where it led."""

    actor: str
    name: str
    before: State
    after: State
    target: bytes


Checks = Callable[[Edge], None]


def explore(
    start: State, check: Checks, do: SimpleNamespace | None = None, limit: int = 200_000
) -> dict[bytes, list[Edge]]:
    """All edges from every reachable state, each checked; raises what `check` raises. The graph is returned."""
    do = do or real_functions()
    start = replace(start, run=plain(start.run))
    graph: dict[bytes, list[Edge]] = {}
    queue = deque([start])
    seen = {name_of(start)}
    while queue:
        state = queue.popleft()
        edges = []
        for actor, name, reached in steps(state, do):
            after = replace(reached, run=plain(reached.run))
            edge = Edge(actor=actor, name=name, before=state, after=after, target=name_of(after))
            check(edge)
            edges.append(edge)
            if edge.target not in seen:
                seen.add(edge.target)
                queue.append(after)
        graph[name_of(state)] = edges
        assert len(graph) < limit, "the model grew without bound"
    return graph


def name_of(state: State) -> bytes:
    """What tells two states apart."""
    return msgspec.json.encode(state)


def committed(run: RunRecord) -> dict[str, str | None]:
    """The committed stages of `run` and their keys."""
    return {name: stage.key for name, stage in run.stages.items() if stage.status == StageStatus.COMMITTED}
