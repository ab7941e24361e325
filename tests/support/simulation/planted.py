"""Mistakes planted on purpose into the code under test: a simulation that does not find them proves nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from core.domain import attempts, commands, crashes, diagnosis, lines, moves, schedule
from core.domain.batch import PoolRecord
from core.domain.run import Intent, RunRecord
from core.domain.states import AttemptOutcome, Phase, StageStatus, Want
from core.manager import claims, dispatch, recovery, resting, run_commands
from tests.support.simulation import world
from tests.support.simulation.disk import PathLock
from tests.support.simulation.engine import SimEngine
from tests.support.simulation.processes import SimService
from tests.support.simulation.store import MemoryRecords
from tests.support.simulation.workers import SimWorker

Patches = list[tuple[Any, str, Any]]


_crashed, _schedule, _settle_intent = crashes.crashed, schedule.schedule, moves.settle_intent
_invalidate_input, _request = crashes.invalidate_input, commands.request


def _crash_forgets_what_was_asked(run: RunRecord, *given: Any, **more: Any) -> RunRecord:
    return replace(_crashed(run, *given, **more), intent=Intent())


def _crash_forgets_what_was_done(run: RunRecord, *given: Any, **more: Any) -> RunRecord:
    after = _crashed(run, *given, **more)
    stages = {
        name: replace(stage, status=StageStatus.PENDING) if stage.status == StageStatus.COMMITTED else stage
        for name, stage in after.stages.items()
    }
    return replace(after, stages=stages)


def _only_workers_die(run: RunRecord, *given: Any, **more: Any) -> RunRecord:
    return _crashed(run, *given, **more | {"service_died": False})


def _damage_uses_a_try(run: RunRecord, stage: str, now: Any) -> RunRecord:
    state = run.stages[stage]
    tried = replace(state, tries=state.tries + 1, damages=state.damages - 1)
    return _invalidate_input(replace(run, stages={**run.stages, stage: tried}), stage, now)


def _recovery_takes_back_a_pause(run: RunRecord, verb: str, *given: Any, **more: Any) -> RunRecord:
    after = _request(run, verb, *given, **more)
    asked = verb == "recover" and after.intent != run.intent
    return replace(after, intent=Intent(by=more["by"], recover=after.intent.recover)) if asked else after


def _claims_under_a_pause(situation: schedule.Situation, lines: Any = None) -> list[schedule.Claim]:
    return _schedule(replace(situation, pool=PoolRecord()), lines)


def _retries_by_itself(run: RunRecord, now: Any) -> RunRecord:
    if run.phase == Phase.FAILED and run.intent.want == Want.RUN:
        return moves.move(run, "retry", Phase.QUEUED, now)
    return _settle_intent(run, now)


def _jumps_the_table(run: RunRecord, now: Any) -> RunRecord:
    return replace(run, phase=Phase.QUEUED, next_at=None, wait_s=None)


class _LosesNews:
    """An engine of which every fifth report is not heard."""

    def __init__(self) -> None:
        self._count, self._real = 0, SimEngine.finished

    def __call__(self, engine: SimEngine, worker: SimWorker, outcome: Any) -> None:
        self._count += 1
        self._real(engine, worker, outcome)
        if self._count % 5 == 0:
            engine._events.pop()


class _ForgetsCommands:
    """A disk that forgets every seventh command it acknowledged."""

    def __init__(self) -> None:
        self._count, self._real = 0, MemoryRecords.update

    def __call__(self, records: MemoryRecords[Any], record_id: str, change: Any, epoch: int | None = None) -> Any:
        before = records._files.get(record_id)
        stored = self._real(records, record_id, change, epoch)
        if epoch is None and before is not None and records._kind == "run":
            self._count += 1
            if self._count % 7 == 0:
                records._files[record_id] = before
                records._on_write("run", record_id, stored.value, records._read(record_id).value, 0)
        return stored


PLANTS: dict[str, Callable[[], Patches]] = {
    "an older service may write": lambda: [(MemoryRecords, "_fence", lambda *_: None)],
    "a crash forgets what was asked": lambda: [(recovery, "crashed", _crash_forgets_what_was_asked)],
    "a crash forgets what was done": lambda: [(recovery, "crashed", _crash_forgets_what_was_done)],
    "a death uses up a try": lambda: [(attempts, "close_attempt", _death_uses_a_try_of(attempts.close_attempt))],
    "damage uses up a try": lambda: [(crashes, "invalidate_input", _damage_uses_a_try)],
    "a recovery takes back a pause": lambda: [(run_commands, "request", _recovery_takes_back_a_pause)],
    "deaths of the service count as the worker's": lambda: [(recovery, "crashed", _only_workers_die)],
    "a pause of everything does not hold": lambda: [
        (claims, "schedule", _claims_under_a_pause),
        (world, "schedule", _claims_under_a_pause),
    ],
    "what is alive is taken over": lambda: [(PathLock, "acquire", lambda *_: True)],
    "a failed run is retried by itself": lambda: [
        (dispatch, "may_move", lambda run: True),
        (resting, "settle_intent", _retries_by_itself),
    ],
    "a wait ends beside the table": lambda: [(resting, "wait_over", _jumps_the_table)],
    "the queue is turned round": lambda: [(lines, "waiting", _turned_round(lines.waiting))],
    "concurrency is not counted": lambda: [(lines.Lines, "is_full", lambda *_: False)],
    "reports are lost": lambda: [(SimEngine, "finished", _method(_LosesNews()))],
    "commands are forgotten": lambda: [(MemoryRecords, "update", _method(_ForgetsCommands()))],
    "lines are not kept up to date": lambda: [
        (lines.Lines, "drop_batch", lambda *_: None),
        (lines.Lines, "_take_out", _half_taken_out(lines.Lines._take_out)),
    ],
    "everybody tries at once": lambda: [(schedule.Rules, "take", _without_trials(schedule.Rules.take))],
    "no limit for a user": lambda: [(schedule.Rules, "running_of", lambda *_: 0)],
    "no reason for a pause": lambda: [(diagnosis.Reasons, "_held_with_others", lambda *_: None)],
    "results are made again": lambda: [(SimWorker, "looks_first", False)],
    "a new service forgets the pause": lambda: [(SimService, "begins_with", {"pause": None})],
}


def _death_uses_a_try_of(real: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def planted(run: RunRecord, outcome: AttemptOutcome, *given: Any, **more: Any) -> dict[str, Any]:
        changes = real(run, outcome, *given, **more)
        attempt = run.open_attempt
        if attempt is not None and outcome == AttemptOutcome.INTERRUPTED:
            stage = changes["stages"][attempt.stage]
            changes["stages"] = {**changes["stages"], attempt.stage: replace(stage, tries=stage.tries + 1)}
        return changes

    return planted


def _turned_round(real: Callable[..., Any]) -> Callable[..., Any]:
    def planted(*given: Any) -> Any:
        one = real(*given)
        front, created, batch, place, run = one.place if one is not None else (0, None, "", 0, "")
        return None if one is None else replace(one, place=(front, created, batch, -place, run))

    return planted


def _half_taken_out(real: Callable[..., Any]) -> Callable[..., Any]:
    def planted(books: Any, known: Any) -> None:
        real(books, known)
        if known.running and len(known.run.attempts) > 1:
            books.running_of_batch[known.run.batch_id] += 1

    return planted


def _without_trials(real: Callable[..., Any]) -> Callable[..., Any]:
    def planted(rules: Any, one: Any) -> Any:
        claim = real(rules, one)
        rules._trials.clear()
        return claim

    return planted


def _method(act: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, **more: act(*given, **more)  # noqa: PLW0108 - only a function becomes a method


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The mistake `name` in the code under test, for a block."""
    patches = [patch.object(owner, attribute, value) for owner, attribute, value in PLANTS[name]()]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()
