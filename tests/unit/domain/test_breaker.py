from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.breaker import (
    CAP_S,
    LLM,
    NETWORK,
    Breaker,
    Limits,
    answered,
    failed,
    fault_of,
    is_against,
    is_answer,
    left_s,
    spares_the_try,
    state_of,
)
from core.domain.errors import ErrorClass
from tests.support.records import NOW

HERE = "host:example.org"
NEEDS = (HERE, NETWORK)
LIMITS = Limits(failures=3, open_s=30.0)


def after(*failures: tuple[str, ErrorClass], start: dict[str, Breaker] | None = None) -> dict[str, Breaker]:
    """The breakers after these failures of runs that need example.org, a second apart."""
    breakers = dict(start or {})
    for number, (run_id, error_class) in enumerate(failures):
        at = NOW + timedelta(seconds=number)
        breakers = failed(breakers, NEEDS, error_class, at, limits=LIMITS, run_id=run_id, message="It broke off.")
    return breakers


def opened(breakers: dict[str, Breaker]) -> set[str]:
    return {name for name, breaker in breakers.items() if breaker.opened_at is not None}


def test_a_host_that_fails_three_times_in_a_row_for_two_runs_is_left_alone_for_half_a_minute() -> None:
    breakers = after(("r_1", ErrorClass.SERVER), ("r_2", ErrorClass.NETWORK), ("r_1", ErrorClass.SERVER))
    assert opened(breakers) == {HERE}
    assert left_s(breakers[HERE], NOW + timedelta(seconds=2)) == 30.0
    assert breakers[HERE].why == "It broke off."


def test_one_run_alone_does_not_speak_for_its_host() -> None:
    assert not opened(after(*[("r_1", ErrorClass.SERVER)] * 9))


@pytest.mark.parametrize("error_class", [ErrorClass.REMOVED, ErrorClass.AUTH_REQUIRED, ErrorClass.NOT_MEDIA])
def test_a_host_that_answers_begins_a_new_row(error_class: ErrorClass) -> None:
    breakers = after(("r_1", ErrorClass.SERVER), ("r_2", ErrorClass.SERVER), ("r_3", error_class))
    assert breakers == {}
    assert answered(after(("r_1", ErrorClass.SERVER)), NEEDS) == {}


def test_the_language_model_is_left_alone_though_only_one_run_needs_it() -> None:
    breakers: dict[str, Breaker] = {}
    for _ in range(3):
        breakers = failed(
            breakers, [LLM], ErrorClass.LLM_UNAVAILABLE, NOW, limits=LIMITS, run_id="r_1", message="No answer."
        )
    assert opened(breakers) == {LLM}


def test_a_host_that_asks_to_slow_down_is_left_alone_at_once_for_as_long_as_it_asked() -> None:
    asked = failed(
        {}, NEEDS, ErrorClass.RATE_LIMITED, NOW, limits=LIMITS, run_id="r_1", message="Slow down.", asked_s=40.0
    )
    assert (opened(asked), left_s(asked[HERE], NOW)) == ({HERE}, 40.0)
    assert left_s(after(("r_1", ErrorClass.RATE_LIMITED))[HERE], NOW) == 900.0


def test_five_failures_in_a_row_at_two_hosts_are_the_networks() -> None:
    breakers: dict[str, Breaker] = {}
    for number in range(5):
        host = f"host:{number % 2}.example"
        assert NETWORK not in opened(breakers)
        breakers = failed(
            breakers, (host, NETWORK), ErrorClass.NETWORK, NOW, limits=LIMITS, run_id=f"r_{number}", message="Lost."
        )
    assert NETWORK in opened(breakers)
    assert not opened({name: b for name, b in after(*[("r_1", ErrorClass.NETWORK)] * 9).items() if name == NETWORK})


def test_a_server_in_trouble_shows_that_the_network_works() -> None:
    assert NETWORK not in after(("r_1", ErrorClass.NETWORK), ("r_1", ErrorClass.SERVER))


def open_host(open_s: float = 30.0) -> dict[str, Breaker]:
    until = NOW + timedelta(seconds=open_s)
    return {HERE: Breaker(at=NOW, failures=3, runs=["r_1"], opened_at=NOW, until=until, open_s=open_s)}


@pytest.mark.parametrize(("open_s", "next_s"), [(30.0, 60.0), (60.0, 120.0), (600.0, CAP_S), (CAP_S, CAP_S)])
def test_a_trial_that_fails_doubles_the_wait_up_to_a_quarter_of_an_hour(open_s: float, next_s: float) -> None:
    later = NOW + timedelta(seconds=open_s + 1)
    breakers = failed(
        open_host(open_s), NEEDS, ErrorClass.SERVER, later, limits=LIMITS, run_id="r_2", message="Again.", probe=[HERE]
    )
    assert left_s(breakers[HERE], later) == next_s
    assert breakers[HERE].opened_at == NOW


def test_a_failure_of_what_was_begun_before_is_no_trial() -> None:
    breakers = after(("r_7", ErrorClass.NETWORK), start=open_host())
    assert breakers[HERE].until == NOW + timedelta(seconds=30)


def test_a_trial_that_fails_for_another_reason_closes_the_breaker() -> None:
    assert (
        failed(open_host(), NEEDS, ErrorClass.REMOVED, NOW, limits=LIMITS, run_id="r_2", message="Gone.", probe=[HERE])
        == {}
    )


LOCAL = (
    *(ErrorClass.DISK_FULL, ErrorClass.LOCAL_IO, ErrorClass.OUT_OF_MEMORY, ErrorClass.UNKNOWN, ErrorClass.CRASH),
    *(ErrorClass.INPUT_LOST, ErrorClass.POSTPROCESS, ErrorClass.MODEL_MISSING),
)


