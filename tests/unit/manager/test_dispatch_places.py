"""What is resumed works again only when its batch and its user have a place for it, and then before all others."""

from pathlib import Path

import pytest

from core.config import Config
from core.domain.diagnosis import Reasons
from core.domain.words import person
from core.engines.engine import Signal
from tests.support.dispatching import ANA, House


@pytest.fixture
def crowded(tmp_path: Path) -> tuple[House, str, str]:
    """A batch that works on one run at a time: its first stands still, paused, and its second began meanwhile."""
    house = House(tmp_path, config=Config(pause_free_s=20.0), network=2, cpu=2)
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.end(first)
    house.ask(first, "pause")
    house.engine.stand_still(first)
    house.turn()
    assert list(house.engine.running) == [first, second], "who is paused keeps no place in its batch"
    return house, first, second


def test_what_is_resumed_waits_until_its_batch_has_a_place_and_is_the_next(crowded: tuple[House, str, str]) -> None:
    house, first, second = crowded
    (third,) = house.add()
    house.ask(first, "resume")
    assert house.engine.signals == [(first, Signal.FREEZE)], "two would be at work"
    why = Reasons(house.dispatcher._claims._situation()).why(house.run(first))
    assert (why.code, why.message) == ("turn", "Its batch works on one of its runs at a time; it is next in the batch.")
    house.finish(third)
    house.finish(second)
    assert house.engine.signals[1:] == [(first, Signal.THAW)], "the same attempt goes on"
    house.finish(first)
    assert house.phases(first, second) == ["completed"] * 2


def test_what_waits_for_a_place_gives_its_memory_free_and_is_first_in_the_queue(
    crowded: tuple[House, str, str],
) -> None:
    house, first, second = crowded
    house.ask(first, "resume")
    house.clock.advance(20.0)
    house.turn()
    assert house.engine.signals[1:] == [(first, Signal.KILL)]
    house.engine.die(first)
    house.turn(2)
    assert house.phases(first, second) == ["queued", "running"]
    assert house.run(first).crashes == []
    house.finish(second)
    assert list(house.engine.running) == [first]


def test_of_several_that_stand_still_only_as_many_go_on_as_may_work(tmp_path: Path) -> None:
    house = House(tmp_path, network=2, cpu=2)
    runs = house.add(2)
    house.turn()
    for run in runs:
        house.end(run)
    house.commands.pool("pause", by=ANA)
    house.turn()
    for run in runs:
        house.engine.stand_still(run)
    house.turn()
    house.commands.edit(house.run(runs[0]).batch_id, by=ANA, concurrency=1)
    house.commands.pool("resume", by=ANA)
    house.turn()
    assert [signal for _, signal in house.engine.signals].count(Signal.THAW) == 1
    assert sorted(house.phases(*runs)) == ["paused", "running"]


def test_a_user_with_as_many_runs_at_work_as_allowed_waits_with_what_is_resumed(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(max_runs_per_user=1), network=2, cpu=2)
    first, second = house.add(2)
    house.turn()
    house.end(first)
    house.ask(first, "pause")
    house.engine.stand_still(first)
    house.turn()
    house.ask(first, "resume")
    assert house.engine.signals == [(first, Signal.FREEZE)]
    why = Reasons(house.dispatcher._claims._situation()).why(house.run(first))
    assert (why.code, why.message) == (
        "quota",
        f"{person(ANA)} has 1 run at work, as many as one user may have; it is next.",
    )
    house.finish(second)
    assert house.engine.signals[1:] == [(first, Signal.THAW)]
