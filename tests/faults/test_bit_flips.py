"""Every single bit of everything the store writes is turned over once; nothing wrong is ever believed."""

from pathlib import Path

import pytest

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import Damaged
from core.domain.run import RunRecord
from core.store.artifacts import RECEIPT, Artifacts, Receipt
from core.store.codec import Codec, is_sealed
from core.store.journal import Event
from core.store.state import StateStore
from core.store.units import UnitLog
from core.system.lines import scan_crc_lines
from tests.support.bits import flipped
from tests.support.storage import BATCH, RUN, a_batch, a_run, new_store

STAGE, KEY = "transcribe", "abc"


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    store = new_store(tmp_path)
    store.runs.create(RUN, a_run(title="Grüße aus dem Allgäu"))
    store.batches.create(BATCH, a_batch())
    return store


def test_no_flip_of_a_state_file_is_believed(store: StateStore) -> None:
    files = (
        (Codec("run", RunRecord), RUN, store.layout.run_state(RUN)),
        (Codec("batch", BatchRecord), BATCH, store.layout.batch_state(BATCH)),
        (Codec("pool", PoolRecord), "pool", store.layout.pool_state()),
    )
    for codec, name, path in files:
        believed = []
        for position, data in flipped(path.read_bytes()):
            try:
                codec.decode(name, data)
            except Damaged:
                continue
            believed.append(position)
        assert believed == [], path.name


def test_any_flip_is_put_right_from_the_file_before(store: StateStore) -> None:
    store.runs.update(RUN, lambda run: a_run(title="second"))
    path = store.layout.run_state(RUN)
    good = path.read_bytes()
    for _, data in list(flipped(good))[::997]:
        path.write_bytes(data)
        assert store.runs.get(RUN).value.title == "Grüße aus dem Allgäu"


def test_no_flip_of_a_receipt_is_believed(store: StateStore) -> None:
    artifacts = Artifacts(store.layout, store.clock)
    folder = store.layout.work(STAGE, KEY) / "tmp.a1"
    folder.mkdir(parents=True)
    (folder / "text").write_text("hello")
    artifacts.publish(STAGE, KEY, folder, Receipt(stage=STAGE, key=KEY, version=1, params={"model": "tiny"}))
    path = store.layout.artifact(STAGE, KEY) / RECEIPT
    good = path.read_bytes()
    assert is_sealed(good)
    assert [position for position, data in flipped(good) if is_sealed(data)] == []
    for position, data in list(flipped(good))[::101]:
        path.write_bytes(data)
        assert artifacts.receipt(STAGE, KEY) is None, f"bit {position} was believed"


def test_a_flip_in_a_file_of_lines_costs_at_most_the_lines_it_touches(store: StateStore) -> None:
    log = UnitLog(store.layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    for number in range(3):
        log.add(number, 1, {"n": number})
    log.close()
    store.journal.append([Event(type="one"), Event(type="two"), Event(type="three")])
    for path in (log.path, next(store.layout.journal.glob("*.jsonl"))):
        good = scan_crc_lines(path.read_bytes()).records
        for position, data in flipped(path.read_bytes()):
            left = scan_crc_lines(data).records
            assert all(record in good for record in left), f"bit {position} was believed"
            # A flipped newline joins two lines, any other bit harms one.
            assert len(good) - 2 <= len(left) < len(good)
