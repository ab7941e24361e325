"""Waits are over when they should be, whatever is done to the wall clock."""

from datetime import timedelta

import pytest

from core.manager.waits import Waits
from core.system.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_wait_gets_shorter_as_time_passes_and_is_never_negative(clock: ManualClock) -> None:
    waits, until = Waits(clock), clock.now() + timedelta(seconds=8)
    assert waits.left_s("r_1", until, 8.0) == 8.0
    clock.advance(3.0)
    assert waits.left_s("r_1", until, 8.0) == pytest.approx(5.0)
    clock.advance(60.0)
    assert waits.left_s("r_1", until, 8.0) == 0.0


def test_who_waits_for_nothing_waits_no_more(clock: ManualClock) -> None:
    assert Waits(clock).left_s("r_1", None, 8.0) == 0.0


@pytest.mark.parametrize("days", [-1, 1])
def test_a_wait_never_lasts_longer_because_the_wall_clock_was_set(clock: ManualClock, days: int) -> None:
    waits, until = Waits(clock), clock.now() + timedelta(seconds=8)
    waits.left_s("r_1", until, 8.0)
    clock.advance(2.0)
    clock.set(clock.now() + timedelta(days=days))
    assert waits.left_s("r_1", until, 8.0) == pytest.approx(6.0 if days < 0 else 0.0)
    clock.advance(6.0)
    assert waits.left_s("r_1", until, 8.0) == pytest.approx(0.0)


def test_after_a_restart_on_a_clock_that_was_set_back_nobody_waits_longer_than_the_whole_wait(
    clock: ManualClock,
) -> None:
    until = clock.now() + timedelta(seconds=8)
    clock.set(clock.now() - timedelta(days=1))
    waits = Waits(clock)
    assert waits.left_s("r_1", until, 8.0) == 8.0
    clock.advance(8.0)
    assert waits.left_s("r_1", until, 8.0) == 0.0


def test_the_next_wait_of_the_same_run_is_a_wait_of_its_own(clock: ManualClock) -> None:
    waits = Waits(clock)
    waits.left_s("r_1", clock.now() + timedelta(seconds=2), 2.0)
    clock.advance(2.0)
    assert waits.left_s("r_1", clock.now() + timedelta(seconds=4), 4.0) == 4.0
    assert waits.left_s("r_2", clock.now() + timedelta(seconds=1), 4.0) == 1.0
