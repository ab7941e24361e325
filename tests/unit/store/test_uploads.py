"""An upload is believed as far as it is on the disk: all of it while the machine runs, what was synced after a power cut."""

import os
from pathlib import Path

import pytest

from core.domain.errors import BadInput, NotFound, Refused
from core.store import uploads
from core.store.layout import Layout
from core.store.uploads import NOTE, UploadStore


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "storage")
    made.create()
    return made


@pytest.fixture
def store(layout: Layout) -> UploadStore:
    return UploadStore(layout)


def test_bytes_come_in_several_visits_and_the_last_makes_it_whole(store: UploadStore) -> None:
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    for start, data in ((0, b"0123"), (4, b"456"), (7, b"789")):
        receiver = store.open(id_, start)
        receiver.write(data)
        left = receiver.close()
    assert left.path is not None
    assert left.path.read_bytes() == b"0123456789"
    assert store.find(id_) == left
    with pytest.raises(Refused, match="whole already"):
        store.open(id_, 10)


def test_what_a_killed_process_had_written_counts_though_nobody_closed_it(store: UploadStore, layout: Layout) -> None:
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    killed = store.open(id_, 0)
    killed.write(b"01234")
    assert UploadStore(layout).find(id_).bytes == 5
    with pytest.raises(Refused, match="being sent already"):
        store.open(id_, 5)
    killed.abandon()  # as the kernel does for it
    store.open(id_, 5).abandon()


def test_after_a_power_cut_only_what_was_synced_counts_and_the_rest_is_overwritten(
    store: UploadStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SYNC_BYTES", 4)
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    cut = store.open(id_, 0)
    cut.write(b"0123")
    cut.write(b"xx")
    cut.abandon()
    assert store.find(id_).bytes == 6
    monkeypatch.setattr(uploads, "boot_id", lambda: "another boot")
    assert store.find(id_).bytes == 4
    with pytest.raises(Refused, match="at byte 4, not at 6"):
        store.open(id_, 6)
    receiver = store.open(id_, 4)
    receiver.write(b"456789")
    path = receiver.close().path
    assert path is not None
    assert path.read_bytes() == b"0123456789"


def test_more_than_was_announced_is_refused(store: UploadStore) -> None:
    receiver = store.open(store.begin("talk.mp4", 3, owner="ana").upload.id, 0)
    with pytest.raises(BadInput, match="announced"):
        receiver.write(b"0123")
    receiver.abandon()


def test_a_removed_one_is_gone_and_what_lies_beside_is_left(store: UploadStore, layout: Layout) -> None:
    id_ = store.begin("talk.mp4", 3, owner="ana").upload.id
    mine = layout.uploads / "mine"
    mine.mkdir()
    assert store.remove(id_)
    assert not store.remove(id_)
    assert [entry.name for entry in layout.uploads.iterdir()] == ["mine"]
    for wrong in (id_, "..", "mine", ""):
        with pytest.raises(NotFound):
            store.find(wrong)


@pytest.mark.parametrize("size", [10, 5])
def test_who_still_writes_to_a_removed_one_is_told_so(store: UploadStore, layout: Layout, size: int) -> None:
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    receiver = store.open(id_, 0)
    receiver.write(b"x" * size)
    assert store.remove(id_)
    with pytest.raises(NotFound, match="removed"):
        receiver.close()
    assert not list(layout.uploads.iterdir())


def test_one_that_is_removed_while_it_is_synced_is_gone_and_no_trouble_of_the_disk(
    store: UploadStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    receiver = store.open(id_, 0)
    monkeypatch.setattr("core.store.uploads.SYNC_BYTES", 1)
    sync = os.fsync

    def removing(fd: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        store.remove(id_)

    monkeypatch.setattr(os, "fsync", removing)
    with pytest.raises(NotFound, match="removed"):
        receiver.write(b"x")
    receiver.abandon()
    assert not list(layout.uploads.iterdir())


def test_one_that_vanishes_as_it_is_gone_on_with_is_not_there(
    store: UploadStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = store.begin("talk.mp4", 10, owner="ana").upload.id
    found = store.find(id_)
    store.remove(id_)
    monkeypatch.setattr(UploadStore, "find", lambda *_: found)
    with pytest.raises(NotFound, match="removed"):
        store.open(id_, 0)
    assert not list(layout.uploads.iterdir())


def test_a_damaged_note_makes_it_nobodys_and_hides_no_other(store: UploadStore, layout: Layout) -> None:
    damaged, other = (store.begin(f"{n}.mp4", 3, owner="ana").upload.id for n in range(2))
    (layout.uploads / damaged / NOTE).write_bytes(b"?")
    assert [found.upload.id for found in store.all()] == [other]
