"""Somebody sets the wall clock back a day: what waits goes on as if nothing had happened."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass
from core.runner.outcome import Failed
from tests.support.dispatching import House


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
