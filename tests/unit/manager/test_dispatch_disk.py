"""The disk runs full: nothing is begun, what runs stands still, and all of it goes on by itself; no try is used up."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.config import Config
from core.engines.engine import Signal
from tests.support.dispatching import ANA, House
from tests.unit.manager.test_views import views


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_running_work_stands_still_and_goes_on_by_itself(house: House) -> None:
    first, second = house.add(2)
    house.turn()
    house.end(first)
    house.disk_is_low = True
    house.turn()
    assert set(house.engine.signals) == {(first, Signal.FREEZE), (second, Signal.KILL)}, "a transfer would time out"
    house.engine.stand_still(first)
    house.engine.die(second)
    house.turn()
    assert house.phases(first, second) == ["paused", "paused"]
    last = house.run(first).transitions[-1]
    assert last.by == "service"
    assert "the disk has 0 MB left" in last.why
    (later,) = house.add()
    assert house.turn() <= 2.0, "it looks again soon: nobody tells that there is room"
    assert later not in house.engine.running
    house.disk_is_low = False
    house.turn(2)
    assert (first, Signal.THAW) in house.engine.signals
    assert {second, later} <= set(house.engine.running)
    for run in (first, second, later):
        house.finish(run)
        assert sum(stage.tries for stage in house.run(run).stages.values()) == 0
        assert house.run(run).crashes == []
    assert house.phases(first, second, later) == ["completed"] * 3


def test_who_paused_stays_paused_when_there_is_room_again(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause", why="tea")
    house.engine.stand_still(run)
    house.turn()
    house.disk_is_low = True
    house.turn()
    house.disk_is_low = False
    house.turn(2)
    after = house.run(run)
    assert (after.phase, after.transitions[-1].by) == ("paused", ANA)
    assert [signal for _, signal in house.engine.signals] == [Signal.FREEZE]


def test_what_is_cancelled_while_the_disk_is_full_ends(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.disk_is_low = True
    house.turn()
    house.engine.stand_still(run)
    house.ask(run, "cancel")
    assert house.engine.signals[-1] == (run, Signal.TERM)
    house.engine.die(run)
    house.turn()
    assert house.phases(run) == ["cancelled"]


def test_a_full_disk_does_not_let_a_drain_go_on(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.commands.pool("pause", by=ANA, drain=True)
    house.turn()
    assert house.engine.signals == []
    house.disk_is_low = True
    house.turn()
    assert house.engine.signals == [(run, Signal.FREEZE)]


def test_whoever_looks_is_told_by_the_service_that_the_disk_holds_everything(served: House) -> None:
    house = served
    house.disk_is_low = True  # for the service; who looks sees much more free than is kept
    (queued,) = house.add()
    house.turn()
    assert views(house).why(queued)["code"] == "disk"
    assert views(house).status()["disk"]["low"]
    house.disk_is_low = False
    house.turn()
    assert views(house).why(queued)["code"] == "none"


def test_what_a_service_that_is_gone_held_is_not_held_any_more(house: House) -> None:
    house.disk_is_low = True
    house.add()
    house.turn()
    assert house.index.pool.disk is not None
    assert not views(house).status()["disk"]["low"]


def test_what_is_missing_is_told_up_to_where_it_goes_on(served: House) -> None:
    house = served
    house.given.pool(lambda pool: replace(pool, capacity=Config(free_space_bytes=1000).capacity))
    assert views(house).status()["disk"]["needed"] == 1000
    house.disk_is_low = True
    house.turn()
    assert views(house).status()["disk"]["needed"] == 1100
