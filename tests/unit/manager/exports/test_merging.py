"""What was merged before is taken again, but never with a gap that need not be there any more."""

import os
from datetime import timedelta
from typing import Any

import pytest

from core.domain.errors import ErrorClass, StageError
from core.domain.exports import ExportRecord, Missing, finished
from core.manager.exports import merging
from core.manager.exports.making import Made
from core.manager.exports.merging import Merger
from core.store.artifacts import Receipt
from tests.support.exporting import Shop
from tests.support.media_files import media_file
from tests.support.storage import NOON

NEW = Made(size=1, sha256="new", suffix=".mp4")


class Remembering(Merger):
    """Merges nothing, and says when it would."""

    def _make(self, record: ExportRecord) -> Made:
        return NEW


@pytest.fixture
def merger(shop: Shop) -> Merger:
    return Remembering(shop.layout, shop.store, shop.artifacts, shop.clock, 0)


def published(shop: Shop, record: ExportRecord, left_out: dict[str, str], **more: Any) -> None:
    """A merged video under the key of the export, without these members."""
    out = shop.layout.work("merged", record.key) / "tmp.a_1"
    out.mkdir(parents=True)
    (out / "merged.mp4").write_bytes(b"merged")
    facts = {"media": "merged.mp4", "duration": 60.0, "left_out": left_out, **more}
    receipt = Receipt(stage="merged", key=record.key, version=1, params={}, facts=facts, started_at=NOON)
    shop.artifacts.publish("merged", record.key, out, receipt)


def test_the_same_videos_are_merged_once(shop: Shop, merger: Merger) -> None:
    shop.video("a")
    shop.video("b")
    record = shop.ask(format="merged")
    published(shop, record, {})
    made = merger.make(record.export_id)
    assert (made.size, made.suffix, made.left_out) == (6, ".mp4", [])


def test_what_was_left_out_is_named_again_while_it_is_still_damaged(shop: Shop, merger: Merger) -> None:
    victim = shop.video("a")
    shop.video("b")
    record = shop.ask(format="merged")
    published(shop, record, {"0": "001_a.mp4 is gone."})
    shop.file(victim).unlink()
    made = merger.make(record.export_id)
    assert [(missing.title, missing.why, missing.lost) for missing in made.left_out] == [
        ("a", "001_a.mp4 is gone.", True)
    ]


def test_a_gap_that_can_be_filled_now_is_not_taken_again(shop: Shop, merger: Merger) -> None:
    shop.video("a")
    shop.video("b")
    record = shop.ask(format="merged")
    published(shop, record, {"0": "001_a.mp4 is gone."})
    assert merger.make(record.export_id) is NEW
    assert shop.artifacts.receipt("merged", record.key) is None


def test_a_gap_that_nothing_can_fill_is_not_tried_again(shop: Shop, merger: Merger) -> None:
    shop.video("a")
    shop.video("b")
    record = shop.ask(format="merged")
    published(shop, record, {"0": "001_a.mp4 is no video."}, unreadable=[0])
    assert [missing.title for missing in merger.make(record.export_id).left_out] == ["a"]


def test_who_asks_again_does_not_get_the_one_with_a_gap(shop: Shop) -> None:
    gap = shop.video("a")
    shop.video("b")
    first = shop.ask(format="merged")
    published(shop, first, {"0": "001_a.mp4 is gone."})
    left_out = [Missing(run_id=gap.run_id, title="a", why="001_a.mp4 is gone.", lost=True)]
    made = {"size": 6, "sha256": "", "suffix": ".mp4", "left_out": left_out}
    shop.store.exports.update(first.export_id, lambda old: finished(old, NOON, NOON + timedelta(days=1), **made))
    again = shop.ask(format="merged")
    assert again.export_id != first.export_id
    assert [video.title for video in again.videos] == ["a", "b"]


def test_what_is_taken_again_is_not_swept_before_its_export_names_it(shop: Shop, merger: Merger) -> None:
    shop.video("a")
    record = shop.ask(format="merged")
    published(shop, record, {})
    folder = shop.layout.artifact("merged", record.key)
    os.utime(folder, (0, 0))
    merger.make(record.export_id)
    assert folder.stat().st_mtime > 0


def test_the_same_videos_in_another_order_are_another_video(shop: Shop) -> None:
    first = shop.video("a")
    shop.video("b")
    key = shop.ask(format="merged").key
    shop.change_run(first, position=9)
    assert shop.ask(format="merged").key != key


def test_the_unpacked_sound_of_a_part_has_to_fit_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (media_file("a.mp4", seconds=4.0, size=size).read_bytes() for size in ("160x90", "320x180"))
    shop.video("a", small)
    shop.video("b", large)
    record = shop.ask(format="merged")
    monkeypatch.setattr(merging, "free_bytes", lambda folder: 2 * (len(small) + len(large)) + 500_000)
    with pytest.raises(StageError) as refused:
        Merger(shop.layout, shop.store, shop.artifacts, shop.clock, 0).make(record.export_id)
    assert refused.value.error_class == ErrorClass.DISK_FULL
