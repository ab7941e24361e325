import re
import stat
from pathlib import Path

import pytest

from core.domain.errors import BadInput, StorageError
from core.store import layout as module
from core.store.layout import Layout, is_id, keyed, new_batch_id, new_run_id
from core.system.clock import ManualClock


@pytest.mark.parametrize("step_s", [0.000_001, 0.001, 1])
def test_ids_sort_by_time_and_are_never_the_same(step_s: float) -> None:
    clock = ManualClock()
    ids = []
    for _ in range(1200):
        ids.append(new_run_id(clock))
        clock.advance(step_s)
    assert ids == sorted(ids)
    assert len({new_run_id(clock) for _ in range(1000)}) == 1000
    assert re.fullmatch(r"r_[0-9a-z]{26}", ids[0])
    assert new_batch_id(clock).startswith("b_")
    assert is_id(ids[0], "r")
    assert not is_id(ids[0], "b")


@pytest.mark.parametrize(
    "name", ["", "r_", "../r_a", "r_../../etc", "r_a/b", "r_a\n", "R_a", "r_ä", "r_a.json", "r_" + "a" * 41, "r_\0"]
)
def test_no_id_leads_out_of_the_storage(tmp_path: Path, name: str) -> None:
    layout = Layout(tmp_path)
    for place in (layout.run_state, layout.batch_state, layout.owner_lock, layout.progress_file, layout.state_lock):
        with pytest.raises(BadInput):
            place(name)
    with pytest.raises(BadInput):
        layout.attempt_log("r_a", "download", f"../{name}")


@pytest.mark.parametrize(
    ("stage", "key"), [("..", "a"), ("download", ".."), ("download", "a/b"), ("Down", "a"), ("", "")]
)
def test_no_stage_or_key_leads_out_of_the_storage(tmp_path: Path, stage: str, key: str) -> None:
    layout = Layout(tmp_path)
    for place in (layout.artifact, layout.work, layout.key_lock):
        with pytest.raises(BadInput):
            place(stage, key)


def test_every_folder_is_made_private(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "deep" / "storage")
    assert layout.create() == []
    assert layout.create() == []
    for folder in (layout.root, layout.state, layout.batches, layout.locks, layout.work_root, layout.inbox):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(layout.locks.iterdir()) == []


def test_the_storage_itself_may_be_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "storage").symlink_to(tmp_path / "elsewhere")
    layout = Layout(tmp_path / "storage")
    layout.create()
    assert layout.state == tmp_path / "elsewhere" / "state"
    assert layout.state.is_dir()


def test_a_file_in_place_of_the_storage_is_said(tmp_path: Path) -> None:
    (tmp_path / "storage").touch()
    with pytest.raises(StorageError, match="storage folder") as caught:
        Layout(tmp_path / "storage").create()
    assert "REPRISE_STORAGE" in caught.value.hint


def test_a_storage_that_cannot_be_written_is_said() -> None:
    with pytest.raises(StorageError):
        Layout(Path("/proc/reprise")).create()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p"])
def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(module.files, "filesystem_kind", lambda _: kind)
    with pytest.raises(StorageError, match=kind):
        Layout(tmp_path).create()


def test_a_fuse_disk_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.files, "filesystem_kind", lambda _: "fuse.sshfs")
    assert "fuse.sshfs" in Layout(tmp_path).create()[0]


def test_foreign_folders_among_the_keys_are_passed_over(tmp_path: Path) -> None:
    for name in ("download/abc", "lost+found/abc", "download/No Key"):
        (tmp_path / name).mkdir(parents=True)
    assert keyed(tmp_path, "*/*") == [tmp_path / "download" / "abc"]
