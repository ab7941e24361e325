import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Damaged
from core.store.artifacts import RECEIPT, Artifacts, Receipt, stage_key
from core.store.layout import Layout
from core.system.clock import ManualClock
from tests.support.damage import flip
from tests.support.fsyncs import fsyncs
from tests.support.storage import new_layout

STAGE, KEY = "transcribe", "0123abcd"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return new_layout(tmp_path)


@pytest.fixture
def artifacts(layout: Layout) -> Artifacts:
    return Artifacts(layout, ManualClock())


def made(layout: Layout, attempt: str = "a1", **contents: str) -> Path:
    folder = layout.work(STAGE, KEY) / f"tmp.{attempt}"
    (folder / "sub").mkdir(parents=True)
    for name, text in (contents or {"text": "hello", "sub/more": "there"}).items():
        (folder / name).write_text(text)
    return folder


def receipt(**changes: Any) -> Receipt:
    values: dict[str, Any] = {"stage": STAGE, "key": KEY, "version": 1, "params": {"model": "tiny"}, "attempt": "a1"}
    return Receipt(**(values | changes))


def test_what_is_published_is_verified_and_the_receipt_tells_all(layout: Layout, artifacts: Artifacts) -> None:
    given = artifacts.publish(STAGE, KEY, made(layout), receipt(facts={"words": 2}))
    assert {name: entry.size for name, entry in given.files.items()} == {"sub/more": 5, "text": 5}
    assert given.ended_at is not None
    for deep in (False, True):
        assert artifacts.verify(STAGE, KEY, deep) == given
    assert artifacts.receipt(STAGE, KEY) == given
    assert (layout.artifact(STAGE, KEY) / "text").read_text() == "hello"
    assert not (layout.work(STAGE, KEY) / "tmp.a1").exists()
    assert artifacts.published() == [(STAGE, KEY)]


def test_every_file_is_made_durable_once_before_it_is_published(layout: Layout, artifacts: Artifacts) -> None:
    with fsyncs() as seen:
        artifacts.publish(STAGE, KEY, made(layout), receipt())
        first = list(seen)
        seen.clear()
        artifacts.publish(STAGE, "other", made(layout, "a2"), receipt(key="other"))
    assert sorted(path.name for path in first if path.suffix or path.name in ("text", "more")) == [
        "more", "receipt.json", "text", "tmp.a1",
    ]  # fmt: skip
    assert layout.artifacts in first
    assert first[-2:] == [layout.artifacts / STAGE, layout.work(STAGE, KEY)]
    assert layout.artifacts not in seen  # the folder of the stage is known to be durable by now


def test_nothing_published_is_no_receipt(artifacts: Artifacts) -> None:
    assert artifacts.receipt(STAGE, KEY) is None
    assert artifacts.verify(STAGE, KEY, deep=True) is None


def test_whoever_publishes_second_gets_the_first_and_drops_his(layout: Layout, artifacts: Artifacts) -> None:
    first = artifacts.publish(STAGE, KEY, made(layout), receipt())
    late = made(layout, "a2", text="other")
    assert artifacts.publish(STAGE, KEY, late, receipt(attempt="a2")) == first
    assert not late.exists()
    assert (layout.artifact(STAGE, KEY) / "text").read_text() == "hello"


@pytest.mark.parametrize(
    ("damage", "deep"),
    [
        (lambda folder: (folder / "text").unlink(), False),
        (lambda folder: (folder / "text").write_text("hell"), False),
        (lambda folder: flip(folder / "text", 0), True),
        (lambda folder: flip(folder / RECEIPT), False),
        (lambda folder: (folder / RECEIPT).unlink(), False),
        (lambda folder: (folder / RECEIPT).write_bytes(b""), False),
        (lambda folder: ((folder / "text").unlink(), (folder / "text").symlink_to("/etc/hostname")), False),
        (lambda folder: ((folder / RECEIPT).unlink(), os.mkfifo(folder / RECEIPT)), False),
    ],
    ids=["missing", "short", "bit", "receipt bit", "no receipt", "empty receipt", "symlink", "fifo"],
)
def test_a_damaged_artifact_goes_to_quarantine_and_can_be_made_again(
    layout: Layout, artifacts: Artifacts, damage: Any, deep: bool
) -> None:
    artifacts.publish(STAGE, KEY, made(layout), receipt())
    damage(layout.artifact(STAGE, KEY))
    assert artifacts.verify(STAGE, KEY, deep) is None
    assert not layout.artifact(STAGE, KEY).exists()
    assert len(list(layout.quarantine.glob(f"*{KEY}"))) == 1
    artifacts.publish(STAGE, KEY, made(layout, "a2"), receipt())
    assert artifacts.verify(STAGE, KEY, deep=True) is not None


