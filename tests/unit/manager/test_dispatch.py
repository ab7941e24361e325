"""What a turn of the service makes of events, time and commands, on real files, with attempts ended by the test."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.errors import Damaged, ErrorClass
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, FailureKind
from core.engines.engine import Finished, Signal
from core.runner.outcome import Committed, Ended, Failed, InputDamaged, Shared
from core.store.locks import Lock
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def failing(error_class: ErrorClass, **how: float) -> Failed:
    return Failed(error_class=error_class, message="It did not work.", hint="Wait.", **how)  # type: ignore[arg-type]


def test_the_stages_of_a_run_follow_each_other_and_its_batch_settles(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    assert house.engine.begun == [(run, "download"), (run, "transcribe")]
    assert house.phases(run) == ["completed"]
    batch = house.batch(run)
    assert (batch.phase, batch.outcome) == ("completed", "success")


def test_runs_overlap_in_different_lanes_and_line_up_in_one(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    assert set(house.engine.running) == {first, second}, "the network lane has two places"
    house.end(first)
    house.end(second)
    assert house.engine.begun[2:] == [(first, "transcribe"), (third, "download")], "the one cpu place is taken"
    house.end(first)
    assert house.engine.begun[4:] == [(second, "transcribe")]


def test_a_batch_works_on_no_more_runs_than_its_concurrency(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    assert list(house.engine.running) == [first]
    house.finish(first)
    assert list(house.engine.running) == [second]


def test_settings_are_frozen_into_the_run_when_it_is_claimed(house: House) -> None:
    (run,) = house.add(settings=Settings(model="tiny.en"))
    assert house.run(run).settings is None
    house.turn()
    settings = house.run(run).settings
    assert settings is not None
    assert settings.model == "tiny.en"


def test_a_queued_run_is_paused_at_once_and_goes_on_before_others(house: House) -> None:
    first, second, third = house.add(3, concurrency=1)
    house.turn()
    house.ask(third, "pause", why="later")
    assert house.phases(second, third) == ["queued", "paused"]
    house.ask(third, "resume")
    house.finish(first)
    assert list(house.engine.running) == [third], "what was resumed goes to the front"


def test_a_pause_stands_the_processes_still_and_a_resume_lets_the_same_attempt_go_on(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.turn(2)
    assert house.engine.signals == [(run, Signal.FREEZE)], "once"
    assert house.phases(run) == ["running"], "paused is said when every process is still"
    house.engine.stand_still(run)
    house.turn()
    assert house.phases(run) == ["paused"]
    attempt = house.run(run).open_attempt
    assert attempt is not None
    house.ask(run, "resume")
    assert house.engine.signals[1:] == [(run, Signal.THAW)]
    assert house.run(run).open_attempt == attempt
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert len(house.engine.begun) == 2, "no work was begun again"


def test_a_long_pause_frees_the_memory_and_the_run_stays_paused(tmp_path: Path) -> None:
    house = House(tmp_path, pause_free_s=20.0)
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    assert house.turn() == pytest.approx(20.0)
    house.clock.advance(19.0)
    assert house.turn() == pytest.approx(1.0)
    assert house.engine.signals == [(run, Signal.FREEZE)]
    house.clock.advance(1.0)
    house.turn()
    assert house.engine.signals[1:] == [(run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert after.phase == "paused"
    assert after.open_attempt is None
    assert after.attempts[-1].outcome == AttemptOutcome.PAUSED
    assert after.crashes == []
    house.ask(run, "resume")
    assert house.engine.begun[-1] == (run, "transcribe")


def test_a_pause_ends_a_transfer_which_would_time_out_on_the_other_side(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "pause")
    assert house.engine.signals == [(run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert (after.phase, after.attempts[-1].outcome, after.resumed_count) == ("paused", AttemptOutcome.PAUSED, 0)


def test_work_that_ends_while_it_is_being_paused_is_kept(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.end(run)
    assert house.phases(run) == ["completed"], "a landed commit is a fact"


@pytest.mark.parametrize(("verb", "phase"), [("stop", "failed"), ("cancel", "cancelled")])
def test_a_run_is_ended_only_when_its_processes_are_gone(house: House, verb: str, phase: str) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, verb, why="enough")
    assert house.engine.signals == [(run, Signal.KILL)]
    assert house.phases(run) == ["running"]
    house.engine.die(run)
    house.turn()
    assert house.phases(run) == [phase]
    house.ask(run, "retry")
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert house.run(run).retry_count == 1


def test_a_stopped_run_says_by_whom(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "stop")
    house.engine.die(run)
    house.turn()
    failure = house.run(run).failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.STOPPED, f"Stopped by {ANA}.")


def test_cancelling_a_batch_cancels_its_runs_and_keeps_what_is_finished(house: House) -> None:
    done, working, waiting = house.add(3, concurrency=1)
    house.turn()
    house.finish(done)
    house.commands.batch(house.run(done).batch_id, "cancel", by=ANA)
    house.turn()
    assert house.phases(done, working, waiting) == ["completed", "running", "cancelled"]
    house.engine.die(working)
    house.turn()
    assert house.phases(working) == ["cancelled"]
    assert house.batch(done).phase == "cancelled"
    assert house.engine.running == {}


def test_a_skipped_run_counts_as_done(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.ask(second, "skip")
    house.finish(first)
    assert house.phases(second) == ["skipped"]
    assert house.batch(first).outcome == "success"
    house.ask(second, "unskip")
    house.turn()
    house.finish(second)
    assert house.phases(second) == ["completed"]


@pytest.mark.parametrize("what", ["pool", "batch"])
def test_a_pause_of_all_holds_running_and_queued_and_lets_both_go_on(house: House, what: str) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.end(first)
    batch_id = house.run(first).batch_id

    def command(verb: str) -> None:
        if what == "pool":
            house.commands.pool(verb, by=ANA, why="tea")
        else:
            house.commands.batch(batch_id, verb, by=ANA, why="tea")
        house.turn()

    command("pause")
    house.engine.stand_still(first)
    house.turn()
    assert house.phases(first, second) == ["paused", "queued"]
    assert house.run(first).transitions[-1].why == "tea"
    (later,) = house.add()
    house.turn()
    assert (later in house.engine.running) == (what == "batch"), "another batch is not held by the pause of one"
    command("resume")
    house.finish(first)
    house.turn()
    assert house.phases(first) == ["completed"]
    assert second in house.engine.running


def test_a_worker_that_dies_is_replaced_and_the_third_death_at_one_place_ends_the_run(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.engine.die(run)
    house.turn()
    assert run in house.engine.running, "the first time at once"
    assert house.run(run).resumed
    house.engine.die(run)
    wait_s = house.turn()
    assert run not in house.engine.running
    assert 0 < wait_s <= 2.0
    house.clock.advance(2.0)
    house.turn(2)
    house.engine.die(run)
    house.turn()
    failure = house.run(run).failure
    assert failure is not None
    assert failure.kind == FailureKind.POISON


def test_a_worker_that_dies_after_new_units_is_never_held_against_the_run(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.new_units = 1
    for _ in range(10):
        house.engine.die(run)
        house.turn()
        assert run in house.engine.running
    assert house.run(run).resumed_count == 10


def test_a_failed_try_is_repeated_after_two_four_and_eight_seconds_and_then_no_more(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for wait_s in (2.0, 4.0, 8.0):
        house.end(run, failing(ErrorClass.SERVER))
        after = house.run(run)
        assert after.phase == "retry_wait"
        assert after.next_at == house.clock.now() + timedelta(seconds=wait_s)
        assert house.turn() == pytest.approx(wait_s)
        house.clock.advance(wait_s - 0.01)
        house.turn()
        assert run not in house.engine.running, "never earlier"
        house.clock.advance(0.01)
        house.turn()
        assert run in house.engine.running
    house.end(run, failing(ErrorClass.SERVER))
    failure = house.run(run).failure
    assert failure is not None
    assert failure.kind == FailureKind.EXHAUSTED
    assert failure.hint == f"Wait. It was tried 4 times; ./reprise retry {run} tries again."
    assert house.batch(run).phase == "failed"


def test_what_will_not_get_better_is_not_tried_again(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, failing(ErrorClass.REMOVED))
    assert house.phases(run) == ["failed"]
    assert len(house.engine.begun) == 1


def test_a_site_that_asks_to_slow_down_is_waited_for_and_no_try_is_used(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for _ in range(5):
        house.end(run, failing(ErrorClass.RATE_LIMITED, retry_after_s=40.0))
        assert house.turn() == pytest.approx(30.0, abs=10.0)
        house.clock.advance(40.0)
        house.turn()
        assert run in house.engine.running
    assert house.run(run).stages["download"].tries == 0


def test_a_run_that_used_its_tries_is_held_when_the_batch_wants_that(house: House) -> None:
    (run,) = house.add(settings=Settings(on_exhausted="hold", max_retries=0))
    house.turn()
    house.end(run, failing(ErrorClass.SERVER))
    assert house.phases(run) == ["paused"]
    assert house.batch(run).phase == "running"
    house.ask(run, "resume")
    house.turn()
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_a_run_waits_for_another_that_does_the_same_and_takes_its_place_when_that_dies(house: House) -> None:
    one, other = house.add(2)
    lock = Lock(house.layout.key_lock("download", "abc"))
    assert lock.acquire()
    house.turn()
    house.end(other, Shared(key="abc"))
    house.turn()
    waiting = house.run(other)
    assert (waiting.phase, waiting.waits_for) == ("running", "download/abc")
    assert other not in house.engine.running, "nobody asks again and again"
    lock.release()
    house.engine.die(one)
    house.turn()
    assert other in house.engine.running
    assert house.run(other).stages["download"].tries == 0


def test_damaged_input_is_made_again_before_the_stage_goes_on(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.end(run, InputDamaged(stage="download"))
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe", "download"]
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_nothing_is_begun_while_the_disk_is_low(house: House) -> None:
    (run,) = house.add()
    house.disk_is_low = True
    house.turn()
    assert house.engine.running == {}
    house.disk_is_low = False
    house.turn()
    assert run in house.engine.running


def test_a_service_that_stops_begins_nothing_and_leaves_its_runs_queued_in_order(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    house.dispatcher.draining = True
    house.end(first, Ended())
    house.dispatcher.close()
    assert house.phases(first, second, third) == ["queued", "queued", "queued"]
    assert [house.run(run).attempts[-1].outcome for run in (first, second)] == [AttemptOutcome.SHUTDOWN] * 2
    assert [house.run(run).resumed_count for run in (first, second)] == [0, 0]
    house.restart()
    house.turn()
    assert list(house.engine.running) == [first, second]


def test_news_of_an_attempt_that_is_not_open_any_more_changes_nothing(house: House) -> None:
    (run,) = house.add()
    house.turn()
    attempt_id = house.engine.running[run].attempt_id
    house.engine.die(run)
    house.turn()
    before = house.run(run)
    house.engine._events.append(Finished(attempt_id=attempt_id, outcome=Committed(key="late")))
    house.turn()
    assert house.run(run) == before


def test_an_intent_that_changed_before_the_claim_wins(house: House) -> None:
    """The service has not heard of the command yet; the file has it."""
    (run,) = house.add()
    stale = house.index.runs[run]
    house.commands.run(run, "cancel", by=ANA)
    house.index.put_run(stale)
    house.turn()
    assert house.engine.running == {}
    house.turn()
    assert house.phases(run) == ["cancelled"]


def test_a_retry_from_a_stage_makes_that_and_what_rests_on_it_again(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    house.ask(run, "retry", from_stage="transcribe")
    house.turn()
    assert house.batch(run).phase == "running", "its batch is open again"
    house.finish(run)
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe", "transcribe"]
    assert house.run(run).stages["transcribe"].redo == 1
    assert house.batch(run).phase == "completed"


def test_a_batch_is_partly_good_when_one_of_its_runs_failed(house: House) -> None:
    good, bad = house.add(2)
    house.turn()
    house.end(bad, failing(ErrorClass.REMOVED))
    house.finish(good)
    assert (house.batch(good).phase, house.batch(good).outcome) == ("completed", "partial")


def test_a_run_whose_batch_was_never_written_is_left_alone(house: House) -> None:
    (run,) = house.add()
    house.layout.batch_state(house.run(run).batch_id).unlink()
    house.restart()
    house.turn()
    assert house.engine.running == {}


@pytest.mark.parametrize("when", ["waiting", "working"])
def test_a_run_whose_file_is_destroyed_under_the_service_holds_up_no_other(house: House, when: str) -> None:
    first, second = house.add(2)
    if when == "working":
        house.turn()
    path = house.layout.run_state(first)
    path.write_bytes(b"")
    Path(f"{path}.prev").unlink(missing_ok=True)
    if when == "working":
        house.engine.end(first, Committed(key="k"))
    with pytest.raises(Damaged):
        house.turn()
    house.turn()
    house.finish(second)
    assert house.phases(second) == ["completed"]
    assert "is damaged" in house.index.damaged[first]
    assert first not in house.index.runs
    assert house.engine.free() == house.engine.lanes(), "no place is lost"
