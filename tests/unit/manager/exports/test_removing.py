"""An export keeps its videos until its time is over, and goes with its batch."""

import hashlib

from msgspec.structs import replace

from core.domain.exports import PART, ExportRecord
from core.manager.exports.removing import held_places, remove_exports
from core.store.artifacts import Receipt
from core.store.layout import new_export_id
from core.store.locks import Lock
from tests.support.exporting import DAY_S, Shop
from tests.support.storage import BATCH, NOON


def test_what_an_export_names_is_held_until_its_time_is_over(shop: Shop) -> None:
    run = shop.video()
    shop.ask()
    assert held_places(shop.store, NOON) == {("download", run.stages["download"].key)}
    assert held_places(shop.store, NOON, but=BATCH) == set()
    shop.clock.advance(DAY_S)
    assert held_places(shop.store, shop.clock.now()) == set()


def test_the_exports_of_a_batch_go_with_it_and_their_videos_stay_with_their_runs(shop: Shop) -> None:
    run = shop.video()
    records = [shop.ask(), shop.ask(prefix=True)]
    assert set(remove_exports(shop.store, shop.artifacts, BATCH)) == {record.export_id for record in records}
    assert shop.exports.shelf.all() == []
    assert list(remove_exports(shop.store, shop.artifacts, BATCH)) == []
    assert shop.file(run).exists()


def part(shop: Shop, key: str, of: ExportRecord, number: int) -> None:
    """What a video of an export was made into, to be like the others."""
    out = shop.layout.work(PART, key) / "tmp.a_1"
    out.mkdir(parents=True)
    (out / "part.mp4").write_bytes(b"alike")
    inputs = {"media": of.videos[number].sha256}
    shop.artifacts.publish(PART, key, out, Receipt(stage=PART, key=key, version=1, params={}, inputs=inputs))


def parts(shop: Shop) -> set[str]:
    return {key for stage, key in shop.artifacts.published() if stage == PART}


def test_what_only_its_merged_videos_were_made_of_goes_with_a_batch(shop: Shop) -> None:
    shop.video()
    shop.video()
    record = shop.ask(format="merged")
    part(shop, "p1", record, 0)
    part(shop, "p2", record, 1)
    shared = replace(
        record, export_id=new_export_id(shop.clock), batch_id="b_other", members=record.members[1:], key="other"
    )
    shop.store.exports.create(shared.export_id, shared)
    strange = replace(record.videos[0], sha256=hashlib.sha256(b"of nobody here").hexdigest())
    part(shop, "p3", replace(record, members=[strange]), 0)
    assert "part p1" in list(remove_exports(shop.store, shop.artifacts, BATCH))
    assert parts(shop) == {"p2", "p3"}, "another batch is made of the one, and the other is of nobody knows what"
    assert [known.export_id for known in shop.exports.shelf.all()] == [shared.export_id]


def test_a_part_that_somebody_works_on_stays_for_the_sweep(shop: Shop) -> None:
    shop.video()
    part(shop, "p1", shop.ask(format="merged"), 0)
    with Lock(shop.layout.key_lock(PART, "p1")).holding():
        assert "part p1" not in list(remove_exports(shop.store, shop.artifacts, BATCH))
    assert parts(shop) == {"p1"}
