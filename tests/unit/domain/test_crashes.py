from datetime import timedelta

from msgspec.structs import replace

from core.domain import attempts, crashes, moves
from core.domain.run import Intent, RunRecord, StageState
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus, Want
from tests.support.records import NOW, a_run


def working(want: Want = Want.RUN, phase: Phase = Phase.RUNNING) -> RunRecord:
    return a_run(phase, want, done=("download",), working="transcribe")


def crash(run: RunRecord, at: int = 0, *, new_units: int = 0, service_died: bool = False) -> RunRecord:
    now = NOW + timedelta(hours=at)
    run = crashes.crashed(run, now, new_units=new_units, service_died=service_died)
    if run.phase != Phase.QUEUED:
        return run
    return attempts.open_attempt(run, "transcribe", f"a_{at + 2}", 1, now)


def test_the_third_crash_without_a_new_unit_is_poison() -> None:
    run = crash(crash(crash(working()), 1), 2)
    assert run.phase == Phase.FAILED
    assert run.failure is not None
    assert run.failure.kind == FailureKind.POISON


def test_a_new_unit_or_three_days_make_crashes_forgotten() -> None:
    assert crash(crash(crash(working()), 1), 2, new_units=1).crashes == []
    assert crash(crash(crash(working()), 1), 80).phase == Phase.RUNNING


def test_deaths_of_the_service_and_of_a_worker_alone_do_not_add_up() -> None:
    run = crash(crash(working(), service_died=True), 1, service_died=True)
    run = crash(run, 2)
    assert (run.phase, len(run.crashes), len(run.service_crashes)) == (Phase.RUNNING, 1, 2)
    run = crash(crash(run, 3), 4, service_died=True)
    assert (run.phase, len(run.crashes), len(run.service_crashes)) == (Phase.RUNNING, 2, 3)
    failed = crash(run, 5)
    assert failed.failure is not None
    assert failed.failure.message == "The worker died 3 times at the same place of transcribe."


def test_a_new_unit_makes_the_deaths_of_the_service_forgotten_too() -> None:
    run = crash(crash(working(), service_died=True), 1, new_units=1, service_died=True)
    assert (run.crashes, run.service_crashes) == ([], [])


def test_dying_with_the_service_speaks_less_against_a_run_but_not_for_ever() -> None:
    run = working()
    for number in range(crashes.MAX_SERVICE_CRASHES - 1):
        run = crash(run, number, service_died=True)
        assert run.phase == Phase.RUNNING
    failed = crash(run, 9, service_died=True)
    assert failed.failure is not None
    assert failed.failure.message == "The service died 6 times at the same place of transcribe."


def test_the_first_crash_is_retried_at_once_and_the_second_after_two_seconds() -> None:
    first = crashes.crashed(working(), NOW, new_units=0)
    assert (first.phase, first.next_at, first.resumed, first.resumed_count) == (Phase.QUEUED, None, True, 1)
    again = attempts.open_attempt(first, "transcribe", "a_2", 1, NOW)
    second = crashes.crashed(again, NOW, new_units=0)
    assert second.next_at == NOW + timedelta(seconds=2)


def test_a_crash_uses_no_try() -> None:
    assert crashes.crashed(working(), NOW, new_units=0).stages["transcribe"].tries == 0


def test_a_pause_survives_a_crash_and_the_crash_is_counted() -> None:
    run = crashes.crashed(working(Want.PAUSE), NOW, new_units=0)
    assert (run.phase, run.intent.want, run.crashes) == (Phase.PAUSED, Want.PAUSE, [NOW])


def test_dying_while_standing_still_is_not_held_against_a_run() -> None:
    run = crashes.crashed(working(Want.PAUSE, Phase.PAUSED), NOW, new_units=0)
    assert (run.phase, run.open_attempt, run.crashes) == (Phase.PAUSED, None, [])


def stalled_before(times: int) -> RunRecord:
    stage = StageState(status=StageStatus.RUNNING, stalls=times)
    return replace(working(), stages={**working().stages, "transcribe": stage})


