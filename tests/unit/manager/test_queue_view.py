"""The queue as it is shown: everything that waits, in the order in which it goes, with its reason."""

from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, NotFound
from core.runner.outcome import Failed
from tests.support.dispatching import ANA, House
from tests.unit.manager.test_views import views


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, network=2, cpu=1)


def broke() -> Failed:
    return Failed(error_class=ErrorClass.RATE_LIMITED, message="Slow down.", hint="Wait.", retry_after_s=40.0)


def test_runs_have_places_from_one_and_can_be_read_page_by_page(house: House) -> None:
    runs = house.add(5)
    shown = views(house).queue()
    assert [(run["run_id"], run["place"]) for run in shown["runs"]] == list(zip(runs, range(1, 6), strict=True))
    assert shown["total"] == 5
    page = views(house).queue(offset=2, limit=2)
    assert [(run["run_id"], run["place"]) for run in page["runs"]] == [(runs[2], 3), (runs[3], 4)]
    assert page["total"] == 5


def test_lanes_and_users_are_counted(house: House) -> None:
    house.add(5)
    house.turn()
    shown = views(house).queue()
    assert shown["lanes"][0] == {"name": "network", "total": 2, "busy": 2, "waiting": 3, "held": None}
    (ana,) = shown["users"]
    assert (ana["user"], ana["waiting"], ana["running"], ana["waiting_s"]) == (ANA, 3, 2, 1800.0)


def test_the_order_shown_is_the_order_in_which_runs_are_claimed(house: House) -> None:
    house.add(6, concurrency=5)
    house.add(4, owner="local:bob", priority=7)
    order = [run["run_id"] for run in views(house).queue()["runs"]]
    begun: list[str] = []
    while len(begun) < 4:
        house.turn()
        begun = [run for run, stage in house.engine.begun if stage == "download"]
        house.end(begun[-1])
    assert begun[:4] == order[:4]


def test_what_is_in_trouble_is_shown_and_each_run_says_why_it_waits(house: House) -> None:
    house.add(1)
    house.turn()
    house.end(next(iter(house.engine.running)), broke())
    house.clock.advance(5.0)
    house.turn()
    shown = views(house).queue()
    (breaker,) = shown["breakers"]
    assert (breaker["name"], breaker["state"], breaker["failures"]) == ("host:example.com", "open", 1)
    assert breaker["why"] == "Slow down."
    assert shown["runs"][0]["why"]["code"] in ("breaker", "service_down")
    done = house.commands.breaker_reset("host:example.com", by=ANA)
    assert (done.id, done.phase, done.applied) == ("host:example.com", "closed", True)
    assert views(house).queue()["breakers"] == []
    with pytest.raises(NotFound):
        house.commands.breaker_reset("host:example.com", by=ANA)


def test_runs_between_two_tries_stand_at_the_end_and_finished_ones_nowhere(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    house.end(first, Failed(error_class=ErrorClass.SERVER, message="Broken.", hint="Wait."))
    house.end(second, Failed(error_class=ErrorClass.REMOVED, message="Gone.", hint="None."))
    house.engine.die(third)
    house.turn()
    assert [run["run_id"] for run in views(house).queue()["runs"]][-1:] == [first]