def test_looking_only_changes_nothing(layout: Layout, artifacts: Artifacts) -> None:
    artifacts.publish(STAGE, KEY, made(layout), receipt())
    flip(layout.artifact(STAGE, KEY) / "text", 0)
    found, finding = artifacts.inspect(STAGE, KEY, deep=True, repair=False)
    assert found is None
    assert finding is not None
    assert "checksum" in finding.problem
    assert layout.artifact(STAGE, KEY).exists()


def test_an_artifact_moved_to_another_key_is_not_believed(layout: Layout, artifacts: Artifacts) -> None:
    artifacts.publish(STAGE, KEY, made(layout), receipt())
    layout.artifact(STAGE, KEY).rename(layout.artifact(STAGE, "ffff"))
    assert artifacts.verify(STAGE, "ffff", deep=False) is None


def test_ours_takes_the_place_of_a_damaged_one(layout: Layout, artifacts: Artifacts) -> None:
    artifacts.publish(STAGE, KEY, made(layout), receipt())
    (layout.artifact(STAGE, KEY) / "text").unlink()
    ours = artifacts.publish(STAGE, KEY, made(layout, "a2", text="ours"), receipt(attempt="a2"))
    assert ours.attempt == "a2"
    assert artifacts.verify(STAGE, KEY, deep=True) == ours


def test_a_folder_made_by_hand_does_not_block_publishing(layout: Layout, artifacts: Artifacts) -> None:
    (layout.artifact(STAGE, KEY) / "stray").mkdir(parents=True)
    assert artifacts.publish(STAGE, KEY, made(layout), receipt()) == artifacts.verify(STAGE, KEY, deep=True)


@pytest.mark.parametrize("kind", ["symlink", "fifo", "link to a folder"])
def test_only_files_and_folders_are_published(layout: Layout, artifacts: Artifacts, kind: str) -> None:
    folder = made(layout)
    if kind == "fifo":
        os.mkfifo(folder / "x")
    else:
        (folder / "x").symlink_to("/etc/hostname" if kind == "symlink" else "/etc")
    with pytest.raises(Damaged):
        artifacts.publish(STAGE, KEY, folder, receipt())
    assert not layout.artifact(STAGE, KEY).exists()


def test_a_stage_cannot_forge_the_receipt(layout: Layout, artifacts: Artifacts) -> None:
    folder = made(layout)
    (folder / RECEIPT).write_text("{}")
    assert RECEIPT not in artifacts.publish(STAGE, KEY, folder, receipt()).files
    assert artifacts.verify(STAGE, KEY, deep=True) is not None


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_a_key_does_not_depend_on_the_order_of_parameters(params: dict[str, Any]) -> None:
    backwards = dict(reversed(params.items()))
    assert stage_key("quotes", 1, params, {}, 0) == stage_key("quotes", 1, backwards, {}, 0)


def test_anything_that_changes_the_result_changes_the_key() -> None:
    keys = {
        stage_key("quotes", 1, {"a": 1}, {"transcribe": "x"}, 0),
        stage_key("summary", 1, {"a": 1}, {"transcribe": "x"}, 0),
        stage_key("quotes", 2, {"a": 1}, {"transcribe": "x"}, 0),
        stage_key("quotes", 1, {"a": 2}, {"transcribe": "x"}, 0),
        stage_key("quotes", 1, {"a": 1}, {"transcribe": "y"}, 0),
        stage_key("quotes", 1, {"a": 1}, {"transcribe": "x"}, 1),
    }
    assert len(keys) == 6
    assert all(len(key) == 32 for key in keys)
    with pytest.raises(ValueError):
        stage_key("quotes", 1, {"a": math.nan}, {}, 0)


def test_nothing_is_made_of_what_lies_aside(layout: Layout, artifacts: Artifacts) -> None:
    plain = artifacts.publish(STAGE, KEY, made(layout, text="hello"), receipt())
    folder = made(layout, "a2", text="hello", poster="a picture")
    pictured = artifacts.publish(STAGE, "other", folder, receipt(key="other", facts={"aside": ["poster"]}))
    assert set(pictured.files) == {"text", "poster"}
    assert pictured.content == plain.content
