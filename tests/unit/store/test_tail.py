"""Following the journal: each line once, in order, from where one left off, whatever happens to its end."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.store import tail as module
from core.store.journal import Event, Journal
from core.store.layout import Layout
from core.store.tail import Tail
from core.system.clock import ManualClock
from tests.support.storage import NOON


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "storage")
    layout.create()
    return layout


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def append(layout: Layout, clock: ManualClock, *types: str) -> None:
    Journal(layout, clock).append([Event(type=name) for name in types])


def types(tail: Tail) -> list[str]:
    """All that is new."""
    found: list[str] = []
    while lines := tail.more():
        found += [line["type"] for line in lines]
    return found


def test_each_line_is_told_once_and_in_order(layout: Layout, clock: ManualClock) -> None:
    tail = Tail(layout, 0)
    assert types(tail) == []
    append(layout, clock, "a", "b")
    assert types(tail) == ["a", "b"]
    assert types(tail) == []
    append(layout, clock, "c")
    assert types(tail) == ["c"]


def test_a_reader_goes_on_after_the_number_it_dealt_with_last(layout: Layout, clock: ManualClock) -> None:
    append(layout, clock, "a", "b", "c")
    tail = Tail(layout, 2)
    assert types(tail) == ["c"]
    assert tail.seq == 3


def test_days_follow_each_other(layout: Layout, clock: ManualClock) -> None:
    for name in ("a", "b", "c"):
        append(layout, clock, name, f"{name}2")
        clock.advance(timedelta(days=1).total_seconds())
    assert types(Tail(layout, 0)) == ["a", "a2", "b", "b2", "c", "c2"]
    assert types(Tail(layout, 3)) == ["b2", "c", "c2"]
    assert types(Tail(layout, 6)) == []


def test_a_day_that_begins_while_one_reads_is_met(layout: Layout, clock: ManualClock) -> None:
    append(layout, clock, "a")
    tail = Tail(layout, 0)
    assert types(tail) == ["a"]
    append(layout, clock, "b")
    clock.advance(86400)
    append(layout, clock, "c")
    assert types(tail) == ["b", "c"]


def test_a_line_that_is_still_being_written_is_waited_for(layout: Layout, clock: ManualClock) -> None:
    append(layout, clock, "a", "b")
    (path,) = Journal(layout, clock).days()
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    tail = Tail(layout, 0)
    assert types(tail) == ["a"]
    path.write_bytes(whole)
    assert types(tail) == ["b"]


def test_lines_that_were_taken_back_make_room_for_others(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    journal.append([Event(type="a")])
    (path,) = journal.days()
    before = path.read_bytes()
    journal.append([Event(type="lost")])
    tail = Tail(layout, 0)
    assert types(tail) == ["a", "lost"]
    path.write_bytes(before)  # its fsync failed: it is cut off again, and its number is not given twice
    journal._end, journal._lost = None, 1
    journal.append([Event(type="next")])
    assert types(tail) == ["next"]


def test_damaged_lines_are_passed_over(layout: Layout, clock: ManualClock) -> None:
    append(layout, clock, "a", "b", "c")
    (path,) = Journal(layout, clock).days()
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"x"'))
    assert types(Tail(layout, 0)) == ["a", "c"]


def test_much_is_told_in_pieces(layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 256)
    names = [f"event.{number}" for number in range(40)]
    append(layout, clock, *names)
    tail = Tail(layout, 0)
    assert len(tail.more()) < 40
    assert types(Tail(layout, 0)) == names


def test_a_line_longer_than_a_piece_is_told_whole(
    layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    append(layout, clock, "a" * 300, "b")
    assert types(Tail(layout, 0)) == ["a" * 300, "b"]


def test_who_begins_at_the_end_has_the_latest_lines_and_then_each_new_one(layout: Layout, clock: ManualClock) -> None:
    tail = Tail(layout, 0)
    assert tail.latest() == ([], True)
    append(layout, clock, "a", "b")
    tail = Tail(layout, 0)
    lines, whole = tail.latest()
    assert ([line["type"] for line in lines], whole, tail.seq) == (["a", "b"], True, 2)
    assert types(tail) == []
    append(layout, clock, "c")
    assert types(tail) == ["c"]


def test_of_a_long_journal_the_latest_lines_are_said_not_to_be_all(
    layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"n{number}" for number in range(50)]
    append(layout, clock, *names)
    monkeypatch.setattr(module, "BLOCK_BYTES", 500)
    tail = Tail(layout, 0)
    lines, whole = tail.latest()
    assert not whole
    assert [line["type"] for line in lines] == names[-len(lines) :]
    append(layout, clock, "m")
    assert types(tail) == ["m"]
    clock.advance(timedelta(days=1).total_seconds())
    append(layout, clock, "tomorrow")
    lines, whole = Tail(layout, 0).latest()
    assert ([line["type"] for line in lines], whole) == (["tomorrow"], False)
