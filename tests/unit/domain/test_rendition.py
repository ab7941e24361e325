"""What an export copies, what it codes anew, and how large it gets: the table, row by row."""

import pytest

from core.domain.rendition import FRAMES, KINDS, Film, Rendition, coded_anew, decide, fitted

PHONE = Film(
    container="mov",
    video_codec="hevc",
    pixel_format="yuv420p10le",
    width=1080,
    height=1920,
    fps=30,
    turned=True,
    audio_codec="aac",
)
TALK = Film(
    container="mp4", video_codec="h264", pixel_format="yuv420p", width=1280, height=720, fps=25, audio_codec="aac"
)
WEB = Film(
    container="webm", video_codec="vp9", pixel_format="yuv420p", width=1920, height=1080, fps=30, audio_codec="opus"
)


def of(film: Film, **changes: object) -> Film:
    return Film(**{name: getattr(film, name) for name in Film.__struct_fields__} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("film", "wanted", "quality", "video", "audio"),
    [
        (TALK, "mp4", "720p", "copy", "copy"),
        (TALK, "mp4", "1080p", "copy", "copy"),
        (TALK, "mov", "4K", "copy", "copy"),
        (TALK, "webm", "720p", "vp9", "opus"),
        (WEB, "webm", "1080p", "copy", "copy"),
        (WEB, "webm", "720p", "vp9", "opus"),
        (WEB, "mp4", "1080p", "h264", "aac"),
        (PHONE, "mp4", "1080p", "copy", "copy"),
        (PHONE, "mp4", "720p", "h264", "aac"),
        (PHONE, "webm", "1080p", "vp9", "opus"),
        (of(TALK, audio_codec="opus"), "mp4", "1080p", "copy", "aac"),
        (of(TALK, audio_codec=None), "mp4", "1080p", "copy", None),
        (of(TALK, audio_codec="pcm_s16le"), "mov", "1080p", "copy", "copy"),
        (of(TALK, pixel_format="yuv444p"), "mp4", "1080p", "h264", "aac"),
        (of(TALK, pixel_format=None), "mp4", "1080p", "h264", "aac"),
        (of(TALK, fps=1000), "mp4", "1080p", "h264", "aac"),
        (of(TALK, fps=240), "mp4", "1080p", "copy", "copy"),
        (of(TALK, video_codec="mpeg4"), "mp4", "1080p", "h264", "aac"),
        (of(TALK, video_codec="prores", pixel_format="yuv422p10le"), "mov", "1080p", "copy", "copy"),
        (of(TALK, video_codec="prores", pixel_format="yuv422p10le"), "mp4", "1080p", "h264", "aac"),
    ],
)
def test_a_stream_is_coded_only_when_it_has_to_be(
    film: Film, wanted: str, quality: str, video: str, audio: str | None
) -> None:
    made = decide(film, wanted, quality)  # type: ignore[arg-type]
    assert (made.suffix, made.video, made.audio) == (wanted, video, audio)
    assert made.why.endswith(".")


def test_what_is_copied_needs_no_size_and_what_is_coded_has_one() -> None:
    assert (decide(TALK, "mp4", "1080p").width, decide(TALK, "mp4", "1080p").copied) == (0, True)
    small = decide(WEB, "mp4", "720p")
    assert (small.width, small.height, small.copied) == (1280, 720, False)
    assert not decide(of(TALK, audio_codec="opus"), "mp4", "720p").copied


@pytest.mark.parametrize(
    ("size", "quality", "upscale", "fits"),
    [
        ((1920, 1080), "720p", False, (1280, 720)),
        ((1080, 1920), "720p", False, (720, 1280)),
        ((1080, 1080), "720p", False, (720, 720)),
        ((2560, 1080), "1080p", False, (1920, 810)),
        ((1440, 1080), "1080p", False, (1440, 1080)),
        ((640, 360), "4K", False, (640, 360)),
        ((640, 360), "4K", True, (3840, 2160)),
        ((321, 179), "720p", False, (320, 180)),
        ((1, 1), "720p", False, (2, 2)),
        ((8192, 1), "720p", False, (1280, 2)),
        ((0, 0), "720p", False, (2, 2)),
    ],
)
def test_a_picture_is_fitted_into_the_frame_in_even_numbers(
    size: tuple[int, int], quality: str, upscale: bool, fits: tuple[int, int]
) -> None:
    assert fitted(*size, quality, upscale) == fits  # type: ignore[arg-type]


def test_nothing_is_enlarged_unless_that_is_asked_for() -> None:
    left = decide(TALK, "mp4", "4K")
    assert left.copied
    assert "It stays 1280x720: 4K would only enlarge it." in left.why
    grown = decide(TALK, "mp4", "4K", upscale=True)
    assert (grown.video, grown.width, grown.height) == ("h264", 3840, 2160)
    assert "enlarge" not in grown.why
    assert "enlarge" not in decide(WEB, "webm", "1080p").why


@pytest.mark.parametrize(
    ("codec", "wanted", "suffix", "audio"),
    [
        ("aac", "mp4", "m4a", "copy"),
        ("alac", "mov", "m4a", "copy"),
        ("pcm_s16le", "mov", "m4a", "aac"),
        ("mp3", "mp4", "m4a", "aac"),
        ("opus", "webm", "webm", "copy"),
        ("flac", "webm", "webm", "opus"),
    ],
)
def test_sound_alone_becomes_a_file_of_sound(codec: str, wanted: str, suffix: str, audio: str) -> None:
    made = decide(Film(container="x", audio_codec=codec), wanted, "720p")  # type: ignore[arg-type]
    assert (made.suffix, made.video, made.audio) == (suffix, None, audio)


def test_a_medium_of_nothing_is_no_medium() -> None:
    with pytest.raises(ValueError):
        decide(Film(container="x"), "mp4", "720p")


@pytest.mark.parametrize("film", [TALK, WEB, PHONE, Film(container="mp3", audio_codec="mp3")])
def test_coding_anew_copies_nothing(film: Film) -> None:
    made: Rendition = coded_anew(film, "mp4", "1080p", False, "Because.")
    assert "copy" not in (made.video, made.audio)
    assert made.why == "Because."


def test_every_format_codes_into_what_it_takes() -> None:
    for kind in KINDS.values():
        assert kind.picture in kind.pictures
        assert kind.sound in kind.sounds
    assert list(FRAMES) == ["720p", "1080p", "4K"]
