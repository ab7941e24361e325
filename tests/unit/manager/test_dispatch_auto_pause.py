"""Runs that fail one after another hold their batch until a person has looked."""

from pathlib import Path

import pytest

from core.config import Config
from core.domain.errors import ErrorClass
from core.runner.outcome import Failed
from tests.support.dispatching import ANA, House

SIGN_IN = Failed(error_class=ErrorClass.AUTH_REQUIRED, message="The site asks to sign in.", hint="Add cookies.")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, network=1, cpu=1)


def fail(house: House, *runs: str) -> None:
    for run in runs:
        assert run in house.engine.running
        house.end(run, SIGN_IN)


def test_five_failures_in_a_row_pause_the_batch_with_their_common_cause(house: House) -> None:
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:4])
    assert house.batch(runs[0]).phase == "running"
    fail(house, runs[4])
    batch = house.batch(runs[0])
    assert batch.phase == "paused"
    assert batch.pause is not None
    assert (batch.pause.reason, batch.pause.by) == ("auto", "service")
    assert batch.pause.why == "5 runs failed one after another: The site asks to sign in."
    assert batch.pause.runs == runs[:5]
    assert house.engine.running == {}, "the sixth is not begun"
    assert house.phases(*runs[5:]) == ["queued"] * 3


def test_what_is_being_worked_on_goes_on_to_the_end_of_its_stage(tmp_path: Path) -> None:
    house = House(tmp_path, network=2, cpu=1)
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:4])
    last = next(run for run in house.engine.running if run != runs[4])
    fail(house, runs[4])
    assert house.batch(last).phase == "paused"
    assert (house.engine.signals, house.phases(last)) == ([], ["running"])
    house.end(last)
    house.turn()
    assert (house.phases(last), house.engine.running) == (["paused"], {})
    assert house.run(last).transitions[-1].by == "service"


def test_a_completed_run_starts_the_count_again(house: House) -> None:
    runs = house.add(10)
    house.turn()
    fail(house, *runs[:4])
    house.finish(runs[4])
    fail(house, *runs[5:9])
    assert house.batch(runs[0]).phase == "running"


def test_runs_that_somebody_stopped_do_not_count(house: House) -> None:
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:4])
    house.ask(runs[4], "stop")
    house.engine.die(runs[4])
    house.turn()
    assert house.phases(runs[4]) == ["failed"]
    assert house.batch(runs[0]).phase == "running"


def test_a_batch_whose_last_runs_fail_is_over_and_not_paused(house: House) -> None:
    runs = house.add(5)
    house.turn()
    fail(house, *runs)
    assert house.batch(runs[0]).phase == "failed"


def test_zero_failures_never_pause(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(auto_pause_failures=0), network=1, cpu=1)
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:7])
    assert house.batch(runs[0]).phase == "running"


def test_a_resume_retries_those_that_failed_and_starts_the_count_again(house: House) -> None:
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:5])
    house.clock.advance(60.0)
    batch_id = house.run(runs[0]).batch_id
    house.commands.batch(batch_id, "resume", by=ANA)
    house.turn(3)
    batch = house.batch(runs[0])
    assert batch.phase == "running"
    assert batch.streak_since is not None
    assert len(house.engine.running) == 1
    (probe,) = house.engine.running
    fail(house, probe)
    assert house.batch(runs[0]).phase == "running", "one failure is not five"


def test_a_resume_retries_also_what_was_in_flight_beside_the_row_and_failed_after_it(tmp_path: Path) -> None:
    house = House(tmp_path, network=9, cpu=1)
    runs = house.add(12, concurrency=9)
    house.turn()
    house.ask(runs[8], "stop")
    house.engine.die(runs[8])
    house.turn()
    fail(house, *runs[:8])
    assert len(house.batch(runs[0]).pause.runs) == 5  # type: ignore[union-attr]
    house.commands.batch(house.run(runs[0]).batch_id, "resume", by=ANA)
    assert [run for run in runs if house.run(run).intent.again] == runs[:8]
    house.turn(2)
    assert house.phases(runs[8]) == ["failed"], "somebody stopped that one"


def test_an_auto_pause_outlives_the_service(house: House) -> None:
    runs = house.add(8)
    house.turn()
    fail(house, *runs[:5])
    house.restart()
    house.recovery().recover()
    house.turn(2)
    assert (house.batch(runs[0]).phase, house.engine.running) == ("paused", {})
