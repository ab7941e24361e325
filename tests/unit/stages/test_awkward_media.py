"""The awkward files of tests/support are what they say, and the look at a file accepts or refuses each of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.download.facts import Facts
from core.stages.download.probe import probe
from tests.support import awkward_media
from tests.support.awkward_media import SOUND_ONES
from tests.support.bad_media import BAD_ONES, concat_in_disguise, hls_in_disguise
from tests.support.media_server import MediaServer


def look(path: Path) -> Facts:
    return probe(path, max_media_s=3600.0, check=lambda: None)


@pytest.mark.parametrize("make", SOUND_ONES.values(), ids=SOUND_ONES)
def test_an_awkward_file_is_accepted(make: Callable[[], Path]) -> None:
    facts = look(make())
    assert facts.has_audio or facts.has_video
    assert 0 < facts.duration < 14


REFUSALS = {
    "cut_short": ErrorClass.TRUNCATED,
    "without_index": ErrorClass.NOT_MEDIA,
    "huge_picture": ErrorClass.LIMIT_EXCEEDED,
    "many_streams": ErrorClass.LIMIT_EXCEEDED,
    "only_subtitles": ErrorClass.NOT_MEDIA,
    "rare_codec": ErrorClass.NOT_MEDIA,
    "encrypted": ErrorClass.DRM,
}


@pytest.mark.parametrize("name", BAD_ONES)
def test_a_bad_file_is_refused_with_its_class(name: str) -> None:
    with pytest.raises(StageError) as refused:
        look(BAD_ONES[name]())
    assert refused.value.error_class == REFUSALS[name]


def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path) -> None:
    secret = awkward_media.mono()
    with MediaServer() as canary:
        for target in (f"file://{secret}", canary.url("/x.ts")):
            with pytest.raises(StageError, match="playlist"):
                look(hls_in_disguise(tmp_path, target))
        (tmp_path / "beside.mp4").write_bytes(secret.read_bytes())
        for target in (str(secret), "../" + secret.name, "beside.mp4"):
            with pytest.raises(StageError, match="playlist"):
                look(concat_in_disguise(tmp_path, target))
        assert canary.hits == []


def test_what_is_awkward_about_each_is_there() -> None:
    assert look(awkward_media.late_sound()).audio_start == pytest.approx(1.2, abs=0.03)
    assert look(awkward_media.late_picture()).video_start == pytest.approx(0.8, abs=0.03)
    odd = look(awkward_media.odd_size())
    assert (odd.width, odd.height, odd.container) == (321, 179, "webm")
    assert look(awkward_media.one_pixel()).width == 1
    assert look(awkward_media.thousand_fps()).fps == pytest.approx(1000, rel=0.01)
    assert look(awkward_media.one_frame()).duration == pytest.approx(0.04, abs=0.03)
    assert not look(awkward_media.sound_with_cover()).has_video
    assert not look(awkward_media.no_sound()).has_audio
    assert look(awkward_media.mono()).sample_rate == 22050
