"""`/api/runs`: each video by itself, with everything that the documents of others have no word for."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from core.api.caller import Operator, Reader
from core.api.requests import Expected, Key, Questions, answer, answer_again
from core.api.run_models import Again, Done, Events, Lines, Pausing, Place, Runs, RunWithStages, Said, Why
from core.bootstrap import Manager
from core.domain import idempotency
from core.domain.states import Phase
from core.domain.versions import Versions, version_of
from core.manager.history import TRANSITIONS

MAX_PAGE = 100
MAX_EVENTS = 1000
router = APIRouter(prefix="/api/runs", tags=["runs"])
# What each command does, in words; those with more to say have routes of their own below.
PLAIN = {
    "resume": ("Let a paused run go on", "Where it stood."),
    "stop": ("Stop a run", "It fails with “stopped” and keeps what it has; retry goes on from there."),
    "cancel": ("Cancel a run", "All work on it ends; what was published stays."),
    "skip": ("Skip a run", "It counts as done, and is left out of exports."),
    "unskip": ("Take a skipped run in again", "It is queued."),
    "recover": ("Recover a stalled run", "Its worker is ended and the stage goes on from its last unit."),
    "remove": ("Take a queued run out of its batch", "One that never began, and is not the only one."),
}


class Page(Questions):
    """Which runs, and how many of them."""

    phase: Phase | None = None
    batch_id: Annotated[str | None, Query(max_length=64)] = None
    owner: Annotated[str | None, Query(max_length=100)] = None
    attention: bool = False
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 20
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0


@router.get("", summary="List runs", response_model=Runs)
def listed(manager: Reader, page: Annotated[Page, Query()]) -> Response:
    """The newest batch first, in the order of each; with `attention` those that failed and that nobody stopped."""
    return answer_again(
        manager,
        ("runs", page.model_dump_json()),
        lambda: manager.views.runs(
            phase=page.phase,
            user=page.owner,
            batch_id=page.batch_id,
            attention=page.attention,
            offset=page.offset,
            limit=page.limit,
        ),
    )


@router.get("/{run_id}", summary="One run with its stages", response_model=RunWithStages)
def one(manager: Reader, run_id: str) -> Response:
    """Everything that is known of it. The ETag is another one when somebody changed the run, or it moved; progress leaves it."""
    version = version_of(manager.views.record(run_id))
    return answer_again(manager, ("run", run_id), lambda: manager.views.run(run_id), version=version)


@router.get("/{run_id}/why", summary="Why a run does not move", response_model=Why)
def why(manager: Reader, run_id: str) -> Response:
    """One reason, and until when where that is known."""
    return answer(manager.views.why(run_id))


@router.get("/{run_id}/log", summary="What its stages printed", response_model=Lines)
def log(manager: Reader, run_id: str, stage: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Of all attempts, oldest first."""
    return answer({"lines": manager.views.logs.lines(manager.views.record(run_id), stage)})


@router.get("/{run_id}/history", summary="What happened to a run", response_model=Events)
def history(
    manager: Reader,
    run_id: str,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 200,
    kind: Literal["transitions", "all"] = "transitions",
) -> Response:
    """Its transitions; with `kind=all` every event about it, commands too."""
    manager.views.record(run_id)
    kinds = TRANSITIONS if kind == "transitions" else ()
    return answer(manager.views.history.events(kinds=kinds, run_id=run_id, limit=limit))


@router.post("/{run_id}/pause", summary="Pause a run", response_model=Done)
def pause(
    manager: Operator, run_id: str, body: Pausing | None = None, key: Key = None, expected: Expected = None
) -> Response:
    """It stands still at once, or with `drain` after its stage."""
    said = body or Pausing()
    return _asked(manager, run_id, "pause", key, expected, why=said.reason, drain=said.drain)


@router.post("/{run_id}/retry", summary="Retry a run", response_model=Done)
def retry(
    manager: Operator, run_id: str, body: Again | None = None, key: Key = None, expected: Expected = None
) -> Response:
    """A failed or cancelled one goes on where it ended; any that has ended is made again from a stage, or with settings."""
    said = body or Again()
    how = {"why": said.reason, "from_stage": said.from_stage, "changes": said.settings or None}
    return _asked(manager, run_id, "retry", key, expected, **how)


@router.post("/{run_id}/priority", summary="Give a waiting run its own priority", response_model=Done)
def priority(manager: Operator, run_id: str, body: Place, expected: Expected = None) -> Response:
    """0 is last, 10 first; null is that of its batch."""
    manager.views.record(run_id)  # an id of a batch is not found here
    said = "batch" if body.priority is None else body.priority
    return answer(msgspec.to_builtins(manager.commands.priority(run_id, said, by=manager.actor, expected=expected)))


def _plain(verb: str) -> Callable[..., Response]:
    def command(
        manager: Operator, run_id: str, body: Said | None = None, key: Key = None, expected: Expected = None
    ) -> Response:
        return _asked(manager, run_id, verb, key, expected, why=body.reason if body is not None else "")

    return command


for _verb, (_summary, _more) in PLAIN.items():
    router.add_api_route(
        f"/{{run_id}}/{_verb}",
        _plain(_verb),
        methods=["POST"],
        name=_verb,
        summary=_summary,
        description=_more,
        response_model=Done,
    )


def _asked(manager: Manager, run_id: str, verb: str, key: str | None, expected: Versions, **how: Any) -> Response:
    """The command, done once under its key, and only for a run that is as `expected`."""
    stamp = idempotency.stamp(key, verb, how) if key is not None else None
    if stamp is not None:
        idempotency.is_repeated(stamp, manager.views.record(run_id).commands)  # refuses another request's key
    done = manager.commands.run(run_id, verb, by=manager.actor, key=stamp, expected=expected, **how)
    return answer(msgspec.to_builtins(done))
