"""What was begun and lost is counted to the last bit, over any number of attempts, and never costs the work itself."""

from pathlib import Path

import pytest

from core.store.begun import BegunLog, in_flight, redone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "begun.jsonl"


def test_every_beginning_but_the_one_that_made_the_unit_was_lost(path: Path) -> None:
    first, second = BegunLog(path, "a1"), BegunLog(path, "a2")
    first.begin(0, 28.5)
    first.begin(1, 30.0)
    second.begin(1, 30.0)
    second.begin(2, 12.25)
    assert second.redone({0: 28.5, 1: 30.0, 2: 12.25}) == 30.0
    first.close()
    second.close()


def test_what_is_begun_and_never_whole_was_lost_altogether(path: Path) -> None:
    log = BegunLog(path, "a1")
    log.begin(7, 10.0)
    log.begin(7, 10.0)
    assert log.redone({}) == 20.0
    log.close()


def test_a_unit_whose_size_shows_at_its_end_counts_with_that_for_every_beginning(path: Path) -> None:
    log = BegunLog(path, "a1")
    for _ in range(3):
        log.begin(0, None)
    assert log.redone({0: 800.0}) == 1600.0
    log.close()


def test_a_beginning_that_cost_nothing_is_taken_back(path: Path) -> None:
    log = BegunLog(path, "a1")
    log.withdraw(0)
    log.begin(0, None)
    log.withdraw(0)
    log.begin(0, None)
    assert log.redone({0: 800.0}) == 0.0
    log.close()


def test_what_was_thrown_away_was_done_for_nothing(path: Path) -> None:
    log = BegunLog(path, "a1")
    log.lost(300_000)
    log.lost(5)
    assert log.redone({}) == 300_005
    log.close()


def test_a_work_that_is_published_and_made_again_is_counted_from_its_new_beginning(path: Path) -> None:
    log = BegunLog(path, "a1")
    log.settle()
    assert not path.exists(), "nothing was begun, so there is nothing to settle"
    log.begin(0, 5.0)
    log.begin(0, 5.0)
    log.settle()
    assert log.redone({0: 5.0}) == 0.0
    assert redone(path, {0: 5.0}) == 5.0, "whoever finds it published is told of its making"
    log.begin(0, 5.0)
    assert log.redone({0: 5.0}) == 0.0
    log.close()


def test_in_flight_is_what_one_attempt_has_begun_and_nobody_has_made(path: Path) -> None:
    first, second = BegunLog(path, "a1"), BegunLog(path, "a2")
    first.begin(0, 4.0)
    first.begin(1, 5.0)
    first.begin(2, None)
    first.begin(3, 6.0)
    first.withdraw(3)
    second.begin(8, 7.0)
    assert in_flight(path, "a1", {0: 4.0}) == 5.0
    assert in_flight(path, "a3", {}) == 0.0
    assert in_flight(path.with_name("never"), "a1", {}) == 0.0
    first.close()
    second.close()


def test_cut_at_any_byte_the_whole_lines_count_and_the_next_attempt_goes_on(path: Path) -> None:
    log = BegunLog(path, "a1")
    ends = [0]
    for _ in range(3):
        log.begin(0, 1.0)
        ends.append(path.stat().st_size)
    log.close()
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        log = BegunLog(path, "a2")
        log.begin(0, 1.0)
        whole = sum(end <= size for end in ends[1:])
        assert log.redone({0: 1.0}) == whole
        log.close()


def test_a_disk_that_refuses_makes_the_count_unknown_and_stops_nobody(tmp_path: Path) -> None:
    log = BegunLog(tmp_path / "no such folder" / "begun.jsonl", "a1")
    log.begin(0, 1.0)
    assert log.redone({0: 1.0}) is None
    log.close()
