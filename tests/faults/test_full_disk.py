"""The disk really is full, or has no more inodes; the storage says so, loses nothing, and goes on once there is room."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.errors import StorageError
from core.store.artifacts import Artifacts, Receipt
from core.store.check import check
from core.store.journal import Event
from core.store.locks import Lock
from core.store.state import StateStore
from core.store.units import UnitLog
from core.system import files
from core.system.identity import this_process
from tests.support.small_disk import fill_bytes, fill_inodes, remount, small_disk
from tests.support.storage import RUN, a_run, new_layout, new_store

pytestmark = pytest.mark.root

STAGE, KEY = "transcribe", "abc"


FULL = {"bytes": ("size=2m", fill_bytes), "inodes": ("size=16m,nr_inodes=200", fill_inodes)}


def writes(store: StateStore, log: UnitLog) -> dict[str, Callable[[], object]]:
    """Everything that needs room, as an attempt of it."""

    def publish() -> object:
        folder = store.layout.work(STAGE, KEY) / "tmp.a1"
        return Artifacts(store.layout, store.clock).publish(
            STAGE, KEY, folder, Receipt(stage=STAGE, key=KEY, version=1, params={})
        )

    return {
        "update": lambda: store.runs.update(RUN, lambda run: replace(run, title="new" * 3000)),
        "create": lambda: store.runs.create("r_new", a_run("r_new")),
        "journal": lambda: [store.journal.append([Event(type="x" * 5000)]) for _ in range(3)],
        "unit": lambda: log.add(1, 1, {"text": "x" * 9000}),
        "publish": publish,
    }


NEEDS_ROOM = [("bytes", what) for what in ("update", "create", "journal", "unit", "publish")]
NEEDS_INODES = [("inodes", what) for what in ("update", "create", "publish")]


@pytest.mark.parametrize(("kind", "what"), NEEDS_ROOM + NEEDS_INODES)
def test_a_full_disk_is_said_harms_nothing_and_is_got_over(tmp_path: Path, kind: str, what: str) -> None:
    options, fill = FULL[kind]
    with small_disk(tmp_path / "disk", options) as folder:
        is_got_over(folder, fill, what)


def is_got_over(folder: Path, fill: Callable[[Path], Callable[[], None]], what: str) -> None:
    store = new_store(folder)
    store.runs.create(RUN, a_run())
    store.runs.update(RUN, lambda run: replace(run, title="before"))
    store.journal.append([Event(type="before")])
    made = store.layout.work(STAGE, KEY) / "tmp.a1"
    made.mkdir(parents=True)
    (made / "text").write_text("hello")
    path = made.parent / "units.jsonl"
    log = UnitLog(path, "a1", 1)
    log.add(0, 1, {})
    free = fill(folder)

    with pytest.raises(StorageError, match="disk is full"):
        writes(store, log)[what]()
    log.close()
    assert store.runs.get(RUN).value.title == "before"
    assert list(store.layout.quarantine.iterdir()) == []
    assert not list(store.layout.state.glob("*.tmp"))
    assert not store.layout.artifact(STAGE, KEY).exists()

    free()
    log = UnitLog(path, "a2", 2)
    assert list(log.done()) == [0]
    writes(store, log)[what]()
    log.close()
    assert [finding for finding in check(store.layout, store.clock, repair=False) if "tmp" not in finding.path] == []


def test_a_full_disk_keeps_nobody_from_a_lock(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=2m") as folder:
        layout = new_layout(folder)
        with Lock(layout.service_lock()).holding():
            assert Lock(layout.service_lock()).holder() == this_process()
        fill_bytes(folder)
        lock = Lock(layout.service_lock())
        assert lock.acquire()
        lock.release()


def test_a_disk_that_became_read_only_is_said_and_can_still_be_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4m") as folder:
        store = new_store(folder)
        store.runs.create(RUN, a_run(title="before"))
        remount(folder, "ro")
        with pytest.raises(StorageError, match="Read-only"):
            store.runs.update(RUN, lambda run: replace(run, title="new"))
        assert store.runs.get(RUN).value.title == "before"
        assert store.runs.load_all()[1] == []
        assert files.free_bytes(folder) >= 0
