"""The tables and the functions say the same: no function leaves the table, and every row has a function that takes it."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from core.domain import attempts, batch, batch_commands, crashes, moves, timeouts
from core.domain.batch import BatchRecord, Pause
from core.domain.errors import Refused
from core.domain.run import Attempt, Failure, RunRecord
from core.domain.settings import Settings
from core.domain.states import (
    BATCH_TABLE,
    RUN_TABLE,
    TERMINAL,
    AttemptOutcome,
    BatchPhase,
    FailureKind,
    Phase,
    Row,
    StageStatus,
    Want,
)
from core.domain.streak import auto_pause
from tests.support.records import NOW, USUAL, a_batch, a_run

Step = tuple[str, str, str]
ERROR = Failure(kind=FailureKind.ERROR, message="It broke.")


def steps_of(table: tuple[Row, ...]) -> set[Step]:
    return {(row.event, source, target) for row in table for source in row.sources for target in row.targets}


def every_run() -> Iterator[RunRecord]:
    """A run in every phase, with every intent, with and without an open attempt, fresh, begun, failed and finished."""
    for phase, want, again, hold in itertools.product(Phase, Want, (False, True), ("fail", "hold")):
        if again and (want != Want.RUN or phase not in TERMINAL):
            continue
        settings = Settings(on_exhausted=hold)  # type: ignore[arg-type]
        for done in (0, 2, 3, 4):
            run = a_run(phase, want, done=USUAL[:done], settings=settings, crashes=[NOW, NOW])
            yield replace(run, intent=replace(run.intent, again=again), crashes=[])
            if done < 4 and phase in (Phase.RUNNING, Phase.PAUSED):
                working = a_run(phase, want, done=USUAL[:done], working=USUAL[done], settings=settings)
                yield working
                yield replace(working, crashes=[NOW, NOW])


def ended(outcome: AttemptOutcome) -> Callable[[RunRecord], RunRecord]:
    return lambda run: attempts.end_attempt(run, outcome, NOW)


RUN_FUNCTIONS: dict[str, Callable[[RunRecord], RunRecord]] = {
    "open_attempt": lambda run: attempts.open_attempt(run, run.next_stage or "summary", "a_2", 1, NOW),
    "commit_stage": lambda run: attempts.commit_stage(run, "key", NOW),
    "fail_attempt later": lambda run: attempts.fail_attempt(run, ERROR, NOW, retry_wait_s=2.0),
    "fail_attempt": lambda run: attempts.fail_attempt(run, ERROR, NOW, retry_wait_s=None),
    "frozen": lambda run: attempts.frozen(run, NOW, by="ann", why=""),
    "thawed": lambda run: attempts.thawed(run, NOW, by="ann"),
    "crashed": lambda run: crashes.crashed(run, NOW, new_units=0),
    "recover": lambda run: crashes.recover(run, NOW),
    "recover once more": lambda run: crashes.recover(run, NOW, max_recoveries=0),
    "timed_out": lambda run: timeouts.timed_out(run, ERROR, NOW),
    "hold": lambda run: moves.hold(run, Pause(), NOW),
    **{f"end_attempt {outcome}": ended(outcome) for outcome in AttemptOutcome},
    "settle_intent": lambda run: moves.settle_intent(run, NOW),
    "wait_over": lambda run: moves.wait_over(run, NOW),
    "retry": lambda run: moves.another_round(run, run.stages, run.settings, NOW),
    "rerun": lambda run: moves.another_round(
        replace(run, intent=replace(run.intent, from_stage="quotes")), run.stages, run.settings, NOW
    ),
    "invalidate": lambda run: moves.invalidate(run, run.stages, NOW, why="damaged"),
    "uploaded": lambda run: moves.uploaded(run, NOW),
    "upload_failed": lambda run: moves.upload_failed(run, ERROR, NOW),
}


def test_the_functions_take_every_row_of_the_run_table_and_no_other() -> None:
    taken: set[Step] = set()
    for run in every_run():
        for function in RUN_FUNCTIONS.values():
            try:
                after = function(run)
            except Refused:
                continue
            steps = [(line.event, line.source, line.target) for line in after.transitions]
            if not steps:
                assert after.phase == run.phase
            else:
                assert (steps[0][1], steps[-1][2]) == (run.phase, after.phase)
            taken.update(steps)
    assert taken == steps_of(RUN_TABLE)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", sorted({row.event for row in RUN_TABLE}))
def test_a_move_is_possible_exactly_where_the_table_has_it(event: str, phase: Phase) -> None:
    possible = {target for name, source, target in steps_of(RUN_TABLE) if (name, source) == (event, phase)}
    for target in Phase:
        if target in possible:
            after = moves.move(a_run(phase), event, target, NOW, by="ann", why="so")
            assert after.phase == target
            assert (after.transitions[-1].source, after.transitions[-1].target) == (phase, target)
        else:
            with pytest.raises(Refused, match=phase):
                moves.move(a_run(phase), event, target, NOW)


@pytest.mark.parametrize("phase", BatchPhase)
@pytest.mark.parametrize("event", sorted({row.event for row in BATCH_TABLE}))
def test_a_batch_moves_exactly_where_the_table_has_it(event: str, phase: BatchPhase) -> None:
    possible = {target for name, source, target in steps_of(BATCH_TABLE) if (name, source) == (event, phase)}
    for target in BatchPhase:
        if target in possible:
            assert batch.move_batch(a_batch(phase), event, target, NOW).phase == target
        else:
            with pytest.raises(Refused, match=phase):
                batch.move_batch(a_batch(phase), event, target, NOW)


def test_the_functions_take_every_row_of_the_batch_table_and_no_other() -> None:
    functions: tuple[Callable[[BatchRecord], BatchRecord], ...] = (
        lambda one: batch_commands.start_batch(one, NOW, by="ann"),
        lambda one: batch_commands.pause_batch(one, NOW, by="ann"),
        lambda one: batch_commands.cancel_batch(one, NOW, by="ann"),
        lambda one: batch_commands.delete_batch(one, [], NOW, by="ann"),
        lambda one: batch_commands.restore_batch(one, NOW, by="ann"),
        *(
            lambda one, was=was: batch_commands.restore_batch(replace(one, deleted_from=was), NOW, by="ann")
            for was in BatchPhase
        ),
        lambda one: batch.settle_batch(one, [Phase.COMPLETED, Phase.FAILED], NOW),
        lambda one: batch.settle_batch(one, [Phase.FAILED], NOW),
        lambda one: auto_pause(one, [a_run(Phase.FAILED, failure=ERROR)], 1, NOW),
        lambda one: batch.settle_batch(one, [Phase.COMPLETED, Phase.QUEUED], NOW),
    )
    taken: set[Step] = set()
    for phase, function in itertools.product(BatchPhase, functions):
        try:
            after = function(a_batch(phase))
        except Refused:
            continue
        taken.update((line.event, line.source, line.target) for line in after.transitions)
    assert taken == steps_of(BATCH_TABLE)


def test_a_terminal_phase_is_left_only_because_somebody_asked_or_a_file_is_damaged() -> None:
    leaving = {row.event for row in RUN_TABLE if TERMINAL.intersection(row.sources)}
    assert leaving == {"skip", "unskip", "retry", "rerun", "invalidate"}


def test_the_ledger_has_at_most_one_open_attempt_and_it_is_the_last() -> None:
    for run in every_run():
        for function in RUN_FUNCTIONS.values():
            try:
                after = function(run)
            except Refused:
                continue
            assert all(attempt.outcome is not None for attempt in after.attempts[:-1])
            running = [name for name, stage in after.stages.items() if stage.status == StageStatus.RUNNING]
            assert running == ([after.open_attempt.stage] if after.open_attempt else [])


def test_only_runs_that_will_go_on_remember_a_wait() -> None:
    for run in every_run():
        waiting = replace(run, next_at=NOW, wait_s=2.0)
        for name, function in RUN_FUNCTIONS.items():
            try:
                after = function(waiting)
            except Refused:
                continue
            if after.transitions and after.phase not in (Phase.QUEUED, Phase.RETRY_WAIT):
                assert after.next_at is None, name


def test_the_history_is_numbered_on_and_keeps_its_last_lines() -> None:
    run = a_run()
    for _ in range(6):
        run = moves.move(run, "pause", Phase.PAUSED, NOW)
        run = moves.move(run, "resume", Phase.QUEUED, NOW)
    assert [line.id for line in run.transitions] == [f"r_1.{number}" for number in range(5, 13)]


def test_an_attempt_is_a_line_of_its_own_in_the_ledger() -> None:
    run = attempts.open_attempt(a_run(), "download", "a_1", 3, NOW)
    assert run.open_attempt == Attempt(id="a_1", stage="download", epoch=3, started_at=NOW)
