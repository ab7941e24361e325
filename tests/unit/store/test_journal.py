import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.domain.errors import StorageError
from core.store.journal import Event, Journal, transition_event
from core.store.layout import Layout
from core.system import files
from core.system.clock import ManualClock
from tests.support.storage import BATCH, NOON, RUN, a_batch, a_run, a_transition, new_layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return new_layout(tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def events(count: int, **changes: object) -> list[Event]:
    return [Event(type=f"test.{number}", **changes) for number in range(count)]  # type: ignore[arg-type]


def the_file(layout: Layout) -> Path:
    return sorted(layout.journal.glob("*.jsonl"))[-1]


def test_events_are_numbered_in_order_and_read_back(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    assert journal.append([Event(type="run.claim", run_id=RUN, source="queued", target="running", data={"a": 1})]) == 1
    assert Journal(layout, clock).append(events(2)) == 3
    assert journal.append([]) == 3
    first, *rest = journal.events()
    assert (first.seq, first.t, first.source, first.target) == (1, "2026-06-01T12:00:00.000Z", "queued", "running")
    assert [event.seq for event in rest] == [2, 3]
    assert the_file(layout).name == "2026-06-01.jsonl"


def test_the_events_of_one_run_or_batch_are_found(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    journal.append(events(3, run_id=RUN, batch_id=BATCH))
    clock.advance(86400)
    journal.append(events(3, run_id="r_other", batch_id=BATCH))
    assert [event.seq for event in journal.events(run_id=RUN)] == [1, 2, 3]
    assert [event.seq for event in journal.events(batch_id=BATCH, limit=2)] == [5, 6]
    assert len(journal.events()) == 6


def test_a_torn_end_is_cut_off_and_its_number_not_given_again(layout: Layout, clock: ManualClock) -> None:
    Journal(layout, clock).append(events(3))
    data = the_file(layout).read_bytes()
    for cut in range(1, len(data.splitlines()[2]) + 1):
        the_file(layout).write_bytes(data[:-cut])
        assert [event.seq for event in Journal(layout, clock).events()] == [1, 2]
        assert Journal(layout, clock).append(events(1)) > 3
        assert [event.seq for event in Journal(layout, clock).events()][:2] == [1, 2]


def test_a_tail_of_zeros_as_a_power_cut_leaves_it_is_cut_off(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    for length in (1, 4096, 300_000):
        before = len(journal.events())
        journal.append(events(1))
        with the_file(layout).open("ab") as file:
            file.write(b"\0" * length)
        assert journal.append(events(1)) > 1
        assert len(journal.events()) == before + 2
        assert b"\0" not in the_file(layout).read_bytes()


def test_numbers_of_an_append_that_failed_are_not_given_again(
    layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(layout, clock)
    journal.append(events(1))

    def seen_but_not_durable(fd: int, data: bytes) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(files, "append_durably", seen_but_not_durable)
        with pytest.raises(StorageError):
            journal.append(events(2))
    assert journal.append(events(1)) == 4
    assert journal.append(events(1)) == 5


def test_damaged_lines_cost_only_themselves_and_their_numbers_are_not_given_again(
    layout: Layout, clock: ManualClock
) -> None:
    Journal(layout, clock).append(events(4))
    lines = the_file(layout).read_bytes().splitlines(keepends=True)
    for number in (1, 3):
        lines[number] = lines[number].replace(b"test", b"tset")
    the_file(layout).write_bytes(b"".join(lines))
    assert Journal(layout, clock).append(events(1)) > 4
    assert [event.seq for event in Journal(layout, clock).events()][:2] == [1, 3]


def test_numbers_jump_after_a_boot_since_readers_may_have_seen_lost_lines(layout: Layout, clock: ManualClock) -> None:
    Journal(layout, clock).append(events(2))
    (layout.journal / "boot").write_text("another boot")
    assert Journal(layout, clock).append(events(1)) > 100
    last = Journal(layout, clock).append(events(1))
    assert Journal(layout, clock).append(events(1)) == last + 1


def test_numbers_grow_even_when_the_clock_goes_back_a_day(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    journal.append(events(2))
    clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    journal.append(events(2))
    assert [event.seq for event in Journal(layout, clock).events()] == [1, 2, 3, 4]


def test_many_writers_give_each_number_once(layout: Layout, clock: ManualClock) -> None:
    def write() -> None:
        journal = Journal(layout, clock)
        for _ in range(3):
            journal.append(events(2))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in Journal(layout, clock).events()] == list(range(1, 37))


def test_transitions_kept_out_by_a_crash_are_appended_once(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    told = a_transition(1)
    run = a_run(transitions=[told, a_transition(2, at=NOON + timedelta(seconds=1))])
    journal.append([transition_event(run, told, via="service", gen=2)])
    assert journal.reemit([run]) == 1
    assert journal.reemit([run]) == 0
    found = [event.data["transition"] for event in journal.events(run_id=RUN)]
    assert found == [f"{RUN}.1", f"{RUN}.2"]
    assert journal.events(run_id=RUN)[1].type == "run.claim"


def test_transitions_settled_at_an_earlier_start_are_not_looked_for_again(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    old = a_run(transitions=[a_transition(1)])
    assert journal.reemit([old]) == 1
    clock.advance(3600)
    assert journal.reemit([old]) == 0
    clock.advance(3600)
    fresh = a_run(transitions=[a_transition(1), a_transition(2, at=clock.now())])
    assert journal.reemit([fresh]) == 1
    assert len(journal.events(run_id=RUN)) == 2


def test_batches_have_events_too(layout: Layout, clock: ManualClock) -> None:
    journal = Journal(layout, clock)
    assert journal.reemit([a_batch(transitions=[a_transition(1, BATCH)])]) == 1
    assert journal.events(batch_id=BATCH)[0].type == "batch.claim"