def test_a_stalled_run_is_queued_again_at_the_front_and_uses_no_try() -> None:
    run = crashes.recover(working(), NOW, max_recoveries=3)
    assert (run.phase, run.front, run.stages["transcribe"].stalls) == (Phase.QUEUED, 1, 1)
    assert (run.stages["transcribe"].tries, run.crashes) == (0, [])
    assert run.attempts[-1].outcome == AttemptOutcome.STALLED


def test_a_run_that_stalls_once_more_than_it_may_be_recovered_is_failed() -> None:
    assert crashes.recover(stalled_before(2), NOW, max_recoveries=3).phase == Phase.QUEUED
    failed = crashes.recover(stalled_before(3), NOW, max_recoveries=3)
    assert failed.failure is not None
    assert (failed.phase, failed.failure.kind) == (Phase.FAILED, FailureKind.STALLED)
    assert "4 times" in failed.failure.message
    assert failed.attempts[-1].outcome == AttemptOutcome.STALLED


def test_what_was_cancelled_while_it_stalled_is_cancelled_and_no_stall_is_counted() -> None:
    run = crashes.recover(replace(working(Want.CANCEL)), NOW)
    assert (run.phase, run.stages["transcribe"].stalls) == (Phase.CANCELLED, 0)


def test_the_reason_of_a_poisoned_run_names_stage_and_place() -> None:
    run = replace(working(), crashes=[NOW, NOW])
    failed = crashes.crashed(run, NOW, new_units=0, place=" (at 41 %)")
    assert failed.failure is not None
    assert failed.failure.message == "The worker died 3 times at the same place of transcribe (at 41 %)."
    assert f"./reprise log {run.run_id}" in failed.failure.hint
    assert f"./reprise retry {run.run_id}" in failed.failure.hint


def test_crashes_under_a_pause_add_up_to_poison_too() -> None:
    run = replace(working(Want.PAUSE), crashes=[NOW, NOW])
    failed = crashes.crashed(run, NOW, new_units=0)
    assert failed.failure is not None
    assert failed.failure.kind == FailureKind.POISON


def test_an_input_found_damaged_is_made_again_but_not_for_ever() -> None:
    run = working()
    for number in range(crashes.MAX_DAMAGES):
        assert run.phase == Phase.RUNNING
        run = crashes.invalidate_input(run, "download", NOW)
        if run.phase == Phase.RUNNING:
            assert run.next_stage == "download"
            run = attempts.open_attempt(run, "download", f"d_{number}", 1, NOW)
            run = attempts.commit_stage(run, "key-download", NOW)
            run = attempts.open_attempt(run, "transcribe", f"t_{number}", 1, NOW)
    assert run.phase == Phase.FAILED
    assert run.failure is not None
    assert "damaged 3 times" in run.failure.message


def test_errors_and_damage_each_have_a_budget_of_their_own() -> None:
    erred = replace(working().stages["download"], tries=2)
    run = crashes.invalidate_input(replace(working(), stages={**working().stages, "download": erred}), "download", NOW)
    assert (run.phase, run.stages["download"].tries, run.stages["download"].damages) == (Phase.RUNNING, 2, 1)


def test_a_run_that_failed_of_damage_may_find_as_much_again_once_it_is_taken_in_again() -> None:
    spoilt = replace(working().stages["download"], damages=crashes.MAX_DAMAGES - 1)
    run = crashes.invalidate_input(replace(working(), stages={**working().stages, "download": spoilt}), "download", NOW)
    assert run.phase == Phase.FAILED
    skipped = moves.settle_intent(replace(run, intent=Intent(want=Want.SKIP, at=NOW)), NOW)
    again = moves.settle_intent(replace(skipped, intent=Intent(at=NOW)), NOW)
    assert (again.phase, again.failure, again.stages["download"].damages) == (Phase.QUEUED, None, 0)


def test_a_run_that_died_with_the_service_goes_on_at_once_however_often() -> None:
    run = replace(working(), crashes=[NOW, NOW])
    after = crashes.crashed(run, NOW, new_units=0, service_died=True)
    assert (after.phase, after.next_at) == (Phase.QUEUED, None)
