"""A ZIP made while it is sent is whole, or breaks off: never shorter, never with other bytes than were published."""

import io
import zipfile

import pytest

from core.domain.errors import Damaged
from core.manager.exports.zipping import CHUNK_BYTES, Broken, Package
from tests.support.exporting import Shop
from tests.support.storage import NOON


def test_every_program_can_read_it_and_it_has_the_size_it_said(shop: Shop) -> None:
    runs = [shop.video("Öffnung", b"x" * (CHUNK_BYTES * 2 + 5)), shop.video("Ending")]
    package = Package(shop.layout, shop.ask().members, NOON)
    data = b"".join(package.stream())
    assert len(data) == package.size
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["001_Öffnung.mp4", "002_Ending.mp4"]
        assert [archive.read(name) for name in archive.namelist()] == [shop.file(run).read_bytes() for run in runs]
        assert {info.date_time for info in archive.infolist()} == {(2026, 6, 1, 12, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_same_export_has_the_same_bytes_so_that_it_can_be_taken_up_where_it_broke_off(shop: Shop) -> None:
    shop.video("a", b"a" * CHUNK_BYTES)
    shop.video("b")
    package = Package(shop.layout, shop.ask().members, NOON)
    whole = b"".join(package.stream())
    for start in (0, 1, 40, CHUNK_BYTES, CHUNK_BYTES + 77, len(whole) - 1, len(whole)):
        assert b"".join(package.stream(start)) == whole[start:]


def test_another_export_has_another_tag(shop: Shop) -> None:
    shop.video()
    members = shop.ask().members
    shop.video("more")
    assert Package(shop.layout, members, NOON).etag == Package(shop.layout, list(members), NOON).etag
    assert Package(shop.layout, members, NOON).etag != Package(shop.layout, shop.ask().members, NOON).etag


@pytest.mark.parametrize("harm", ["gone", "shorter", "longer", "one bit", "a link"])
def test_a_file_that_changed_meanwhile_breaks_the_stream_off(shop: Shop, harm: str) -> None:
    shop.video("a")
    victim = shop.video("b", b"b" * (CHUNK_BYTES + 9))
    shop.video("c")
    package = Package(shop.layout, shop.ask().members, NOON)
    path = shop.file(victim)
    content = path.read_bytes()
    path.unlink()
    match harm:
        case "shorter":
            path.write_bytes(content[:-1])
        case "longer":
            path.write_bytes(content + b"b")
        case "one bit":
            path.write_bytes(b"c" + content[1:])
        case "a link":
            path.symlink_to("/etc/hostname")
    sent = io.BytesIO()
    with pytest.raises(Broken, match=r"002_b\.mp4") as broken:
        sent.writelines(package.stream())
    assert broken.value.member.title == "b"
    assert len(sent.getvalue()) < package.size
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(sent)


def test_what_is_missing_is_told_inside_too(shop: Shop) -> None:
    shop.video("a")
    lost = shop.video("b")
    shop.file(lost).unlink()
    data = b"".join(Package(shop.layout, shop.ask().members, NOON).stream())
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("MISSING.txt").decode() == "Not in this export:\n- b: its video is gone or damaged\n"


def test_a_damaged_video_found_while_it_is_sent_is_set_aside_and_made_again(shop: Shop) -> None:
    victim = shop.video("a", b"a" * 100)
    record = shop.ask()
    shop.file(victim).write_bytes(b"b" * 100)
    fetched = shop.exports.fetching.whole(record, lambda *_: "")
    with pytest.raises(Damaged):
        b"".join(fetched.stream(0))
    assert not shop.file(victim).exists()
    assert shop.exports.views.of(record)["status"] == "failed"
