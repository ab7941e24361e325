import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from core.system import files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_durable_write_replaces_the_whole_file_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    files.write_durably(path, b"one, and longer")
    files.write_durably(path, b"two")
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_what_a_crash_left_under_the_temporary_name_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plan.json.tmp")
    files.write_durably(tmp_path / "plan.json", b"data")
    assert (tmp_path / "plan.json").read_bytes() == b"data"


def test_a_symlink_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    (tmp_path / "plan.json.tmp").symlink_to(tmp_path / "target")
    files.write_durably(tmp_path / "plan.json", b"data")
    assert (tmp_path / "target").read_text() == "untouched"
    assert not (tmp_path / "plan.json").is_symlink()


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "plan.json").mkdir()
    (tmp_path / "plan.json" / "inside").touch()
    with pytest.raises(OSError):
        files.write_durably(tmp_path / "plan.json", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_short_writes_are_continued() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    data = bytes(range(256)) * 16
    files.write_all(writer, data)
    os.close(writer)
    assert os.read(reader, 1 << 16) == data
    os.close(reader)


def test_new_folders_are_private_and_there_with_all_above_them(tmp_path: Path) -> None:
    files.make_folder(tmp_path / "a" / "b" / "c")
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert mode(tmp_path / "a" / "b" / "c") == 0o700


@pytest.mark.parametrize("obstacle", ["file", "symlink"])
def test_something_else_in_place_of_a_folder_is_an_error(tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "place"
    path.touch() if obstacle == "file" else path.symlink_to(tmp_path)
    with pytest.raises(NotADirectoryError):
        files.make_folder(path)


def test_a_folder_is_published_once_and_the_second_finds_it(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "file").write_text(name)
    files.make_folder(tmp_path / "out")
    assert files.publish_folder(tmp_path / "first", tmp_path / "out" / "final") is True
    assert files.publish_folder(tmp_path / "second", tmp_path / "out" / "final") is False
    assert (tmp_path / "out" / "final" / "sub" / "file").read_text() == "first"
    assert (tmp_path / "second" / "sub" / "file").read_text() == "second"


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder", "large"])
def test_only_regular_files_of_a_sane_size_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "symlink":
        path.symlink_to("/etc/hostname")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"x" * 101)
    with pytest.raises(OSError) as caught:
        files.read_regular(path, 100)
    assert files.is_not_a_file(caught.value)


def test_an_appended_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    fd = files.open_append(path)
    files.append_durably(fd, b"first\n")
    reader = os.open(path, os.O_RDONLY)
    with pytest.raises(OSError):
        files.append_durably(reader, b"second\n")
    os.close(fd)
    os.close(reader)
    assert path.read_bytes() == b"first\n"
    assert mode(path) == 0o600


def test_a_checksum_is_that_of_the_content_and_progress_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    data = b"abc" * files.CHUNK_BYTES
    path.write_bytes(data)
    told: list[int] = []
    assert files.sha256_file(path, told.append) == hashlib.sha256(data).hexdigest()
    assert told == [files.CHUNK_BYTES, 2 * files.CHUNK_BYTES, 3 * files.CHUNK_BYTES]


def test_free_space_and_kind_of_the_disk_are_known(tmp_path: Path) -> None:
    assert files.free_bytes(tmp_path) > 0
    assert files.filesystem_kind(Path("/proc")) == "proc"
    assert files.filesystem_kind(tmp_path) != "unknown"


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "disk is full"), (errno.EIO, "Input/output")]
)
def test_errors_of_the_disk_become_a_sentence(number: int, says: str) -> None:
    error = files.storage_error(OSError(number, os.strerror(number)), "writing the plan")
    assert says in error.message
    assert "writing the plan" in error.message.lower()
    assert error.hint
