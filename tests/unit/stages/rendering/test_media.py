"""What a file is, as one who renders it must know."""

from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.rendering.media import Media, Picture, look
from tests.support.media_files import ffmpeg, media_file, mp4


def seen(path: Path) -> Media:
    return look(path, lambda: None)


def picture(path: Path) -> Picture:
    found = seen(path).picture
    assert found is not None
    return found


def test_an_ordinary_video_is_told_in_full() -> None:
    media = seen(mp4())
    assert (media.container, media.duration, media.start) == ("mp4", 2.0, 0.0)
    assert media.picture is not None
    assert (media.picture.width, media.picture.height, media.picture.fps) == (320, 180, "25/1")
    assert (media.picture.frames, media.picture.varies, media.picture.last) == (50, False, 1.96)
    assert media.sound is not None
    assert (media.sound.codec, media.sound.channels, media.sound.sample_rate) == ("aac", 1, 44100)


def test_a_phone_video_has_the_size_it_is_seen_in(tmp_path: Path) -> None:
    ffmpeg("-display_rotation", "90", "-i", str(mp4()), "-c", "copy", str(tmp_path / "phone.mp4"))
    found = picture(tmp_path / "phone.mp4")
    assert (found.rotation, found.width, found.height, found.coded_width) == (90, 180, 320, 320)


def test_pixels_that_are_not_square_widen_the_picture() -> None:
    found = picture(media_file("wide.mkv", audio=False, options=("-vf", "setsar=4/3")))
    assert (found.width, found.height, found.sar) == (427, 180, "4:3")


def test_a_rate_that_varies_is_noticed_and_times_in_milliseconds_are_not_taken_for_that() -> None:
    uneven = ("-vf", r"select=not(mod(n\,3)*mod(n\,5))", "-fps_mode", "vfr")
    assert picture(media_file("phone.mp4", audio=False, options=uneven)).varies
    rounded = picture(media_file("even.mkv", audio=False, options=("-r", "30000/1001")))
    assert (rounded.varies, rounded.fps) == (False, "30000/1001")


def test_sound_and_picture_that_begin_late_are_told_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    late = ("-itsoffset", "0.5", "-i", str(mp4()), "-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-i", str(mp4()), *late, str(tmp_path / "late.mkv"))
    sound = seen(tmp_path / "late.mkv").sound
    assert sound is not None
    assert sound.start == pytest.approx(0.5, abs=0.03)


def test_a_transport_stream_that_begins_at_any_time_begins_at_zero_for_us() -> None:
    media = seen(media_file("live.ts", codecs=("-c:v", "libx264", "-c:a", "aac")))
    assert media.start > 1
    assert media.picture is not None
    assert media.picture.start == pytest.approx(0.0, abs=0.1)
    assert media.duration == pytest.approx(2.0, abs=0.15)


def test_sound_alone_has_no_picture_and_a_cover_is_none() -> None:
    assert seen(media_file("talk.mp3", video=False, codecs=("-c:a", "libmp3lame"))).picture is None


def test_one_frame_of_four_hundredths_of_a_second_is_a_picture() -> None:
    found = picture(media_file("blink.avi", seconds=0.04, audio=False, codecs=("-c:v", "mpeg4")))
    assert (found.frames, found.end, found.fps) == (1, 0.04, "25/1")


def test_streams_of_no_length_are_no_media() -> None:
    still = ("-bsf:a", "setts=pts=0:dts=0:duration=0")
    path = media_file("still.mkv", video=False, codecs=("-c:a", "libvorbis"), options=still)
    with pytest.raises(StageError, match="nothing to play") as raised:
        seen(path)
    assert raised.value.error_class == ErrorClass.NOT_MEDIA


@pytest.mark.parametrize("content", [b"#EXTM3U\nfile:///etc/passwd\n", b"", b"\0" * 5000])
def test_what_is_no_medium_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "upload.mp4").write_bytes(content)
    with pytest.raises(StageError) as refusal:
        seen(tmp_path / "upload.mp4")
    assert refusal.value.error_class is ErrorClass.NOT_MEDIA


def test_a_file_that_is_gone_is_told_as_lost_and_a_stop_is_heard(tmp_path: Path) -> None:
    with pytest.raises(StageError) as refusal:
        seen(tmp_path / "gone.mp4")
    assert refusal.value.error_class is ErrorClass.INPUT_LOST

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        look(mp4(), stop)
