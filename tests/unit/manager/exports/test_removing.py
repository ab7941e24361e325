"""An export keeps its videos until its time is over, and goes with its batch."""

from core.manager.exports.removing import held_places, remove_exports
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
    assert set(remove_exports(shop.store, BATCH)) == {record.export_id for record in records}
    assert shop.exports.shelf.all() == []
    assert list(remove_exports(shop.store, BATCH)) == []
    assert shop.file(run).exists()
