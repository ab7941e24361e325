"""Somebody sets the wall clock back a day: what waits goes on as if nothing had happened."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass
from core.runner.outcome import Failed
from tests.support.dispatching import ANA, House

SIGN_IN = Failed(error_class=ErrorClass.AUTH_REQUIRED, message="The site asks to sign in.", hint="Add cookies.")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def a_day_back(house: House) -> None:
    house.clock.set(house.clock.now() - timedelta(days=1))


def test_a_run_that_waits_for_its_next_try_gets_it_on_time(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, Failed(error_class=ErrorClass.SERVER, message="It did not work.", hint="Wait."))
    assert house.turn() == pytest.approx(2.0)
    a_day_back(house)
    house.clock.advance(1.5)
    assert house.turn() == pytest.approx(0.5), "and the service wakes for it"
    assert run not in house.engine.running
    house.clock.advance(0.5)
    house.turn(2)
    assert run in house.engine.running


def test_a_run_that_crashed_twice_is_begun_again_on_time(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for _ in range(2):
        house.engine.die(run)
        house.turn()
    assert run not in house.engine.running
    a_day_back(house)
    house.clock.advance(1.9)
    house.turn()
    assert run not in house.engine.running, "never earlier"
    house.clock.advance(0.1)
    house.turn()
    assert run in house.engine.running


def fail(house: House, times: int) -> None:
    for _ in range(times):
        house.clock.advance(10.0)
        house.end(next(iter(house.engine.running)), SIGN_IN)


def pause_itself_and_be_resumed(house: House, run: str) -> None:
    fail(house, 5 + len(house.engine.running) - 1)
    assert house.batch(run).phase == "paused"
    house.clock.advance(60.0)
    house.commands.batch(house.run(run).batch_id, "resume", by=ANA)


def one_at_a_time(tmp_path: Path) -> House:
    return House(tmp_path, network=1, cpu=1)


def test_a_batch_that_was_resumed_is_tried_by_one_run_only_until_a_stage_is_committed(tmp_path: Path) -> None:
    house = House(tmp_path, network=5, cpu=5)
    runs = house.add(9)
    house.turn()
    pause_itself_and_be_resumed(house, runs[0])
    a_day_back(house)
    house.turn(2)
    (probe,) = house.engine.running
    house.end(probe)
    house.turn(2)
    assert len(house.engine.running) == 5


def test_a_completed_run_ends_a_row_that_began_before(tmp_path: Path) -> None:
    house = one_at_a_time(tmp_path)
    runs = house.add(9)
    house.turn()
    fail(house, 4)
    a_day_back(house)
    house.finish(next(iter(house.engine.running)))
    fail(house, 1)
    assert house.batch(runs[0]).phase == "running"


def test_failures_after_a_resume_are_counted(tmp_path: Path) -> None:
    house = one_at_a_time(tmp_path)
    runs = house.add(12)
    house.turn()
    pause_itself_and_be_resumed(house, runs[0])
    a_day_back(house)
    house.turn(2)
    fail(house, 5)
    assert house.batch(runs[0]).phase == "paused"


def test_two_users_share_a_lane_as_before(tmp_path: Path) -> None:
    house = one_at_a_time(tmp_path)
    house.add(6, owner="local:ana")
    house.clock.advance(1.0)  # of what is added in the same moment the ids decide, which are random
    house.add(6, owner="local:bob")
    house.turn()
    a_day_back(house)
    for _ in range(11):
        house.clock.advance(10.0)
        house.finish(next(iter(house.engine.running)))
    order = [house.run(run).owner for run, stage in house.engine.begun if stage == "download"]
    assert order == ["local:ana", "local:bob"] * 6


def test_what_is_added_after_it_stands_behind_what_was_there(tmp_path: Path) -> None:
    house = one_at_a_time(tmp_path)
    before = house.add(2)
    a_day_back(house)
    after = house.add(2)
    house.turn()
    for _ in range(3):
        house.end(next(run for run, one in house.engine.running.items() if one.stage == "download"))
    assert [run for run, stage in house.engine.begun if stage == "download"] == before + after
