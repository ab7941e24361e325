import threading
from pathlib import Path

import pytest

from core.domain.errors import StorageError
from core.store.units import UnitLog, read_units
from core.system.lines import crc_line
from tests.support.fsyncs import fsyncs


def unit(number: int, attempt: str = "a1", epoch: int = 1, **data: object) -> bytes:
    return crc_line({"unit": number, "size": 1.0, "data": data, "attempt": attempt, "epoch": epoch})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "transcribe" / "abc" / "units.jsonl"


def test_units_survive_the_attempt_that_made_them(path: Path) -> None:
    log = UnitLog(path, "a1", 1)
    log.add(0, 28.5, {"text": "first"})
    log.add(2, 30, {"text": "third"})
    log.close()
    again = UnitLog(path, "a2", 2)
    assert again.done() == {0: {"text": "first"}, 2: {"text": "third"}}
    again.add(1, 29, {"text": "second"})
    assert [(unit.number, unit.size, unit.attempt, unit.epoch) for unit in again.records()] == [
        (0, 28.5, "a1", 1),
        (1, 29, "a2", 2),
        (2, 30, "a1", 1),
    ]
    again.close()
    assert set(read_units(path)) == {0, 1, 2}


def test_cut_at_any_byte_exactly_the_whole_units_count(path: Path) -> None:
    log = UnitLog(path, "a1", 1)
    ends = [path.stat().st_size]
    for number in range(4):
        log.add(number, 1, {"n": number})
        ends.append(path.stat().st_size)
    log.close()
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        log = UnitLog(path, "a2", 1)
        whole = sum(end <= size for end in ends[1:])
        assert list(log.done()) == list(range(whole))
        log.add(whole, 1, {"n": "again"})
        log.close()
        assert read_units(path)[whole].data == {"n": "again"}


def test_a_unit_that_is_whole_is_not_made_again(path: Path) -> None:
    log = UnitLog(path, "a1", 1)
    log.add(0, 1, {"n": "first"})
    size = path.stat().st_size
    log.add(0, 1, {"n": "second"})
    assert log.done() == {0: {"n": "first"}}
    assert path.stat().st_size == size
    log.close()


def test_of_two_lines_of_one_unit_the_first_valid_one_wins(path: Path) -> None:
    path.parent.mkdir(parents=True)
    damaged = bytearray(unit(0, n=0))
    damaged[10] ^= 1
    path.write_bytes(bytes(damaged) + unit(0, n=1) + unit(0, n=2))
    assert read_units(path)[0].data == {"n": 1}
    log = UnitLog(path, "a2", 1)
    assert log.damaged == [1]
    log.close()


def test_what_a_woken_process_appends_after_a_takeover_is_ignored(path: Path) -> None:
    zombie = UnitLog(path, "a1", 1)
    zombie.add(0, 1, {"by": "a1"})
    owner = UnitLog(path, "a2", 2)
    zombie.add(1, 1, {"by": "zombie"})
    owner.add(1, 1, {"by": "a2"})
    zombie.add(2, 1, {"by": "zombie"})
    assert {number: unit.data["by"] for number, unit in read_units(path).items()} == {0: "a1", 1: "a2"}
    owner.close()
    zombie.close()


def test_a_woken_process_cannot_take_over_from_a_newer_epoch(path: Path) -> None:
    UnitLog(path, "a2", 2).close()
    zombie = UnitLog(path, "a1", 1)
    zombie.add(0, 1, {})
    zombie.close()
    assert read_units(path) == {}


def test_a_takeover_within_one_epoch_counts_too(path: Path) -> None:
    first = UnitLog(path, "a1", 1)
    second = UnitLog(path, "a2", 1)
    first.add(0, 1, {"by": "a1"})
    second.add(0, 1, {"by": "a2"})
    assert read_units(path)[0].data == {"by": "a2"}
    first.close()
    second.close()


def test_lines_of_another_version_are_passed_over(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(crc_line({"note": "hello"}) + unit(0))
    assert list(read_units(path)) == [0]


def test_threads_may_add_together(path: Path) -> None:
    log = UnitLog(path, "a1", 1)
    threads = [threading.Thread(target=log.add, args=(number, 1.0, {"n": number})) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert {number: unit.data for number, unit in read_units(path).items()} == {n: {"n": n} for n in range(20)}


def test_a_closed_log_takes_nothing_and_says_so(path: Path) -> None:
    log = UnitLog(path, "a1", 1)
    log.close()
    with pytest.raises(StorageError):
        log.add(0, 1, {})
    assert log.done() == {}


def test_a_symlink_in_place_of_the_log_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    (tmp_path / "target").write_text("untouched")
    path.symlink_to(tmp_path / "target")
    with pytest.raises(StorageError):
        UnitLog(path, "a1", 1)
    assert (tmp_path / "target").read_text() == "untouched"


def test_work_without_a_unit_makes_nothing_durable_and_the_first_unit_its_names_too(path: Path) -> None:
    with fsyncs() as seen:
        log = UnitLog(path, "a1", 1)
        assert seen == []
        log.add(0, 1, {})
        assert seen[-1] == path
        assert {path.parent, path.parent.parent, path.parent.parent.parent} <= set(seen)
        seen.clear()
        log.add(1, 1, {})
        assert seen == [path]
    log.close()
