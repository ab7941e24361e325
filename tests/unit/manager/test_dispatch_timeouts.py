"""Work that takes longer than it may is ended; only time really worked counts, and a retry goes on with all units."""

from pathlib import Path

import pytest

from core.config import Config
from core.domain.states import AttemptOutcome, FailureKind
from core.engines.engine import Signal
from tests.support.dispatching import ANA, House


def house_with(folder: Path, **limits: float) -> House:
    return House(
        folder, config=Config(**{"stage_timeout_s": 1e6, "run_timeout_s": 1e6, "batch_timeout_s": 1e6} | limits)
    )  # type: ignore[arg-type]


def kind(house: House, run: str) -> str:
    failure = house.run(run).failure
    assert failure is not None
    return str(failure.kind)


def test_how_long_an_attempt_really_worked_is_kept_without_the_time_it_stood_still(tmp_path: Path) -> None:
    house = house_with(tmp_path)
    (run,) = house.add()
    house.turn()
    house.clock.advance(7.0)
    house.end(run)
    house.clock.advance(10.0)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.turn()
    house.clock.advance(30.0)
    house.ask(run, "resume")
    house.clock.advance(5.0)
    house.end(run)
    assert [attempt.active_s for attempt in house.run(run).attempts] == [7.0, 15.0]


