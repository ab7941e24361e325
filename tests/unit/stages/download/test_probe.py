"""Files judged by their content: what is accepted, and in which words the rest is refused."""

import struct
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.container import SUFFIXES, sniff
from core.stages.download.facts import Facts
from core.stages.download.probe import probe
from tests.support.media_files import ffmpeg, media_file, mp4
from tests.support.media_server import MediaServer


def look(path: Path, max_media_s: float = 3600.0) -> Facts:
    return probe(path, max_media_s=max_media_s, check=lambda: None)


def refusal(path: Path, max_media_s: float = 3600.0) -> tuple[ErrorClass, str]:
    with pytest.raises(StageError) as caught:
        look(path, max_media_s)
    return caught.value.error_class, caught.value.message


SOUND = {"video": False}
KINDS = [
    ("a.mp4", {}, "mp4", "mp4"),
    ("a.mov", {}, "mov", "mov"),
    ("a.mkv", {}, "matroska", "mkv"),
    ("a.webm", {"codecs": ("-c:v", "libvpx", "-c:a", "libopus")}, "webm", "webm"),
    ("a.avi", {}, "avi", "avi"),
    ("a.ts", {}, "mpegts", "ts"),
    ("a.m4a", SOUND, "mp4", "m4a"),
    ("a.mp3", {**SOUND, "codecs": ("-c:a", "libmp3lame")}, "mp3", "mp3"),
    ("a.wav", {**SOUND, "codecs": ("-c:a", "pcm_s16le")}, "wav", "wav"),
    ("a.flac", {**SOUND, "codecs": ("-c:a", "flac")}, "flac", "flac"),
    ("a.ogg", {**SOUND, "codecs": ("-c:a", "libvorbis")}, "ogg", "ogg"),
    ("a.opus", {**SOUND, "codecs": ("-c:a", "libopus")}, "ogg", "ogg"),
    ("a.aac", SOUND, "aac", "aac"),
]


@pytest.mark.parametrize(("name", "how", "container", "suffix"), KINDS)
def test_an_accepted_file_is_known_by_its_content_whatever_its_name(
    tmp_path: Path, name: str, how: dict[str, object], container: str, suffix: str
) -> None:
    made = media_file(name, seconds=3.0, **how)  # type: ignore[arg-type]
    nameless = tmp_path / "source.0"
    nameless.symlink_to(made)
    facts = look(nameless)
    assert (facts.container, facts.suffix) == (container, suffix)
    assert facts.duration == pytest.approx(3.0, abs=0.1)
    assert facts.has_audio
    assert facts.has_video == ("video" not in how)
    assert f".{suffix}" in SUFFIXES


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.flac", "a.wav"])
def test_a_file_cut_at_sixty_per_cent_is_called_so(tmp_path: Path, name: str) -> None:
    how = next(how for kind, how, _, _ in KINDS if kind == name)
    whole = media_file(name, seconds=6.0, **how).read_bytes()  # type: ignore[arg-type]
    (tmp_path / name).write_bytes(whole[: len(whole) * 6 // 10])
    error_class, message = refusal(tmp_path / name)
    assert error_class == ErrorClass.TRUNCATED
    assert "ends too early" in message


def test_a_fast_start_mp4_that_is_cut_says_how_much_is_there(tmp_path: Path) -> None:
    whole = mp4(seconds=20.0).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    error_class, message = refusal(tmp_path / "cut.mp4")
    assert error_class == ErrorClass.TRUNCATED
    assert message == "The file ends too early: 12.0 of 20.0 seconds are there."


def test_an_mp4_without_its_index_is_called_so(tmp_path: Path) -> None:
    whole = media_file("index-at-end.mp4", seconds=3.0).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    error_class, message = refusal(tmp_path / "cut.mp4")
    assert error_class == ErrorClass.NOT_MEDIA
    assert "moov" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"hello there\n", "plain text"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"\n  <html><head>", "a web page"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "a playlist"),
        (b"PK\x03\x04" + bytes(100), "an archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
        (b"FLV\x01" + bytes(100), "convert it to MP4"),
        (bytes(range(256)) * 20, "in no format we know"),
    ],
)
def test_what_is_no_media_file_is_called_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.mp4").write_bytes(content)
    error_class, message = refusal(tmp_path / "x.mp4")
    assert error_class == ErrorClass.NOT_MEDIA
    assert words in message


