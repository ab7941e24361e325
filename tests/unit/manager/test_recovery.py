"""What a new service does with the runs an old one left: back into the queue by intent, once, and only from the dead."""

from pathlib import Path

import pytest

from core.domain.states import AttemptOutcome
from core.store.locks import Lock
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_what_was_being_worked_on_goes_on_before_what_waited(house: House) -> None:
    first, second, third = house.add(3, concurrency=2)
    house.turn()
    house.restart()
    report = house.recovery().recover()
    assert (report.found, report.resumed, report.held) == (2, 2, 0)
    assert house.phases(first, second, third) == ["queued"] * 3
    assert [house.run(run).resumed_count for run in (first, second, third)] == [1, 1, 0]
    assert house.run(first).attempts[-1].outcome == AttemptOutcome.INTERRUPTED
    house.turn()
    assert list(house.engine.running) == [first, second]


def test_recovering_twice_changes_nothing(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.restart()
    house.recovery().recover()
    once = house.run(run)
    lines = list(house.store.journal.lines())
    again = house.recovery().recover()
    assert (again.found, again.resumed) == (0, 0)
    assert house.run(run) == once
    told = [line["type"] for line in house.store.journal.lines()][: -len(lines)]
    assert told == ["journal.reconciled"]


def test_a_run_whose_owner_lives_is_left_to_it_until_it_is_gone(house: House) -> None:
    (run,) = house.add()
    house.turn()
    owner = Lock(house.layout.owner_lock(run))
    assert owner.acquire()
    house.restart()
    recovery = house.recovery()
    assert recovery.recover().held == 1
    assert recovery.held == {run}
    house.turn()
    assert house.phases(run) == ["running"]
    assert house.engine.running == {}, "nobody else works on it"
    owner.release()
    assert recovery.retry_held() == 1
    house.turn()
    assert run in house.engine.running


@pytest.mark.parametrize(
    ("verb", "phase"), [("pause", "paused"), ("stop", "failed"), ("cancel", "cancelled"), ("resume", "queued")]
)
def test_what_was_asked_for_before_the_crash_is_done_after_it(house: House, verb: str, phase: str) -> None:
    (run,) = house.add()
    house.turn()
    house.commands.run(run, verb, by=ANA)
    house.restart()
    house.recovery().recover()
    assert house.phases(run) == [phase]


@pytest.mark.parametrize("what", ["pool", "batch"])
def test_a_pause_of_all_survives_the_crash(house: House, what: str) -> None:
    (run,) = house.add()
    house.turn()
    if what == "pool":
        house.commands.pool("pause", by=ANA)
    else:
        house.commands.batch(house.run(run).batch_id, "pause", by=ANA)
    house.restart()
    house.recovery().recover()
    house.turn()
    assert house.phases(run) == ["paused"]
    assert house.engine.running == {}


def test_finished_runs_are_never_touched(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    before = house.run(run)
    house.restart()
    assert house.recovery().recover().found == 0
    assert house.run(run) == before


def test_a_still_paused_attempt_of_a_dead_service_is_closed_and_stays_paused(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.turn()
    house.restart()
    assert house.recovery().recover().resumed == 1
    after = house.run(run)
    assert after.phase == "paused"
    assert after.open_attempt is None


def test_a_run_that_an_older_service_opened_after_this_one_had_looked_is_found_later(house: House) -> None:
    (run,) = house.add()
    older = house.dispatcher
    house.restart()
    recovery = house.recovery()
    recovery.recover()
    older.turn()  # as a service does that was stopped, lost its lock, and goes on
    house.index.load()
    assert recovery.held == set()
    recovery.look_again()
    assert recovery.held == {run}
    assert recovery.retry_held() == 1
    house.turn()
    assert [attempt.epoch for attempt in house.run(run).attempts] == [1, 2]


def test_what_this_service_opened_itself_is_never_taken_back(house: House) -> None:
    (run,) = house.add()
    house.turn()
    recovery = house.recovery()
    recovery.look_again()
    assert recovery.held == set()
    recovery.held = {run}  # as when it was taken back before, and the disk had said that it was not
    before = house.run(run)
    recovery.retry_held()
    assert (house.run(run), recovery.held) == (before, set())


def test_the_report_adds_up_what_was_in_flight_of_the_runs_taken_back(house: House) -> None:
    house.add(2)
    house.turn()
    house.in_flight_s = 28.5
    house.restart()
    assert house.recovery().recover().redone_s == 57.0


def test_what_is_in_flight_with_an_owner_that_lives_is_not_lost(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.in_flight_s = 28.5
    owner = Lock(house.layout.owner_lock(run))
    assert owner.acquire()
    house.restart()
    report = house.recovery().recover()
    owner.release()
    assert (report.held, report.redone_s) == (1, 0.0)


def test_a_sum_with_an_unknown_part_is_unknown(house: House) -> None:
    house.add()
    house.turn()
    house.in_flight_s = None
    house.restart()
    assert house.recovery().recover().redone_s is None