@pytest.mark.parametrize("error_class", LOCAL)
def test_a_failure_that_arose_here_neither_closes_a_breaker_nor_ends_a_row(error_class: ErrorClass) -> None:
    trial = {"limits": LIMITS, "run_id": "r_2", "message": "It broke here."}
    for name in (HERE, LLM, NETWORK):
        tried = {name: open_host()[HERE]}
        assert failed(tried, [name], error_class, NOW, probe=[name], **trial) == tried  # type: ignore[arg-type]
    row = (("r_1", ErrorClass.SERVER), ("r_2", ErrorClass.SERVER), ("r_3", error_class), ("r_1", ErrorClass.SERVER))
    assert opened(after(*row)) == {HERE}


@pytest.mark.parametrize("error_class", ErrorClass)
def test_no_error_shows_that_something_works_and_speaks_against_it(error_class: ErrorClass) -> None:
    for name in (HERE, LLM, NETWORK):
        assert not (is_answer(name, error_class) and is_against(name, error_class))


@pytest.mark.parametrize("error_class", [ErrorClass.LLM_REFUSED, ErrorClass.LLM_INVALID])
def test_a_language_model_that_refuses_or_answers_nonsense_is_there(error_class: ErrorClass) -> None:
    tried = {LLM: open_host()[HERE]}
    assert failed(tried, [LLM], error_class, NOW, limits=LIMITS, run_id="r_2", message="No.", probe=[LLM]) == {}


def test_the_states_are_closed_open_and_half_open() -> None:
    breaker = open_host()[HERE]
    states = [state_of(breaker, left_s(breaker, NOW + timedelta(seconds=s))) for s in (0, 29, 30, 31)]
    assert states == ["open", "open", "half_open", "half_open"]
    assert state_of(None, 0.0) == state_of(Breaker(at=NOW, failures=1), 0.0) == "closed"


@given(st.integers(-(10**6), 10**6))
def test_whatever_the_wall_clock_does_a_breaker_is_never_open_for_longer_than_it_was_opened(jump_s: int) -> None:
    assert 0.0 <= left_s(open_host()[HERE], NOW + timedelta(seconds=jump_s)) <= 30.0


def test_a_failure_is_not_the_runs_fault_while_the_trouble_is_known_but_for_an_hour_at_most() -> None:
    breaker = open_host()[HERE]
    assert spares_the_try(breaker, NOW + timedelta(minutes=59))
    assert not spares_the_try(breaker, NOW + timedelta(minutes=61))
    assert not spares_the_try(None, NOW)


def test_failures_of_an_hour_ago_are_forgotten() -> None:
    early = after(("r_1", ErrorClass.SERVER))
    later = NOW + timedelta(hours=2)
    other = ("host:other.example", NETWORK)
    assert set(failed(early, other, ErrorClass.SERVER, later, limits=LIMITS, run_id="r_2", message="")) == {other[0]}


def test_what_began_before_a_host_asked_to_slow_down_does_not_cut_the_wait_short() -> None:
    asked = failed(
        {}, NEEDS, ErrorClass.RATE_LIMITED, NOW, limits=LIMITS, run_id="r_1", message="Slow down.", asked_s=40.0
    )
    before, later = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    assert answered(asked, NEEDS, began=before) == asked
    gone = {"limits": LIMITS, "run_id": "r_2", "message": "It is gone.", "began": before}
    assert failed(asked, NEEDS, ErrorClass.REMOVED, later, **gone) == asked  # type: ignore[arg-type]
    assert answered(asked, NEEDS, began=later) == {}
    assert answered(asked, NEEDS, began=before, probe=[HERE]) == {}, "whatever somebody did to the clock"


def asked_to_wait(times: int) -> dict[str, Breaker]:
    return after(*[("r_1", ErrorClass.RATE_LIMITED)] * times)


def test_who_is_asked_to_slow_down_is_not_at_fault_until_that_has_lasted_for_hours() -> None:
    def fault(breakers: dict[str, Breaker], hours: float) -> str:
        return fault_of(breakers, NEEDS, ErrorClass.RATE_LIMITED, NOW + timedelta(hours=hours), 43_200.0)

    assert fault({}, 0) == "outside"
    assert fault(asked_to_wait(8), 11.9) == "outside"
    assert fault(asked_to_wait(8), 12.1) == "lasting"
    assert fault(asked_to_wait(2), 60) == "outside", "nobody asked all that time"


def test_a_host_that_cannot_be_read_is_left_alone_once_three_said_so_and_who_tries_it_waits() -> None:
    def fault(breakers: dict[str, Breaker]) -> str:
        return fault_of(breakers, NEEDS, ErrorClass.TOOLING, NOW + timedelta(minutes=1), 43_200.0)

    runs = [(f"r_{number}", ErrorClass.TOOLING) for number in range(3)]
    assert opened(after(*runs[:2])) == set()
    assert opened(after(*runs)) == {HERE}
    assert fault(after(*runs[:2])) == "own", "one odd page fails at once"
    assert fault(after(*runs)) == "outside"


def test_what_cannot_be_read_says_nothing_of_the_network_and_the_language_model() -> None:
    known = {name: Breaker(at=NOW, failures=3, opened_at=NOW) for name in (NETWORK, LLM)}
    told = failed(known, known, ErrorClass.TOOLING, NOW, limits=LIMITS, run_id="r_9", message="No.", probe=list(known))
    assert told == known
