"""The picture by which a video is known in lists."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from core.domain.errors import Stop
from core.stages.download import DownloadStage
from core.stages.download.poster import make_poster
from core.stages.download.probe import probe
from core.stages.download.source import file_source
from core.stages.stage import Made
from tests.support import awkward_media
from tests.support.awkward_media import SOUND_ONES
from tests.support.media_files import media_file, mp4
from tests.unit.stages.download.conftest import Begin


def poster(media: Path, folder: Path) -> Path | None:
    facts = probe(media, max_media_s=3600.0, check=lambda: None)
    return make_poster(media, facts, folder, check=lambda: None)


def size_of(picture: Path) -> tuple[int, int]:
    said = subprocess.run([get_ffmpeg_exe(), "-i", str(picture)], capture_output=True, text=True, check=False).stderr
    found = re.search(r"Video: .*?, (\d+)x(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("make", SOUND_ONES.values(), ids=SOUND_ONES)
def test_every_video_has_one_however_awkward_and_sound_has_none(tmp_path: Path, make: Callable[[], Path]) -> None:
    made = poster(make(), tmp_path)
    assert (made is None) == (make is awkward_media.sound_only)
    assert [path.name for path in tmp_path.iterdir()] == ([] if made is None else ["poster.jpg"])
    assert made is None or made.read_bytes()[:3] == b"\xff\xd8\xff"


def test_it_is_small_and_shaped_like_what_is_shown(tmp_path: Path) -> None:
    large = poster(media_file("large.mp4", seconds=1.0, size="1280x720"), tmp_path)
    assert large is not None
    assert size_of(large) == (480, 270)
    turned = poster(awkward_media.rotated(), tmp_path)
    assert turned is not None
    assert size_of(turned) == (180, 320)
    wide = poster(awkward_media.wide_pixels(), tmp_path)
    assert wide is not None
    assert size_of(wide) == (320, 180)


def test_the_same_video_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (poster(mp4(seconds=4.0), _folder(tmp_path, name)) for name in "ab")
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()


def test_a_black_beginning_is_passed_over(tmp_path: Path) -> None:
    black = ("-vf", "drawbox=enable='lt(t,1)':color=black:t=fill", "-g", "10")
    opening = poster(media_file("black.mp4", seconds=20.0, options=black), tmp_path)
    assert opening is not None
    assert opening.stat().st_size > 4000, "a black picture is smaller"


def test_what_is_no_picture_costs_nothing_but_the_poster(tmp_path: Path) -> None:
    facts = probe(mp4(), max_media_s=3600.0, check=lambda: None)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    assert make_poster(broken, facts, _folder(tmp_path, "out"), check=lambda: None) is None


def test_a_stop_is_not_swallowed(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stop

    facts = probe(mp4(), max_media_s=3600.0, check=lambda: None)
    with pytest.raises(Stop):
        make_poster(mp4(seconds=20.0), facts, tmp_path, check=stop)


def test_a_download_publishes_it_beside_the_video(stage: DownloadStage, begin: Begin) -> None:
    attempt = begin(source=file_source(mp4()))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert sorted(path.name for path in attempt.out.iterdir()) == ["media.mp4", "poster.jpg"]
    assert made.facts["aside"] == ["poster.jpg"]


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
