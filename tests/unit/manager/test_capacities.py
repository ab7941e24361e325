"""Views reckon with what the running service works with, not with the configuration they happen to run in."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.config import Config
from core.domain.words import person
from core.manager.capacities import Capacities
from tests.support.dispatching import ANA, House
from tests.unit.manager.test_views import views


@pytest.fixture
def house(tmp_path: Path) -> House:
    """One that allows a user one run at work, and says so."""
    config = Config(max_runs_per_user=1, free_space_bytes=0, cpu_workers=3)
    house = House(tmp_path, config=config, network=2)
    house.given.pool(lambda pool: replace(pool, capacity=config.capacity))
    return house


def test_a_limit_of_the_service_alone_is_named_by_whoever_asks(served: House) -> None:
    _, waiting = served.add(2)
    served.turn()
    why = views(served).why(waiting)
    assert (why["code"], why["message"]) == (
        "quota",
        f"{person(ANA)} has 1 run at work, as many as one user may have; it is next.",
    )


def test_the_queue_shows_the_lanes_of_the_service(served: House) -> None:
    lanes = {lane["name"]: lane["total"] for lane in views(served, cpu_workers=7).queue()["lanes"]}
    assert lanes["cpu"] == 3


def test_without_a_service_the_own_configuration_holds(house: House) -> None:
    own = Config(cpu_workers=7)
    assert Capacities(house.index, house.layout, own).in_force() == (own.capacity, False)


def test_a_service_that_published_nothing_is_reckoned_with_by_the_own_configuration(served: House) -> None:
    served.given.pool(lambda pool: replace(pool, capacity=None))
    own = Config(cpu_workers=7)
    assert Capacities(served.index, served.layout, own).in_force() == (own.capacity, True)
