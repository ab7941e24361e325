"""What may be uploaded is judged by name, size and room before a byte comes; whose it is, by who announced it."""

import os
from pathlib import Path

import msgspec
import pytest

import core.manager.receiving as receiving_module
from core.config import Config
from core.domain.errors import BadInput, NotFound, Refused, StorageError
from core.domain.run import Source
from core.manager.receiving import Receiving, kind_of, stored_name
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def receiving(house: House, owner: str = "ana") -> Receiving:
    config = Config(free_space_bytes=0, max_media_bytes=10_000)
    return Receiving(index=house.index, layout=house.layout, config=config, clock=house.clock, owner=owner)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("talk.mp4", "talk.mp4"),
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.mp4", "b⧹c.mp4"),
        ("-rf.mp4", "_-rf.mp4"),
        ("x%03d.mp4", "x%03d.mp4"),
        ("a:b.mp4", "a：b.mp4"),
        ('it\'s "q".mp4', "it's ＂q＂.mp4"),
        (".mp4", "mp4"),
        ("Grüße aus Köln.mkv", "Grüße aus Köln.mkv"),
        ("x" * 400 + ".mp4", "x" * 180 + ".mp4"),
        ("日" * 300 + ".mp4", "日" * 60 + ".mp4"),
        ("a\x00b\u202e.mp4", "a b.mp4"),
        ("talk.with a sentence behind the dot", "talk.with a sentence behind the dot"),
    ],
)
def test_a_name_becomes_the_name_of_one_harmless_file(given: str, kept: str) -> None:
    assert stored_name(given) == kept


@pytest.mark.parametrize("given", ["", ".", "..", "...", "/", " . "])
def test_a_name_without_a_letter_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        stored_name(given)


def test_what_a_file_is_taken_for_is_told_by_its_suffix() -> None:
    assert [kind_of(name) for name in ("a.mp4", "a.SRT", "a.vtt", "a.json", "a.txt", "a")] == [
        "media",
        "transcript",
        "transcript",
        "transcript",
        "archive",
        "media",
    ]


def test_a_transcript_has_a_limit_of_its_own(house: House) -> None:
    assert receiving(house).begin("a.srt", 20_000_000).size == 20_000_000
    with pytest.raises(BadInput, match="at most 20 MB"):
        receiving(house).begin("a.srt", 20_000_001)


def test_one_owner_has_so_many_files_waiting_and_hinders_nobody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_module, "MOST_WAITING", 3)
    ana = receiving(house)
    sent = [ana.begin(f"{number}.srt", 10) for number in range(3)]
    with pytest.raises(Refused, match="3 files are on their way"):
        ana.begin("more.srt", 10)
    assert receiving(house, "ben").begin("more.srt", 10).received == 0
    ana.cancel(sent[0].id)
    assert ana.begin("more.srt", 10).received == 0


def test_room_is_kept_for_an_hour_for_what_is_announced_and_does_not_come(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: 9000)
    promised = receiving(house, "ana").begin("talk.mp4", 5000).id
    with pytest.raises(StorageError, match="free disk space"):
        receiving(house, "ben").begin("talk.mp4", 5000)
    folder, long_ago = house.layout.uploads / promised, house.clock.now().timestamp() - 3700
    os.utime(folder, (long_ago, long_ago))
    receiving(house, "ben").begin("talk.mp4", 5000)
    assert receiving(house, "ana").find(promised).received == 0, "it may still come"


def test_nobody_sees_the_uploads_of_another(house: House) -> None:
    id_ = receiving(house).begin("a.mp4", 100, group="page", mark="m").id
    bob = receiving(house, "bob")
    for ask in (bob.find, lambda id_: bob.open(id_, 0)):
        with pytest.raises(NotFound):
            ask(id_)
    assert not bob.cancel(id_)
    assert bob.waiting("page") == []
    assert bob.begin("a.mp4", 100, mark="m").id != id_
    assert receiving(house).find(id_).size == 100


def test_what_a_run_reads_is_no_longer_waiting_and_cannot_be_taken_back(house: House) -> None:
    mine = receiving(house)
    id_ = mine.begin("a.mp4", 16, group="page").id
    taking = mine.open(id_, 0)
    taking.write(b"\0\0\0\x20ftypisom0000")
    path = taking.close().path
    assert path is not None
    assert [one.id for one in mine.waiting("page")] == [id_]
    (run,) = house.add()
    source = Source(kind="file", value=path)
    house.given.run(run, lambda run: msgspec.structs.replace(run, source=source))
    assert mine.waiting("page") == []
    assert not mine.cancel(id_)
    assert Path(path).exists()


def test_an_archive_that_a_list_is_compared_with_is_not_offered_to_the_next_batch(house: House) -> None:
    mine = receiving(house)
    id_ = mine.begin("archive.txt", 10, group="page").id
    taking = mine.open(id_, 0)
    taking.write(b"youtube a\n")
    source = Source(kind="url", value="https://example.com/list", archive=taking.close().path)
    (run,) = house.add()
    house.given.run(run, lambda run: msgspec.structs.replace(run, source=source))
    assert mine.waiting("page") == []
    assert not mine.cancel(id_)


def test_a_file_with_a_long_name_is_known_again_too(house: House) -> None:
    mark = "x" * 250 + ":100:1700000000000"
    mine = receiving(house)
    assert mine.begin("a.mp4", 100, group=mark, mark=mark).id == mine.begin("a.mp4", 100, group=mark, mark=mark).id
    other = mine.begin("a.mp4", 100, mark=mark.replace(":17", ":18"))
    assert len(mine.waiting(mark)) == 1
    assert other.id != mine.waiting(mark)[0].id
