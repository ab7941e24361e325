import logging
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.structs import replace

from core.store import watch as module
from core.store.journal import Event
from core.store.progress import write_progress
from core.store.state import StateStore
from core.store.watch import Watch
from tests.support.storage import BATCH, RUN, a_batch, a_run, new_store

Told = queue.Queue[tuple[str, str]]


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return new_store(tmp_path)


@pytest.fixture
def told(store: StateStore) -> Iterator[Told]:
    calls: Told = queue.Queue()
    watch = Watch(store.layout, lambda kind, name: calls.put((kind, name)))
    watch.start()
    yield calls
    watch.stop()


def expect(told: Told, wanted: tuple[str, str]) -> None:
    while told.get(timeout=10) != wanted:
        pass


def test_every_kind_of_change_is_told(store: StateStore, told: Told) -> None:
    store.runs.create(RUN, a_run())
    expect(told, ("run", RUN))
    store.batches.create(BATCH, a_batch())
    expect(told, ("batch", BATCH))
    store.pool.update("pool", lambda pool: replace(pool, epoch=1))
    expect(told, ("pool", "pool"))
    write_progress(store.layout, RUN, {"done": 1})
    expect(told, ("progress", RUN))


def test_the_journal_is_told_of_to_who_wants_it(store: StateStore) -> None:
    calls: Told = queue.Queue()
    watch = Watch(store.layout, lambda kind, name: calls.put((kind, name)), journal=True)
    watch.start()
    store.journal.append([Event(type="a")])
    day = next(store.layout.journal.glob("*.jsonl")).stem
    expect(calls, ("journal", day))
    store.journal.append([Event(type="b")])
    expect(calls, ("journal", day))
    watch.stop()


def test_nothing_else_is_told(store: StateStore, told: Told) -> None:
    (store.layout.state / "r_x.json.tmp").touch()
    (store.layout.state / "notes.json").touch()
    (store.layout.progress / "pool.json").touch()
    (store.layout.batches / "r_x.json").touch()
    store.runs.create(RUN, a_run())
    assert told.get(timeout=10) == ("run", RUN)


def test_a_reader_is_not_told_of_and_progress_only_to_those_who_want_it(store: StateStore) -> None:
    calls: Told = queue.Queue()
    watch = Watch(store.layout, lambda kind, name: calls.put((kind, name)), progress=False)
    store.runs.create(RUN, a_run())
    watch.start()
    store.runs.get(RUN)
    write_progress(store.layout, RUN, {"done": 1})
    store.batches.create(BATCH, a_batch())
    assert calls.get(timeout=10) == ("batch", BATCH)
    watch.stop()


def test_without_the_kernels_help_it_looks_by_itself_and_says_so(
    store: StateStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Exhausted(module.InotifyFD):
        def add_callback(self, *_: object) -> NoReturn:
            raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(module, "InotifyFD", Exhausted)
    monkeypatch.setattr(module, "_POLL_S", 0.02)
    calls: Told = queue.Queue()
    watch = Watch(store.layout, lambda kind, name: calls.put((kind, name)))
    with caplog.at_level(logging.WARNING):
        watch.start()
    store.runs.create(RUN, a_run())
    expect(calls, ("run", RUN))
    watch.stop()
    assert "inotify watch limit" in caplog.text


def test_after_the_stop_nothing_is_told(store: StateStore) -> None:
    calls: Told = queue.Queue()
    watch = Watch(store.layout, lambda kind, name: calls.put((kind, name)))
    watch.start()
    watch.stop()
    watch.stop()
    store.runs.create(RUN, a_run())
    assert calls.empty()
