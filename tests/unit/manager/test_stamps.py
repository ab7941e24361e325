"""What happened later is later in the records too, and stamps follow the clock again as soon as that is possible."""

from datetime import timedelta
from pathlib import Path

from core.manager.index import Index
from core.manager.stamps import TICK, Stamps
from tests.support.dispatching import House


def test_the_wall_time_is_given_as_it_is_while_nothing_is_later(tmp_path: Path) -> None:
    house = House(tmp_path)
    (run,) = house.add()
    assert house.stamps.now() == house.clock.now() == house.run(run).updated_at
    house.clock.advance(5.0)
    assert house.stamps.now() == house.clock.now()
    assert Stamps(Index(house.store), house.clock).now() == house.clock.now(), "nothing is known yet"


def test_after_the_clock_was_set_back_each_change_is_stamped_just_after_the_one_before(tmp_path: Path) -> None:
    house = House(tmp_path)
    (run,) = house.add()
    latest = house.run(run).updated_at
    house.clock.set(latest - timedelta(days=1))
    house.turn()
    assert house.run(run).updated_at == latest + TICK
    house.end(run)
    assert house.run(run).attempts[0].ended_at == latest + 2 * TICK
    house.restart()
    assert house.stamps.now() > latest, "a new service knows it from the records"
    house.clock.advance(timedelta(days=2).total_seconds())
    assert house.stamps.now() == house.clock.now()
