"""What a spec means for one medium."""

from fractions import Fraction

import msgspec
import pytest

from core.stages.rendering.media import Picture
from core.stages.rendering.spec import Spec, export_spec, layout_for, rate_for, size_for, timescale

PICTURE = Picture(
    index=0,
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1920,
    height=1080,
    coded_width=1920,
    coded_height=1080,
    rotation=0,
    sar="1:1",
    fps="25/1",
    varies=False,
    frames=100,
    start=0.0,
    last=3.96,
    end=4.0,
    interlaced=False,
    timescale=12800,
    transfer=1,
    config="",
)


def sized(width: int, height: int, spec: Spec) -> tuple[int, int]:
    return size_for(msgspec.structs.replace(PICTURE, width=width, height=height), spec)


@pytest.mark.parametrize(
    ("width", "height", "quality", "given"),
    [
        (1920, 1080, "720p", (1280, 720)),
        (1080, 1920, "720p", (720, 1280)),  # a phone held upright
        (2560, 1072, "1080p", (1920, 804)),  # wide films fit the width
        (640, 480, "1080p", (640, 480)),  # never larger unless asked
        (321, 181, "1080p", (320, 180)),
        (1, 1, "4K", (2, 2)),
    ],
)
def test_a_picture_is_shrunk_into_the_box_of_its_quality_and_has_even_sides(
    width: int, height: int, quality: str, given: tuple[int, int]
) -> None:
    assert sized(width, height, export_spec("mp4", quality)) == given


def test_a_picture_grows_only_when_asked() -> None:
    assert sized(640, 360, export_spec("mp4", "1080p", upscale=True)) == (1920, 1080)


@pytest.mark.parametrize(
    ("fps", "varies", "given"),
    [
        ("30000/1001", False, "30000/1001"),
        ("1/1", False, "20/1"),
        ("25/2", False, "25/1"),
        ("1000/1", False, "125/2"),
        ("120/1", False, "120/1"),
        ("120/1", True, "60/1"),
        ("1000/67", True, "30/1"),
        ("2985/100", True, "30/1"),
    ],
)
def test_slow_pictures_are_repeated_and_too_fast_ones_halved(fps: str, varies: bool, given: str) -> None:
    assert rate_for(msgspec.structs.replace(PICTURE, fps=fps, varies=varies), Spec()) == Fraction(given)


def test_sound_keeps_its_channels_where_players_know_them() -> None:
    assert [layout_for(channels, Spec()) for channels in (1, 2, 3, 6, 8)] == [
        "mono",
        "stereo",
        "stereo",
        "5.1",
        "stereo",
    ]
    assert layout_for(6, Spec(channels=2)) == "stereo"


@pytest.mark.parametrize("rate", ["24", "25", "30000/1001", "60", "120", "125/2"])
def test_every_frame_begins_at_a_whole_number_of_the_unit_of_time(rate: str) -> None:
    assert (timescale(Fraction(rate)) / Fraction(rate)).denominator == 1
