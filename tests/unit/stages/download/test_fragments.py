"""How far a stream of fragments is, is noted so that a kill at any moment leaves a whole note."""

import json
from pathlib import Path

import pytest
from yt_dlp import YoutubeDL
from yt_dlp.downloader import fragment

from core.stages.download.fragments import Hls


def test_a_note_that_could_not_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with YoutubeDL({"quiet": True}) as ydl:
        loader = Hls(ydl, ydl.params)
        here = {"filename": str(tmp_path / "source"), "extra_state": {"size": 10}}
        loader._write_ytdl_file({**here, "fragment_index": 1})

        def killed(*_: object) -> str:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(fragment.json, "dumps", killed)  # the file is open and empty by then
            with pytest.raises(KeyboardInterrupt):
                loader._write_ytdl_file({**here, "fragment_index": 2})
    noted = json.loads((tmp_path / "source.ytdl").read_text())
    assert noted["downloader"]["current_fragment"]["index"] == 1
