"""Pieces of a file that comes in."""

import os
from pathlib import Path

import pytest

from core.system import files
from core.system.pouring import begin_sync, write_pieces


def test_pieces_are_written_in_order_however_short_the_single_writes_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, pieces: whole(fd, [b"".join(pieces)[:3]]))
    fd = files.open_new(tmp_path / "file")
    write_pieces(fd, [b"01", b"", b"2345", b"6789ab", b"c"])
    begin_sync(fd, 0, 13)  # a hint, of which nothing is to be seen
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == b"0123456789abc"
