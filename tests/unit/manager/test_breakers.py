"""What is in trouble outside is left alone, tried by one run at a time, and forgotten as soon as it answers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.errors import ErrorClass, NotFound
from core.domain.run import Source
from core.manager.breakers import reset_breaker
from core.runner.outcome import Committed, Ended, Failed
from tests.support.dispatching import ANA, House

HERE = "host:example.com"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, network=2, cpu=1)


def broke(error_class: ErrorClass = ErrorClass.SERVER, retry_after_s: float | None = None) -> Failed:
    return Failed(
        error_class=error_class, message="example.com has trouble.", hint="Wait.", retry_after_s=retry_after_s
    )


def downloading(house: House) -> list[str]:
    return [run for run, one in house.engine.running.items() if one.stage == "download"]


def wait(house: House, seconds: float) -> None:
    house.clock.advance(seconds)
    house.turn(2)


def open_the_breaker(house: House) -> None:
    """Three failures of two runs."""
    one, other = downloading(house)
    house.end(one, broke())
    house.end(other, broke())
    wait(house, 2.0)
    house.end(downloading(house)[0], broke())
    assert house.store.pool.get("pool").value.breakers[HERE].opened_at is not None


def in_trouble(house: House, number: int) -> list[str]:
    """The ids of `number` runs whose host is in trouble; what had begun before that failed too."""
    runs = house.add(number)
    house.turn()
    open_the_breaker(house)
    for run in downloading(house):
        house.end(run, broke())
    return runs


def test_a_host_in_trouble_holds_its_downloads_and_nothing_else(house: House) -> None:
    house.add(3)
    house.turn()
    open_the_breaker(house)
    (elsewhere,) = house.add(1)
    place = Source(kind="url", value="https://other.example/1.mp4")
    house.given.run(elsewhere, lambda run: replace(run, source=place))
    for run in downloading(house):  # begun before it opened
        house.end(run, broke())
    wait(house, 20.0)
    assert downloading(house) == [elsewhere]


def test_one_run_tries_it_after_half_a_minute_and_its_failure_uses_no_try(house: House) -> None:
    runs = in_trouble(house, 3)
    tries = [house.run(run).stages["download"].tries for run in runs]
    for open_s in (30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0):
        wait(house, open_s - 1.0)
        assert not downloading(house)
        wait(house, 1.0)
        (trial,) = downloading(house)
        attempt = house.run(trial).open_attempt
        assert attempt is not None
        assert attempt.probe == HERE
        house.end(trial, broke())
    assert [house.run(run).stages["download"].tries for run in runs] == tries
    assert house.phases(*runs) == ["queued"] * 3 or "retry_wait" in house.phases(*runs)


def test_the_trial_that_works_lets_all_others_go(house: House) -> None:
    in_trouble(house, 4)
    wait(house, 30.0)
    (trial,) = downloading(house)
    house.end(trial)
    assert house.store.pool.get("pool").value.breakers == {}
    assert len(downloading(house)) == 2


def ended(house: House, run: str) -> None:
    house.commands.run(run, "pause", by=ANA)
    house.turn()
    house.end(run, Ended())


def died(house: House, run: str) -> None:
    house.engine.die(run)
    house.turn()


def filled_the_disk(house: House, run: str) -> None:
    house.end(run, Failed(error_class=ErrorClass.DISK_FULL, message="The disk is full.", hint="Free some."))


def was_there_already(house: House, run: str) -> None:
    house.end(run, Committed(key="k", reused=True))


@pytest.mark.parametrize("end", [ended, died, filled_the_disk, was_there_already])
def test_a_trial_that_says_nothing_of_the_host_decides_nothing(house: House, end: Callable[[House, str], None]) -> None:
    in_trouble(house, 4)
    wait(house, 30.0)
    (trial,) = downloading(house)
    end(house, trial)
    assert HERE in house.store.pool.get("pool").value.breakers
    wait(house, 1.0)
    assert len(downloading(house)) == 1, "another trial, and only one"


def test_an_open_breaker_survives_the_service(house: House) -> None:
    in_trouble(house, 3)
    house.restart()
    house.recovery().recover()
    house.turn(2)
    assert not downloading(house)
    wait(house, 30.0)
    assert len(downloading(house)) == 1


def test_a_wall_clock_set_back_a_day_prolongs_nothing(house: House) -> None:
    in_trouble(house, 3)
    house.turn()
    house.clock.set(house.clock.now() - timedelta(days=1))
    wait(house, 30.0)
    assert len(downloading(house)) == 1


def test_a_host_that_asks_to_slow_down_stops_the_others_at_once(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    house.end(first, broke(ErrorClass.RATE_LIMITED, 40.0))
    house.end(second, Committed(key="k"))
    assert house.store.pool.get("pool").value.breakers == {}, "the success of another shows that it answers"
    house.turn()
    house.end(third, broke(ErrorClass.RATE_LIMITED, 40.0))
    wait(house, 39.0)
    assert not downloading(house)
    wait(house, 1.0)
    assert len(downloading(house)) == 1


def test_the_network_being_down_is_seen_at_two_hosts_and_costs_no_more_tries(house: House) -> None:
    runs = house.add(4, concurrency=5)
    for number, run in enumerate(runs):
        place = Source(kind="url", value=f"https://{number}.example/1.mp4")
        house.given.run(run, lambda run, place=place: replace(run, source=place))  # type: ignore[misc]
    house.turn()
    for _ in range(5):
        wait(house, 8.0)
        house.end(downloading(house)[0], broke(ErrorClass.NETWORK))
    for run in downloading(house):
        house.end(run, broke(ErrorClass.NETWORK))
    assert house.store.pool.get("pool").value.breakers["network"].opened_at is not None
    tries = [house.run(run).stages["download"].tries for run in runs]
    wait(house, 30.0)
    assert len(downloading(house)) == 1
    house.end(downloading(house)[0], broke(ErrorClass.NETWORK))
    assert [house.run(run).stages["download"].tries for run in runs] == tries
    wait(house, 60.0)
    house.end(downloading(house)[0])
    assert "network" not in house.store.pool.get("pool").value.breakers
    assert len(downloading(house)) == 2


def test_somebody_can_close_a_breaker_and_that_is_audited(house: House) -> None:
    in_trouble(house, 3)
    wait(house, 5.0)
    assert not downloading(house)
    with pytest.raises(NotFound, match="in trouble"):
        reset_breaker(house.index, house.given, "llm", by=ANA)
    reset_breaker(house.index, house.given, HERE, by=ANA)
    house.turn()
    assert len(downloading(house)) == 2
    lines = [line for line in house.store.journal.lines() if str(line["type"]).endswith("breaker_reset")]
    assert [(line["actor"], line["data"]) for line in lines] == [(ANA, {"name": HERE})]


def test_opening_and_closing_stand_in_the_journal(house: House) -> None:
    in_trouble(house, 3)
    wait(house, 30.0)
    house.end(downloading(house)[0])
    told = [str(line["type"]) for line in house.store.journal.lines() if str(line["type"]).startswith("breaker.")]
    assert told == ["breaker.closed", "breaker.opened"]


def test_a_host_that_yt_dlp_cannot_read_is_left_alone_with_the_remedy_and_the_rest_waits(house: House) -> None:
    old = Failed(error_class=ErrorClass.TOOLING, message="yt-dlp cannot read example.com.", hint="Update yt-dlp.")
    runs = house.add(5)
    house.turn()
    for _ in range(3):
        house.end(downloading(house)[0], old)
    known = house.store.pool.get("pool").value.breakers[HERE]
    assert known.why == "yt-dlp cannot read example.com. Update yt-dlp."
    house.end(downloading(house)[0], old)  # it had begun before
    assert sorted(house.phases(*runs)) == ["failed"] * 3 + ["queued", "retry_wait"]
    wait(house, 29.0)
    assert not downloading(house)
    wait(house, 1.0)
    (trial,) = downloading(house)
    house.end(trial, Committed(key="k"))
    assert HERE not in house.store.pool.get("pool").value.breakers


def test_what_is_asked_to_slow_down_for_a_whole_night_fails_in_the_end_and_says_what_helps(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for _ in range(13):
        house.end(run, broke(ErrorClass.RATE_LIMITED, retry_after_s=3600.0))
        if house.phases(run) == ["failed"]:
            break
        wait(house, 4000.0)
    failure = house.run(run).failure
    assert failure is not None
    assert (failure.kind, failure.error_class) == ("exhausted", "rate_limited")
    assert "--proxy" in failure.hint
    waited_s = (house.clock.now() - house.run(run).created_at).total_seconds()
    assert 43_200 <= waited_s < 50_000
