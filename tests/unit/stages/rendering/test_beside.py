"""Several pieces of work at once."""

import threading
from collections.abc import Callable

import pytest

from core.domain.errors import Stop
from core.stages.rendering.beside import beside

Check = Callable[[], None]


def nothing() -> None:
    """Nobody stops it."""


def test_results_come_in_order_whoever_is_first() -> None:
    second_is_done = threading.Event()

    def first(_: Check) -> str:
        assert second_is_done.wait(60)
        return "first"

    def second(_: Check) -> str:
        second_is_done.set()
        return "second"

    assert beside([first, second], 2, nothing) == ["first", "second"]


def test_no_more_run_at_once_than_asked_for() -> None:
    running, most = threading.Semaphore(2), []

    def job(_: Check) -> None:
        most.append(running.acquire(blocking=False))
        running.release()

    beside([job] * 20, 2, nothing)
    assert most == [True] * 20


def test_a_failure_ends_the_others_and_is_what_is_raised() -> None:
    begun = threading.Event()

    def endless(check: Check) -> None:
        begun.set()
        while True:
            check()

    def failing(_: Check) -> None:
        assert begun.wait(60)
        raise ValueError("broken")

    never: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        beside([endless, failing, lambda _: never.append(1)], 2, nothing)
    assert never == []


def test_a_stop_reaches_every_one() -> None:
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stop

    def job(checked: Check) -> None:
        stop.set()
        while True:
            checked()

    with pytest.raises(Stop):
        beside([job, job], 2, check)
