"""What a turn of the service makes of events and time, on real files, with attempts ended by the test."""

from pathlib import Path

import pytest

from core.domain.errors import ErrorClass
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome
from core.runner.outcome import Committed, Ended, Failed
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def failing(error_class: ErrorClass, **how: float) -> Failed:
    return Failed(error_class=error_class, message="It did not work.", hint="Wait.", **how)  # type: ignore[arg-type]


def test_the_stages_of_a_run_follow_each_other_and_its_batch_settles(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    assert house.engine.begun == [(run, "download"), (run, "transcribe")]
    assert house.phases(run) == ["completed"]
    batch = house.batch(run)
    assert (batch.phase, batch.outcome) == ("completed", "success")


def test_a_file_is_called_as_it_is_though_its_results_were_made_of_a_copy(house: House) -> None:
    runs = [*house.add(file="/recordings/Monday.mp4"), *house.add()]
    house.turn()
    for run in runs:
        house.end(run, Committed(key="k", title="Sunday", reused=True))
    assert [house.run(run).title for run in runs] == ["Monday", "Sunday"]


def test_runs_overlap_in_different_lanes_and_line_up_in_one(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    assert set(house.engine.running) == {first, second}, "the network lane has two places"
    house.end(first)
    house.end(second)
    assert house.engine.begun[2:] == [(first, "transcribe"), (third, "download")], "the one cpu place is taken"
    house.end(first)
    assert house.engine.begun[4:] == [(second, "transcribe")]


def test_a_batch_works_on_no_more_runs_than_its_concurrency(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    assert list(house.engine.running) == [first]
    house.finish(first)
    assert list(house.engine.running) == [second]


def test_settings_are_frozen_into_the_run_when_it_is_claimed(house: House) -> None:
    (run,) = house.add(settings=Settings(model="tiny.en"))
    assert house.run(run).settings is None
    house.turn()
    settings = house.run(run).settings
    assert settings is not None
    assert settings.model == "tiny.en"


def test_nothing_is_begun_while_the_disk_is_low(house: House) -> None:
    (run,) = house.add()
    house.disk_is_low = True
    house.turn()
    assert house.engine.running == {}
    house.disk_is_low = False
    house.turn()
    assert run in house.engine.running


def test_a_service_that_stops_begins_nothing_and_leaves_its_runs_queued_in_order(house: House) -> None:
    first, second, third = house.add(3)
    house.turn()
    house.dispatcher.draining = True
    house.end(first, Ended())
    house.dispatcher.close()
    assert house.phases(first, second, third) == ["queued", "queued", "queued"]
    assert [house.run(run).attempts[-1].outcome for run in (first, second)] == [AttemptOutcome.SHUTDOWN] * 2
    assert [house.run(run).resumed_count for run in (first, second)] == [0, 0]
    house.restart()
    house.turn()
    assert list(house.engine.running) == [first, second]


def test_a_batch_is_partly_good_when_one_of_its_runs_failed(house: House) -> None:
    good, bad = house.add(2)
    house.turn()
    house.end(bad, failing(ErrorClass.REMOVED))
    house.finish(good)
    assert (house.batch(good).phase, house.batch(good).outcome) == ("completed", "partial")


def test_a_run_whose_batch_was_never_written_is_left_alone(house: House) -> None:
    (run,) = house.add()
    house.layout.batch_state(house.run(run).batch_id).unlink()
    house.restart()
    house.turn()
    assert house.engine.running == {}