def test_a_playlist_behind_the_head_of_a_video_reaches_nothing(tmp_path: Path) -> None:
    with MediaServer() as canary:
        for head in (
            b"\x00\x00\x00\x18ftypmp42",
            b"RIFF\xff\xff\xff\x7fAVI ",
            b"\x1a\x45\xdf\xa3",
            b"ID3\x04" + bytes(6),
        ):
            (tmp_path / "x.mp4").write_bytes(head + b"\n#EXTM3U\n#EXTINF:1,\n" + canary.url("/x.ts").encode() + b"\n")
            assert refusal(tmp_path / "x.mp4")[0] == ErrorClass.NOT_MEDIA
        assert canary.hits == []


def test_a_picture_too_large_to_decode_is_refused_without_decoding_it() -> None:
    huge = media_file("big.avi", seconds=0.04, audio=False, size="16000x16000", codecs=("-c:v", "mjpeg"))
    error_class, message = refusal(huge)
    assert error_class == ErrorClass.LIMIT_EXCEEDED
    assert "16000x16000" in message


def test_a_rare_codec_is_refused_by_name() -> None:
    error_class, message = refusal(media_file("m.avi", seconds=0.4, audio=False, codecs=("-c:v", "magicyuv")))
    assert error_class == ErrorClass.NOT_MEDIA
    assert "magicyuv" in message


def test_a_file_with_hundreds_of_streams_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "many.mkv"
    maps = [word for _ in range(100) for word in ("-map", "0:a")]
    sound = media_file("s.wav", seconds=0.2, video=False, codecs=("-c:a", "pcm_s16le"))
    ffmpeg("-i", str(sound), *maps, "-c", "copy", str(target))
    assert refusal(target)[0] in (ErrorClass.LIMIT_EXCEEDED, ErrorClass.NOT_MEDIA)


def test_the_cover_of_a_sound_file_is_no_video(tmp_path: Path) -> None:
    target = tmp_path / "song.m4a"
    sound, cover = (
        media_file("s.m4a", seconds=1.0, video=False),
        media_file("c.png", seconds=0.04, audio=False, codecs=("-c:v", "png", "-frames:v", "1")),
    )
    ffmpeg(
        "-i",
        str(sound),
        "-i",
        str(cover),
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:0",
        "attached_pic",
        str(target),
    )
    facts = look(target)
    assert (facts.has_video, facts.has_audio, facts.suffix) == (False, True, "m4a")


def test_an_encrypted_file_is_called_protected(tmp_path: Path) -> None:
    target = tmp_path / "drm.mp4"
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00" * 16, "-encryption_kid", "00" * 16)
    ffmpeg("-i", str(mp4()), "-c", "copy", *key, str(target))
    assert refusal(target)[0] == ErrorClass.DRM


def test_a_video_longer_than_allowed_is_refused() -> None:
    assert refusal(mp4(seconds=4.0), max_media_s=3.0)[0] == ErrorClass.LIMIT_EXCEEDED


def test_the_smallest_video_is_a_video() -> None:
    facts = look(media_file("tiny.mp4", seconds=0.04, size="2x2"))
    assert (facts.width, facts.height) == (2, 2)


def test_noise_in_the_middle_does_no_harm(tmp_path: Path) -> None:
    damaged = bytearray(mp4(seconds=4.0, noise=True).read_bytes())
    for at in range(200_000, len(damaged), 100):
        damaged[at] ^= 0xFF
    (tmp_path / "x.mp4").write_bytes(damaged)
    assert look(tmp_path / "x.mp4").duration == pytest.approx(4.0, abs=0.1)


def test_headers_full_of_nonsense_end_in_a_refusal_and_not_in_a_crash(tmp_path: Path) -> None:
    whole = bytearray(mp4().read_bytes())
    at = whole.index(b"moov") + 4
    whole[at : at + 2000] = struct.pack(">I", 0xFFFFFFF0) * 500
    (tmp_path / "x.mp4").write_bytes(whole)
    assert refusal(tmp_path / "x.mp4")[0] == ErrorClass.NOT_MEDIA


def test_a_stop_ends_the_examination() -> None:
    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        probe(mp4(seconds=20.0), max_media_s=3600, check=stop)


def test_no_head_of_random_bytes_is_taken_for_two_things() -> None:
    assert sniff(b"") is None
    assert sniff(b"RIFF1234WEBP") is None
    assert sniff(b"G" + bytes(187) + b"G") is None
