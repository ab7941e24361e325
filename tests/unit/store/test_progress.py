import os
from pathlib import Path

import pytest

from core.store.progress import read_progress, write_progress
from tests.support.storage import RUN, new_layout


def test_progress_is_replaced_as_a_whole(tmp_path: Path) -> None:
    layout = new_layout(tmp_path)
    write_progress(layout, RUN, {"done": 1.0, "note": "Grüße"})
    write_progress(layout, RUN, {"done": 2.0})
    assert read_progress(layout, RUN) == {"done": 2.0}
    assert [path.name for path in layout.progress.iterdir()] == [f"{RUN}.json"]


@pytest.mark.parametrize("data", [b"", b"\0" * 99, b"[]", b"{", b"\xff", b"[" * 60_000, b"1" * 70_000])
def test_garbage_is_no_progress(tmp_path: Path, data: bytes) -> None:
    layout = new_layout(tmp_path)
    layout.progress_file(RUN).write_bytes(data)
    assert read_progress(layout, RUN) is None


def test_no_file_or_something_else_in_its_place_is_no_progress(tmp_path: Path) -> None:
    layout = new_layout(tmp_path)
    assert read_progress(layout, RUN) is None
    os.mkfifo(layout.progress_file(RUN))
    assert read_progress(layout, RUN) is None


def test_a_full_disk_leaves_the_old_progress(tmp_path: Path) -> None:
    layout = new_layout(tmp_path)
    layout.progress_file(RUN).mkdir()
    with pytest.raises(OSError):
        write_progress(layout, RUN, {})
    assert list(layout.progress.glob("*.tmp")) == []
