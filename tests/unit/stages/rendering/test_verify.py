"""Whether a rendered file is what it should be."""

from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.verify import Decode, verify
from tests.support.media_files import media_file, mp4


def verified(path: Path, **expected: Any) -> None:
    wanted = {"seconds": 2.0, "picture": True, "sound": True, "frames": 50, "size": (320, 180), **expected}
    verify(path, check=lambda: None, **wanted)


@pytest.mark.parametrize("decode", ["everything", "leading", "nothing"])
def test_a_whole_file_passes(decode: Decode) -> None:
    verified(mp4(), decode=decode)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"seconds": 3.0}, "2.00 seconds instead of 3.00"),
        ({"sound": False}, "has a sound"),
        ({"frames": 51}, "50 frames instead of 51"),
        ({"size": (640, 360)}, "320x180"),
    ],
)
def test_what_is_wrong_is_named(expected: dict[str, Any], words: str) -> None:
    with pytest.raises(StageError, match=words) as caught:
        verified(mp4(), decode="nothing", **expected)
    assert caught.value.error_class is ErrorClass.POSTPROCESS


@pytest.mark.parametrize("decode", ["everything", "leading"])
def test_sound_alone_is_proved_too(decode: Decode) -> None:
    verified(media_file("talk.m4a", video=False), picture=False, frames=None, size=None, decode=decode)


def test_a_missing_picture_is_named() -> None:
    with pytest.raises(StageError, match="no picture"):
        verified(media_file("talk.m4a", video=False))


@pytest.mark.parametrize("decode", ["everything", "leading"])
def test_a_byte_that_is_wrong_in_the_picture_is_found_by_decoding(decode: Decode, tmp_path: Path) -> None:
    damaged = bytearray(mp4(noise=True).read_bytes())
    for at in range(len(damaged) // 2, len(damaged), 5000):
        damaged[at] ^= 0xFF
    path = tmp_path / "damaged.mp4"
    path.write_bytes(damaged)
    verified(path, decode="nothing")
    with pytest.raises(StageError):
        verified(path, decode=decode)
