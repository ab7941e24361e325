"""Whether a rendered file is what it should be."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.joining import Part, join, require_copied
from core.stages.rendering.spec import Spec
from core.stages.rendering.verify import Decode, verify
from tests.support.media_files import media_file, mp4


def verified(path: Path, **expected: Any) -> None:
    wanted = {"seconds": 2.0, "picture": True, "sound": True, "frames": 50, "size": (320, 180), **expected}
    verify(path, check=lambda: None, **wanted)


@pytest.mark.parametrize("decode", ["everything", "keys", "nothing"])
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


@pytest.mark.parametrize("decode", ["everything", "keys"])
def test_sound_alone_is_proved_too(decode: Decode) -> None:
    verified(media_file("talk.m4a", video=False), picture=False, frames=None, size=None, decode=decode)


def test_a_missing_picture_is_named() -> None:
    with pytest.raises(StageError, match="no picture"):
        verified(media_file("talk.m4a", video=False))


def test_a_byte_that_is_wrong_in_the_picture_is_found_by_decoding(tmp_path: Path) -> None:
    path = damaged(mp4(noise=True), tmp_path / "damaged.mp4", range(1, 40))
    verified(path, decode="nothing")
    with pytest.raises(StageError):
        verified(path)


def test_a_byte_that_is_wrong_anywhere_in_a_joined_picture_is_found_by_comparing(tmp_path: Path) -> None:
    parts = [Part(mp4(noise=True), Fraction(2))] * 2
    whole = tmp_path / "joined.mp4"
    join(parts, None, Spec(), whole, rate=Fraction(25), check=lambda: None)
    require_copied(parts, whole, check=lambda: None)
    wrong = damaged(whole, tmp_path / "damaged.mp4", [17])
    with pytest.raises(StageError, match="not copied whole"):
        require_copied(parts, wrong, check=lambda: None)
    with pytest.raises(StageError, match="not copied whole"):
        require_copied(parts[:1], whole, check=lambda: None)


def damaged(source: Path, path: Path, fortieths: Iterable[int]) -> Path:
    """A copy of `source` in which a byte is wrong in each of these fortieths of it."""
    content = bytearray(source.read_bytes())
    for at in fortieths:
        content[len(content) * at // 40] ^= 0xFF
    path.write_bytes(content)
    return path
