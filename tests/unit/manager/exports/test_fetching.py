"""What is ready can be fetched until its time is over, whole or not at all."""

import zipfile
from pathlib import Path

import pytest

from core.domain.errors import Damaged, Gone, NotFound, Refused, StorageError
from core.domain.states import BatchPhase
from tests.support.exporting import DAY_S, Shop


def nowhere(*_: object) -> str:
    return "a"


def test_a_zip_is_saved_whole_under_its_own_name(shop: Shop, tmp_path: Path) -> None:
    shop.video("Opening")
    heard: list[tuple[int, int]] = []
    path = shop.exports.fetching.save(shop.ask(), tmp_path, lambda done, total: heard.append((done, total)))
    assert path == tmp_path / "talks.zip"
    assert zipfile.ZipFile(path).namelist() == ["001_Opening.mp4"]
    assert heard[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_zip_that_breaks_off_leaves_nothing_behind(shop: Shop, tmp_path: Path) -> None:
    shop.video("a")
    victim = shop.video("b")
    record = shop.ask()
    content = shop.file(victim).read_bytes()
    shop.file(victim).write_bytes(b"x" * len(content))
    folder = tmp_path / "here"
    folder.mkdir()
    with pytest.raises(Damaged, match="002_b"):
        shop.exports.fetching.save(record, folder, lambda *_: None)
    assert list(folder.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_sentence(shop: Shop, tmp_path: Path) -> None:
    shop.video()
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        shop.exports.fetching.save(shop.ask(), tmp_path / "file" / "x.zip", lambda *_: None)


def test_a_playlist_that_is_saved_names_the_files_of_this_machine(shop: Shop, tmp_path: Path) -> None:
    run = shop.video("Opening")
    path = shop.exports.fetching.save(shop.ask(format="playlist"), tmp_path / "list.m3u8", lambda *_: None)
    assert path.read_text() == f"#EXTM3U\n#PLAYLIST:talks\n#EXTINF:60,Opening\n{shop.file(run).as_uri()}\n"


def test_after_its_time_or_with_its_batch_an_export_is_gone(shop: Shop) -> None:
    shop.video()
    record = shop.ask()
    shop.change_batch(phase=BatchPhase.DELETED)
    with pytest.raises(NotFound, match="was deleted"):
        shop.exports.fetching.whole(record, nowhere)
    shop.change_batch(phase=BatchPhase.COMPLETED)
    shop.clock.advance(DAY_S)
    with pytest.raises(Gone, match="has expired"):
        shop.exports.fetching.whole(record, nowhere)


def test_what_is_not_made_yet_cannot_be_fetched(shop: Shop) -> None:
    shop.video()
    with pytest.raises(Refused, match="is queued"):
        shop.exports.fetching.whole(shop.ask(format="merged"), nowhere)


def test_only_the_videos_of_a_playlist_are_its_files(shop: Shop) -> None:
    run = shop.video("Opening")
    lost = shop.video("Lost")
    shop.file(lost).unlink()
    record = shop.ask()
    assert shop.exports.fetching.member(record, 0).path == shop.file(run)
    for number in (1, 2, -1):
        with pytest.raises(NotFound):
            shop.exports.fetching.member(record, number)


def test_an_export_whose_file_is_gone_is_refused_before_its_first_byte(shop: Shop) -> None:
    run = shop.video()
    record = shop.ask()
    shop.file(run).unlink()
    with pytest.raises(Damaged, match="cannot be whole"):
        shop.exports.fetching.whole(record, nowhere)