def test_a_stage_that_works_too_long_is_asked_to_end_and_fails_with_a_way_on(tmp_path: Path) -> None:
    house = house_with(tmp_path, stage_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.clock.advance(97.0)
    assert house.turn() == pytest.approx(3.0), "the service wakes for it"
    assert house.engine.signals == []
    house.clock.advance(3.0)
    house.turn()
    assert house.engine.signals == [(run, Signal.TERM)]
    house.new_units = 9
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert (after.phase, kind(house, run)) == ("failed", FailureKind.TIMEOUT)
    assert (after.attempts[-1].units_done, after.attempts[-1].outcome) == (9, AttemptOutcome.ERROR)
    assert after.failure is not None
    assert "./reprise retry" in after.failure.hint
    house.ask(run, "retry")
    house.turn()
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_what_does_not_end_for_a_time_out_is_killed_and_that_is_said(tmp_path: Path) -> None:
    house = house_with(tmp_path, stage_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.clock.advance(100.0)
    house.turn()
    house.clock.advance(10.0)
    house.turn()
    assert [signal for _, signal in house.engine.signals] == [Signal.TERM, Signal.KILL]
    house.engine.die(run)
    house.turn()
    assert "It had to be killed after 10 s." in house.run(run).transitions[-1].why


def test_the_clock_of_a_time_out_stands_still_under_a_pause(tmp_path: Path) -> None:
    house = house_with(tmp_path, stage_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.clock.advance(60.0)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.turn()
    for _ in range(5):
        house.clock.advance(10.0)
        house.turn()
    house.ask(run, "resume")
    house.clock.advance(39.0)
    house.turn()
    assert Signal.TERM not in [signal for _, signal in house.engine.signals]
    house.clock.advance(1.0)
    house.turn()
    assert house.engine.signals[-1] == (run, Signal.TERM)


def test_what_is_ended_for_a_pause_is_not_overdue_while_it_ends(tmp_path: Path) -> None:
    house = house_with(tmp_path, stage_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.clock.advance(99.0)
    house.ask(run, "pause")
    house.clock.advance(5.0)
    house.turn()
    house.engine.die(run)
    house.turn()
    assert (house.phases(run), house.run(run).attempts[-1].outcome) == (["paused"], AttemptOutcome.PAUSED)


def test_a_run_has_a_limit_over_all_its_stages(tmp_path: Path) -> None:
    house = house_with(tmp_path, run_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.clock.advance(60.0)
    house.end(run)
    house.clock.advance(40.0)
    house.turn()
    assert house.engine.signals == [(run, Signal.TERM)]
    house.engine.die(run)
    house.turn()
    assert kind(house, run) == FailureKind.TIMEOUT
    house.ask(run, "retry")
    house.turn()
    house.clock.advance(99.0)
    house.turn()
    assert len(house.engine.signals) == 1, "a new round has the whole time again"


def test_a_run_that_is_overdue_between_two_stages_begins_no_other(tmp_path: Path) -> None:
    house = house_with(tmp_path, run_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.clock.advance(101.0)
    house.end(run)
    assert (house.phases(run), kind(house, run)) == (["failed"], FailureKind.TIMEOUT)
    assert house.run(run).stages["download"].status == "committed"
    assert house.engine.running == {}


def test_a_batch_has_a_limit_on_the_time_in_which_anything_of_it_was_worked_on(tmp_path: Path) -> None:
    house = house_with(tmp_path, batch_timeout_s=100.0)
    first, second, third = house.add(3, concurrency=1)
    house.turn()
    for _ in range(2):
        house.clock.advance(45.0)
        house.turn()
    house.clock.advance(10.0)
    house.turn()
    assert house.engine.signals == [(first, Signal.TERM)]
    assert house.turn() > 0.0, "the service does not spin until it has ended"
    house.engine.die(first)
    house.turn(2)
    assert house.phases(first, second, third) == ["failed"] * 3
    assert {kind(house, run) for run in (first, second, third)} == {FailureKind.TIMEOUT}
    assert house.batch(first).phase == "failed"
    house.ask(second, "retry")
    house.turn(2)
    assert second in house.engine.running, "who retries gets the whole time again"
    house.finish(second)
    assert house.phases(second) == ["completed"]


def test_what_waits_in_a_batch_that_is_overdue_fails_at_once_and_not_when_it_is_looked_at_next(tmp_path: Path) -> None:
    house = house_with(tmp_path, batch_timeout_s=20.0)
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.clock.advance(20.0)
    assert house.turn() == 0.0
    house.turn()
    assert house.phases(first, second) == ["running", "failed"]


def test_one_run_of_a_batch_that_timed_out_can_be_retried_while_another_is_paused(tmp_path: Path) -> None:
    """The batch stays open, so that nothing but the time-out itself can begin its time anew."""
    house = house_with(tmp_path, batch_timeout_s=100.0)
    first, paused = house.add(2, concurrency=1)
    house.turn()
    house.ask(paused, "pause")
    house.clock.advance(100.0)
    house.turn()
    house.engine.die(first)
    house.turn(2)
    assert house.phases(first, paused) == ["failed", "paused"]
    house.ask(first, "retry")
    house.turn()
    house.finish(first)
    assert house.phases(first) == ["completed"]


def test_the_time_of_a_batch_is_written_once_a_minute_and_when_it_is_over(tmp_path: Path) -> None:
    house = house_with(tmp_path)
    (run,) = house.add()
    house.turn()
    for _ in range(11):
        house.clock.advance(5.0)
        house.turn()
    assert house.batch(run).active_s == 0.0
    house.clock.advance(5.0)
    house.turn()
    assert house.batch(run).active_s == pytest.approx(60.0)
    house.clock.advance(4.0)
    house.finish(run)
    house.turn()
    assert (house.batch(run).phase, house.batch(run).active_s) == ("completed", pytest.approx(64.0))


def test_the_time_of_a_batch_is_written_when_the_service_ends(tmp_path: Path) -> None:
    house = house_with(tmp_path)
    (run,) = house.add()
    house.turn()
    house.clock.advance(20.0)
    house.dispatcher.draining = True
    house.engine.die(run)
    house.dispatcher.close()
    assert house.batch(run).active_s == pytest.approx(20.0)
    assert house.run(run).attempts[-1].outcome == AttemptOutcome.SHUTDOWN


def test_a_pause_of_everything_stops_the_clock_of_a_batch(tmp_path: Path) -> None:
    house = house_with(tmp_path, batch_timeout_s=100.0)
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.clock.advance(50.0)
    house.commands.pool("pause", by=ANA)
    house.turn()
    house.engine.stand_still(run)
    house.turn()
    for _ in range(3):
        house.clock.advance(15.0)
        house.turn()
    house.commands.pool("resume", by=ANA)
    house.turn()
    house.clock.advance(49.0)
    house.turn()
    assert Signal.TERM not in [signal for _, signal in house.engine.signals]
    house.clock.advance(1.0)
    house.turn(2)
    assert house.engine.signals[-1] == (run, Signal.TERM)


def test_after_a_crash_an_attempt_worked_for_as_long_as_it_told_last(tmp_path: Path) -> None:
    from core.store.progress import write_progress

    house = house_with(tmp_path)
    told, silent = house.add(2)
    house.turn()
    attempt = house.run(told).open_attempt
    assert attempt is not None
    write_progress(house.layout, told, {"attempt": attempt.id, "elapsed_s": 12.5})
    write_progress(house.layout, silent, {"attempt": "a_other", "elapsed_s": 99.0})
    house.restart()
    house.recovery().recover()
    assert house.run(told).attempts[-1].active_s == 12.5
    assert house.run(silent).attempts[-1].active_s is None
