import json
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.batch import PoolRecord
from core.domain.errors import BadInput, Fenced, NotFound, Refused
from core.domain.run import RunRecord
from core.store import protocol
from core.store.codec import Codec, NewerVersion
from core.store.records import Conflict, Records
from core.store.state import StateStore, open_store
from tests.support.damage import path_of, quarantined
from tests.support.storage import BATCH, RUN, a_batch, a_run, new_store, titled


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return new_store(tmp_path)


def test_what_is_created_is_there_for_every_other_process(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    other = open_store(store.layout, store.clock)
    assert other.runs.get(RUN).value == a_run()
    assert other.runs.get(RUN).gen == 1
    assert other.runs.ids() == [RUN]


def test_nothing_is_created_twice(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    with pytest.raises(Conflict):
        store.runs.create(RUN, a_run(title="second"))
    assert store.runs.get(RUN).value.title == ""


def test_a_change_raises_the_generation_and_keeps_the_file_before(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    assert store.runs.update(RUN, titled("new")).gen == 2
    assert store.runs.get(RUN).value.title == "new"
    assert json.loads(Path(f"{path_of(store)}.prev").read_bytes())["body"]["title"] == ""
    assert (
        json.loads(path_of(store).read_bytes())["prev_crc"]
        == json.loads(Path(f"{path_of(store)}.prev").read_bytes())["crc"]
    )
    assert not list(store.layout.state.glob("*.tmp"))


def test_a_change_that_changes_nothing_writes_nothing(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    inode = path_of(store).stat().st_ino
    assert store.runs.update(RUN, lambda run: run).gen == 1
    assert path_of(store).stat().st_ino == inode


def test_a_refused_change_writes_nothing_and_frees_the_lock(store: StateStore) -> None:
    store.runs.create(RUN, a_run())

    def refuse(_: RunRecord) -> RunRecord:
        raise Refused("no")

    with pytest.raises(Refused):
        store.runs.update(RUN, refuse)
    assert store.runs.update(RUN, titled("later")).gen == 2


def test_what_cannot_be_kept_leaves_the_old_state(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    with pytest.raises(BadInput):
        store.runs.update(RUN, titled("\ud800"))
    assert store.runs.get(RUN).gen == 1


def test_a_replacement_of_what_has_changed_meanwhile_is_refused(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    store.runs.update(RUN, titled("theirs"))
    with pytest.raises(Conflict):
        store.runs.put(RUN, a_run(title="mine"), expect_gen=1)
    assert store.runs.put(RUN, a_run(title="mine"), expect_gen=2).gen == 3


def test_an_older_service_is_fenced_off_and_commands_are_not(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    assert store.runs.update(RUN, titled("5"), epoch=5).epoch == 5
    for late in (
        lambda: store.runs.update(RUN, titled("4"), epoch=4),
        lambda: store.runs.put(RUN, a_run(), 2, epoch=4),
    ):
        with pytest.raises(Fenced):
            late()
    assert store.runs.update(RUN, titled("command")).epoch == 5
    assert store.runs.get(RUN).value.title == "command"


def test_fifty_threads_lose_no_change(store: StateStore) -> None:
    store.runs.create(RUN, a_run())

    def count() -> None:
        for _ in range(4):
            store.runs.update(RUN, lambda run: replace(run, retry_count=run.retry_count + 1))

    threads = [threading.Thread(target=count) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.runs.get(RUN).value.retry_count == 48


def test_what_never_was_is_not_found(store: StateStore) -> None:
    for ask in (lambda: store.runs.get("r_none"), lambda: store.runs.update("r_none", titled(""))):
        with pytest.raises(NotFound):
            ask()
    Path(f"{store.layout.run_state('r_none')}.tmp").write_text("a create that was cut off")
    with pytest.raises(NotFound):
        store.runs.get("r_none")
    assert store.runs.ids() == []


def test_a_newer_file_is_refused_and_not_touched(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    newer = Codec("run", RunRecord, schema=2)
    path_of(store).write_bytes(newer.encode(RUN, a_run(title="future"), gen=9, epoch=1))
    before = path_of(store).read_bytes()
    with pytest.raises(NewerVersion):
        store.runs.get(RUN)
    with pytest.raises(NewerVersion):
        store.runs.update(RUN, titled("x"))
    assert "newer version" in store.runs.load_all()[1][0].problem
    assert path_of(store).read_bytes() == before
    assert quarantined(store) == []


def test_an_older_file_is_backed_up_before_it_is_rewritten(store: StateStore) -> None:
    store.runs.create(RUN, a_run(title="1"))
    old = path_of(store).read_bytes()
    codec = Codec("run", RunRecord, schema=2, migrations={1: lambda body: {**body, "title": body["title"] + "2"}})
    later = Records(
        store.layout, store.clock, codec, folder=store.layout.state, prefix="r_", on_damage=lambda finding: None
    )
    assert later.get(RUN).value.title == "12"
    assert path_of(store).read_bytes() == old, "reading changes nothing"
    later.update(RUN, lambda run: replace(run, position=1))
    assert (store.layout.backups / "schema-1" / f"{RUN}.json").read_bytes() == old
    assert json.loads(path_of(store).read_bytes())["schema"] == 2


def test_a_write_underneath_without_the_lock_stops_ours(store: StateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.runs.create(RUN, a_run())
    keep = protocol._keep

    def keep_while_somebody_writes(name: str) -> None:
        keep(name)
        Path(name).unlink()
        Path(name).write_bytes(Codec("run", RunRecord).encode(RUN, a_run(title="theirs"), gen=2, epoch=0))

    monkeypatch.setattr(protocol, "_keep", keep_while_somebody_writes)
    with pytest.raises(Fenced):
        store.runs.update(RUN, titled("mine"))
    assert store.runs.get(RUN).value.title == "theirs"


def test_the_pool_is_there_from_the_start(store: StateStore) -> None:
    assert store.pool.get("pool").value == PoolRecord()
    assert store.pool.update("pool", lambda pool: replace(pool, epoch=1)).gen == 2
    assert open_store(store.layout, store.clock).pool.get("pool").value.epoch == 1


def test_batches_and_runs_do_not_meet(store: StateStore) -> None:
    store.batches.create(BATCH, a_batch())
    store.runs.create(RUN, a_run())
    assert store.batches.ids() == [BATCH]
    assert store.runs.ids() == [RUN]
    assert store.batches.get(BATCH).value.name == "talks"


def test_foreign_files_in_the_folder_are_passed_over(store: StateStore) -> None:
    for name in ("notes.txt", "r_../x.json".replace("/", "_"), ".hidden.json", "r_A.json"):
        (store.layout.state / name).touch()
    assert store.runs.load_all() == ({}, [])
