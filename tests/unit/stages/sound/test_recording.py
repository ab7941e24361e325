"""Sound out of media files by the real ffmpeg: what comes out, and one sentence for what does not."""

from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.sound.recording import RATE, Recording, extract
from tests.support.media_files import ffmpeg, media_file


def extracted(media: Path, folder: Path) -> Recording:
    extract(media, folder / "audio.pcm", check=lambda: None, log=lambda _: None)
    return Recording(folder / "audio.pcm")


def refused(media: Path, folder: Path) -> StageError:
    with pytest.raises(StageError) as caught:
        extract(media, folder / "audio.pcm", check=lambda: None, log=lambda _: None)
    assert list(folder.iterdir()) == [], "nothing half made is left"
    return caught.value


@pytest.mark.parametrize("name", ["tone.mp4", "tone.mkv", "tone.mp3", "tone.flac", "tone.ogg", "tone.webm"])
def test_common_containers_become_sixteen_thousand_samples_a_second(name: str, tmp_path: Path) -> None:
    codecs = {"tone.webm": ("-c:a", "libopus"), "tone.ogg": ("-c:a", "libvorbis"), "tone.mp3": ("-c:a", "libmp3lame")}
    media = media_file(
        name, seconds=2.0, video=name in ("tone.mp4", "tone.mkv"), codecs=codecs.get(name, ("-c:a", "flac"))
    )

    recording = extracted(media, tmp_path)

    assert abs(recording.seconds - 2.0) < 0.1
    samples = recording.read(RATE // 2, RATE)
    assert len(samples) == RATE // 2
    assert 0.05 < float(abs(samples).max()) <= 1.0
    recording.close()


def test_sound_that_begins_late_keeps_its_time(tmp_path: Path) -> None:
    media = tmp_path / "late.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=3"),
        *("-itsoffset", "1", "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-c:a", "flac", str(media)),
    )
    (tmp_path / "out").mkdir()

    recording = extracted(media, tmp_path / "out")

    assert abs(recording.read(0, int(0.95 * RATE))).max() < 0.01
    assert abs(recording.read(int(1.1 * RATE), int(1.5 * RATE))).max() > 0.05
    recording.close()


def test_a_video_without_sound_is_told(tmp_path: Path) -> None:
    error = refused(media_file("mute.mp4", audio=False), tmp_path)

    assert (error.error_class, error.message) == (ErrorClass.NO_AUDIO, "The video has no sound.")


def test_what_is_no_media_is_told(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("this is a letter")
    (tmp_path / "out").mkdir()

    assert refused(text, tmp_path / "out").error_class is ErrorClass.NOT_MEDIA


def test_a_lost_file_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.mp4", tmp_path).error_class is ErrorClass.INPUT_LOST


@pytest.mark.parametrize("trap", ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n"])
def test_a_playlist_named_like_a_video_reaches_no_other_file(trap: str, tmp_path: Path) -> None:
    secret = media_file("secret.flac", video=False, codecs=("-c:a", "flac"))
    media = tmp_path / "talk.mp4"
    media.write_text(trap.format(secret))
    (tmp_path / "out").mkdir()

    assert refused(media, tmp_path / "out").error_class is ErrorClass.NOT_MEDIA


def test_decoders_of_rare_pictures_are_never_opened(tmp_path: Path) -> None:
    lines: list[str] = []
    media = media_file("rare.mkv", codecs=("-c:v", "magicyuv", "-pix_fmt", "yuv420p", "-c:a", "flac"))

    extract(media, tmp_path / "audio.pcm", check=lambda: None, log=lines.append)

    assert any("magicyuv" in line and "not on whitelist" in line for line in lines)


def test_a_stop_ends_the_unpacking_and_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stop

    regular = media_file("long.flac", seconds=600.0, video=False, codecs=("-c:a", "flac"))

    with pytest.raises(Stop):
        extract(regular, tmp_path / "audio.pcm", check=stop, log=lambda _: None)
    assert not (tmp_path / "audio.pcm").exists()


def test_pieces_are_joined_in_order_and_end_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "audio.pcm").write_bytes(b"".join(n.to_bytes(2, "little") for n in range(100)))
    recording = Recording(tmp_path / "audio.pcm")

    joined = recording.join([(90, 92), (10, 11), (99, 105)])

    assert [round(value * 32768) for value in joined] == [90, 91, 10, 99]
    assert recording.samples == 100
    recording.close()


def test_many_small_holes_do_not_add_up(tmp_path: Path) -> None:
    whole, holes = media_file("whole.mkv", seconds=10.0, video=False, codecs=("-c:a", "aac")), tmp_path / "holes.mkv"
    ffmpeg("-i", str(whole), "-c", "copy", "-bsf:a", r"noise=drop='not(mod(n\,10))'", str(holes))
    folder = tmp_path / "out"
    folder.mkdir()

    recording = extracted(holes, folder)

    assert abs(recording.seconds - 10.0) < 0.05, "each tenth piece of a fiftieth of a second was lost"
    recording.close()
