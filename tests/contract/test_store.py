"""One contract, two stores: the real one on a disk, and the one in memory that the simulation believes in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.errors import BadInput, Fenced, NotFound
from core.store.journal import Event
from core.store.state import Conflict
from core.system.clock import ManualClock
from tests.support.simulation.disk import Disk
from tests.support.simulation.faults import Crash, Faults
from tests.support.simulation.store import MemoryStore
from tests.support.storage import BATCH, NOON, RUN, a_batch, a_run, a_transition, new_store, titled

Store = Any


def on_disk(folder: Path) -> Store:
    return new_store(folder)


def in_memory(folder: Path) -> Store:
    return MemoryStore(Disk(), ManualClock(NOON))


@pytest.fixture(params=[on_disk, in_memory], ids=["on disk", "in memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    make: Callable[[Path], Store] = request.param
    return make(tmp_path)


def test_a_new_store_has_its_pool_and_nothing_else(store: Store) -> None:
    assert store.pool.ids() == ["pool"]
    assert store.pool.get("pool").value.epoch == 0
    assert (store.runs.ids(), store.batches.ids()) == ([], [])


def test_what_is_created_can_be_read_back_as_it_was(store: Store) -> None:
    run = a_run(title="A talk", transitions=[a_transition()])
    stored = store.runs.create(RUN, run, epoch=3)
    assert (stored.value, stored.gen, stored.epoch) == (run, 1, 3)
    assert store.runs.get(RUN) == stored
    assert store.runs.load_all() == ({RUN: stored}, [])
    assert store.runs.load_all(repair=False)[0] == {RUN: stored}


def test_what_is_there_is_not_created_again(store: Store) -> None:
    store.batches.create(BATCH, a_batch())
    with pytest.raises(Conflict):
        store.batches.create(BATCH, a_batch(name="another"))
    assert store.batches.get(BATCH).value.name == "talks"


@pytest.mark.parametrize("act", ["get", "put", "update"])
def test_what_was_never_made_is_not_found(store: Store, act: str) -> None:
    acts: dict[str, Callable[[], object]] = {
        "get": lambda: store.runs.get(RUN),
        "put": lambda: store.runs.put(RUN, a_run(), 1),
        "update": lambda: store.runs.update(RUN, titled("new")),
    }
    with pytest.raises(NotFound):
        acts[act]()
    assert store.runs.lost_because(RUN) is not None


def test_every_change_is_one_generation_more(store: Store) -> None:
    store.runs.create(RUN, a_run())
    assert [store.runs.update(RUN, titled(title)).gen for title in ("one", "two")] == [2, 3]
    assert store.runs.get(RUN).value.title == "two"
    assert store.runs.lost_because(RUN) is None


def test_the_very_same_object_is_not_written(store: Store) -> None:
    store.runs.create(RUN, a_run())
    assert store.runs.update(RUN, lambda run: run).gen == 1
    assert store.runs.get(RUN).gen == 1


def test_an_equal_but_other_object_is_written(store: Store) -> None:
    store.runs.create(RUN, a_run())
    assert store.runs.update(RUN, replace).gen == 2


def test_a_change_that_raises_changes_nothing(store: Store) -> None:
    store.runs.create(RUN, a_run())

    def refuse(run: object) -> Any:
        raise BadInput("no")

    with pytest.raises(BadInput, match="no"):
        store.runs.update(RUN, refuse)
    assert store.runs.get(RUN).gen == 1


def test_a_value_that_cannot_be_read_back_is_refused_and_nothing_is_changed(store: Store) -> None:
    store.runs.create(RUN, a_run())
    with pytest.raises(BadInput):
        store.runs.update(RUN, lambda run: replace(run, duration_s=float("nan")))
    assert (store.runs.get(RUN).gen, store.runs.get(RUN).value.duration_s) == (1, None)


def test_put_needs_the_generation_it_was_made_from(store: Store) -> None:
    store.runs.create(RUN, a_run())
    assert store.runs.put(RUN, a_run(title="one"), 1).gen == 2
    with pytest.raises(Conflict):
        store.runs.put(RUN, a_run(title="two"), 1)
    assert store.runs.get(RUN).value.title == "one"


def test_an_older_epoch_is_fenced_off_even_when_it_would_change_nothing(store: Store) -> None:
    store.runs.create(RUN, a_run(), epoch=2)
    with pytest.raises(Fenced):
        store.runs.update(RUN, lambda run: run, epoch=1)
    with pytest.raises(Fenced):
        store.runs.put(RUN, a_run(), 1, epoch=1)
    assert store.runs.get(RUN).gen == 1


def test_a_write_without_an_epoch_keeps_the_one_there_is(store: Store) -> None:
    store.runs.create(RUN, a_run(), epoch=2)
    assert store.runs.update(RUN, titled("command")).epoch == 2
    assert store.runs.update(RUN, titled("service"), epoch=3).epoch == 3
    assert store.runs.put(RUN, a_run(), 3).epoch == 3


def test_a_removed_record_is_gone_and_may_be_made_again(store: Store) -> None:
    store.runs.create(RUN, a_run(), epoch=3)
    store.runs.update(RUN, titled("one"))
    store.runs.remove(RUN)
    store.runs.remove(RUN)
    assert (store.runs.ids(), store.runs.load_all()) == ([], ({}, []))
    with pytest.raises(NotFound):
        store.runs.get(RUN)
    assert store.runs.create(RUN, a_run(), epoch=1).gen == 1


def test_a_record_can_be_held_while_another_is_changed(store: Store) -> None:
    store.runs.create(RUN, a_run())
    store.batches.create(BATCH, a_batch())
    with store.batches.holding(BATCH):
        assert store.batches.get(BATCH).gen == 1
        assert store.runs.update(RUN, titled("held")).gen == 2
    assert store.batches.update(BATCH, lambda batch: replace(batch, name="free")).gen == 2


def test_the_journal_numbers_what_it_is_told(store: Store) -> None:
    assert store.journal.append([]) == 0
    assert store.journal.append([Event(type="a"), Event(type="b", run_id=RUN)]) == 2
    assert store.journal.append([Event(type="c")]) == 3
    lines = list(store.journal.lines())
    assert [(line["seq"], line["type"]) for line in lines] == [(3, "c"), (2, "b"), (1, "a")]
    assert lines[1]["run_id"] == RUN
    assert store.journal.last_seq() == 3


def test_a_transition_that_no_line_tells_of_is_told_once(store: Store) -> None:
    run = a_run(transitions=[a_transition(1), a_transition(2)])
    assert store.journal.reemit([run]) == 2
    assert store.journal.reemit([run]) == 0
    told = [line["data"]["transition"] for line in store.journal.lines() if line["type"] == "run.claim"]
    assert told == [f"{RUN}.2", f"{RUN}.1"]


def test_a_crash_before_or_after_a_write_leaves_the_old_or_the_new_record_in_memory() -> None:
    disk = Disk()
    MemoryStore(disk, ManualClock(NOON)).runs.create(RUN, a_run(title="old"))
    for kind, title in (("crash before", "old"), ("crash after", "new")):
        faults = Faults()
        store = MemoryStore(disk, ManualClock(NOON), faults)
        faults.arm(kind, 1)  # type: ignore[arg-type]
        with pytest.raises(Crash):
            store.runs.update(RUN, titled("new"))
        with pytest.raises(Crash):
            store.runs.get(RUN)
        assert MemoryStore(disk, ManualClock(NOON)).runs.get(RUN).value.title == title
