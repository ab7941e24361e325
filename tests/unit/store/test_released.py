"""Files as released versions wrote them: each can still be read, for ever. Never change a file in `released/`."""

from pathlib import Path

import pytest

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.run import RunRecord
from core.store.artifacts import RECEIPT, Artifacts
from core.store.codec import SCHEMA, Codec
from core.store.state import StateStore
from core.store.units import read_units
from tests.support.released import released
from tests.support.storage import BATCH, RUN, new_store

KINDS = {"run": (RunRecord, RUN), "batch": (BatchRecord, BATCH), "pool": (PoolRecord, "pool")}


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return new_store(tmp_path)


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_every_released_state_file_is_read(schema: int, kind: str) -> None:
    body, name = KINDS[kind]
    opened = Codec(kind, body).decode(name, released(f"schema-{schema}/{kind}.json"))
    assert opened.schema == schema
    assert opened.gen >= 1


def test_released_units_receipts_and_journals_are_read(store: StateStore, tmp_path: Path) -> None:
    (tmp_path / "units.jsonl").write_bytes(released("schema-1/units.jsonl"))
    assert [unit.data for unit in read_units(tmp_path / "units.jsonl").values()] == [{"text": "Grüße"}]
    folder = store.layout.artifact("transcribe", "abc")
    folder.mkdir(parents=True)
    (folder / RECEIPT).write_bytes(released("schema-1/receipt.json"))
    (folder / "text").write_bytes(b"hello")
    receipt = Artifacts(store.layout, store.clock).verify("transcribe", "abc", deep=True)
    assert receipt is not None
    assert receipt.facts == {"language": "en"}
    (store.layout.journal / "2026-06-01.jsonl").write_bytes(released("schema-1/journal.jsonl"))
    assert [event.type for event in store.journal.events()] == ["run.claim"]
