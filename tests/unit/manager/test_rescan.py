"""What the watch did not tell of is found by a round over all records, which no signal has to wait for."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.errors import StorageError
from core.manager import rescan
from core.manager.rescan import Rescan
from tests.support.dispatching import House

EVERY_S = 30.0


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(rescan, "SLICE", 2)
    return House(tmp_path)


@pytest.fixture
def round_(house: House) -> Rescan:
    return Rescan(index=house.index, recovery=house.recovery(), clock=house.clock, every_s=EVERY_S)


def go_round(house: House, round_: Rescan) -> int:
    """One whole round; gives how many steps it took."""
    house.clock.advance(EVERY_S)
    steps = 0
    while round_.left_s() == 0:
        round_.step()
        steps += 1
    return steps


def test_nothing_is_read_before_it_is_time(house: House, round_: Rescan) -> None:
    house.clock.advance(EVERY_S - 1)
    assert round_.left_s() == pytest.approx(1.0)
    round_.step()
    assert round_.left_s() == pytest.approx(1.0)


def test_a_round_takes_a_few_records_at_a_time_and_tells_of_nothing_that_is_known(house: House, round_: Rescan) -> None:
    house.add(4)
    changes = house.index.follow()
    changes.take()
    assert go_round(house, round_) == 4, "four runs, their batch and the pool, and a look that finds no more"
    assert changes.take() == (set(), set())
    assert round_.left_s() == EVERY_S


def test_what_another_process_wrote_is_found(house: House, round_: Rescan) -> None:
    (run,), (other,) = house.add(), house.add()
    gone = house.run(other).batch_id
    house.store.runs.update(run, lambda run: replace(run, title="new"))
    house.store.batches.remove(gone)
    go_round(house, round_)
    assert house.index.runs[run].title == "new"
    assert gone not in house.index.batches


def test_an_older_record_that_somebody_put_back_is_believed(house: House, round_: Rescan) -> None:
    (run,) = house.add()
    path = house.layout.run_state(run)
    old = path.read_bytes()
    house.store.runs.update(run, lambda run: replace(run, title="new"))
    house.index.load()
    path.write_bytes(old)
    go_round(house, round_)
    assert house.index.runs[run].title == ""


def test_what_was_damaged_is_listed_until_it_can_be_read_again(house: House, round_: Rescan) -> None:
    (run,) = house.add()
    batch = house.run(run).batch_id
    path = house.layout.batch_state(batch)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    go_round(house, round_)
    assert list(house.index.damaged) == [batch]
    assert batch not in house.index.batches
    path.write_bytes(whole)
    go_round(house, round_)
    assert house.index.damaged == {}
    assert batch in house.index.batches


def test_what_cannot_be_read_just_now_stays_as_it_was_and_keeps_no_other_from_it(
    house: House, round_: Rescan, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = house.add(2)
    house.store.runs.update(other, lambda run: replace(run, title="new"))
    get = house.store.runs.get

    def refuse(run_id: str) -> object:
        if run_id == stuck:
            raise StorageError("Too many open files.")
        return get(run_id)

    monkeypatch.setattr(house.store.runs, "get", refuse)
    go_round(house, round_)
    assert house.index.runs[stuck].title == ""
    assert house.index.runs[other].title == "new"
