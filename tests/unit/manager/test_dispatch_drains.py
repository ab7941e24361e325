"""A pause that drains: what is being worked on goes on to the end of its stage, nothing else begins, and then all rests."""

from pathlib import Path

import pytest

from core.engines.engine import Signal
from core.runner.outcome import Shared
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def drain(house: House, what: str, run: str, *, drain: bool = True) -> None:
    """The command, and the turn it wakes."""
    match what:
        case "run":
            house.commands.run(run, "pause", by=ANA, why="tea", drain=drain)
        case "batch":
            house.commands.batch(house.run(run).batch_id, "pause", by=ANA, why="tea", drain=drain)
        case "pool":
            house.commands.pool("pause", by=ANA, why="tea", drain=drain)
    house.turn()


def resume(house: House, what: str, run: str) -> None:
    match what:
        case "run":
            house.commands.run(run, "resume", by=ANA)
        case "batch":
            house.commands.batch(house.run(run).batch_id, "resume", by=ANA)
        case "pool":
            house.commands.pool("resume", by=ANA)
    house.turn(2)


@pytest.fixture(params=["run", "batch", "pool"])
def what(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_the_running_stage_goes_on_to_its_end_and_the_next_does_not_begin(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    drain(house, what, run)
    house.turn(3)
    assert house.engine.signals == []
    assert house.phases(run) == ["running"]
    house.end(run)
    house.turn()
    after = house.run(run)
    assert (after.phase, after.stages["download"].status) == ("paused", "committed")
    assert (after.transitions[-1].by, after.transitions[-1].why) == (ANA, "tea")
    assert house.engine.running == {}
    resume(house, what, run)
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe"]


def test_a_pause_that_does_not_drain_stops_at_once_what_was_draining(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    drain(house, what, run)
    assert house.engine.signals == []
    drain(house, what, run, drain=False)
    assert house.engine.signals == [(run, Signal.FREEZE)]
    house.engine.stand_still(run)
    house.turn()
    assert house.phases(run) == ["paused"]


def test_a_drain_that_is_withdrawn_in_time_never_happened(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    drain(house, what, run)
    resume(house, what, run)
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert house.engine.signals == []
    assert "paused" not in [line.target for line in house.run(run).transitions]


def test_the_last_stage_of_a_draining_run_completes_it(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    drain(house, what, run)
    house.end(run)
    assert house.phases(run) == ["completed"]


def test_a_draining_stage_that_fails_is_not_tried_again_before_the_resume(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    drain(house, what, run)
    house.engine.die(run)
    house.turn(2)
    house.clock.advance(60.0)
    house.turn(2)
    assert house.phases(run) == ["paused"]
    assert house.engine.running == {}


def test_a_drain_outlives_the_service_and_nothing_begins_after_it(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    drain(house, what, run)
    house.restart()
    house.recovery().recover()
    house.turn(2)
    assert house.phases(run) == ["paused"]
    assert house.engine.running == {}


def test_a_stricter_pause_of_all_wins_over_a_draining_one_of_the_batch(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    drain(house, "batch", run)
    house.commands.pool("pause", by=ANA)
    house.turn()
    assert house.engine.signals == [(run, Signal.FREEZE)]
    house.engine.stand_still(run)
    house.turn()
    house.commands.pool("resume", by=ANA)
    house.turn()
    assert house.phases(run) == ["paused"], "what stands still stays so: its batch is still paused"
    resume(house, "batch", run)
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_a_run_that_waits_for_the_work_of_another_is_paused_with_everything(house: House) -> None:
    """Nothing is in flight for it, so that nothing would ever end its pausing."""
    (run,) = house.add()
    house.turn()
    house.end(run)
    drain(house, "pool", run, drain=False)
    house.end(run)
    assert house.phases(run) == ["completed"]
    (other,) = house.add()
    resume(house, "pool", other)
    house.commands.pool("pause", by=ANA, why="tea")
    house.engine.end(other, Shared(key="abc"))
    house.turn(2)
    assert house.phases(other) == ["paused"]
