"""Levels of real media, measured by the real ffmpeg and compared with what was put into them."""

import wave
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.domain.levels import NOTHING, STEP_S, Levels, coarse, decibels
from core.stages.sound.levels import Meter, measure_levels
from tests.support.media_files import ffmpeg, media_file


def measured(path: Path) -> Levels:
    return measure_levels(path, check=lambda: None, log=lambda text: None)


def db(levels: Levels, at_s: float) -> float:
    return decibels(levels.peaks[round(at_s / STEP_S)])


def sound(folder: Path, expression: str, *words: str, seconds: float = 4, name: str = "sound.wav") -> Path:
    path = folder / name
    source = f"aevalsrc={expression}:d={seconds}" + ("" if ":s=" in expression else ":s=48000")
    ffmpeg("-f", "lavfi", "-i", source, *words, str(path))
    return path


def test_levels_follow_what_is_heard(tmp_path: Path) -> None:
    levels = measured(sound(tmp_path, "'sin(440*2*PI*t)*if(between(t,1,3),0.01,0.5)'"))
    assert levels.duration == 4.0
    assert [db(levels, at) for at in (0.5, 2.0, 3.5)] == pytest.approx([-6, -40, -6], abs=0.6)
    assert decibels(levels.loudness[25]) == pytest.approx(-9, abs=0.6)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 44056])
def test_every_rate_is_cut_into_the_same_steps(tmp_path: Path, rate: int) -> None:
    levels = measured(sound(tmp_path, f"'if(lt(t,2),0.5,0)':s={rate}"))
    assert levels.duration == pytest.approx(4, abs=STEP_S)
    assert db(levels, 1.9) == pytest.approx(-6, abs=0.6)
    assert levels.peaks[round(2.06 / STEP_S) :] == bytes([NOTHING]) * (len(levels.peaks) - 103)


def test_what_is_loud_in_one_channel_is_loud(tmp_path: Path) -> None:
    opposite = measured(sound(tmp_path, "'0.5*sin(440*2*PI*t)|-0.5*sin(440*2*PI*t)'"))
    assert db(opposite, 1) == pytest.approx(-6, abs=0.6)
    surround = measured(sound(tmp_path, "'0|0|0|0|0|0.25*sin(440*2*PI*t)'", name="six.wav"))
    assert db(surround, 1) == pytest.approx(-12, abs=0.6)


def test_sound_that_begins_late_is_silent_before(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    picture = media_file("v.mp4", seconds=4, audio=False)
    tone = sound(tmp_path, "'0.5*sin(440*2*PI*t)'", seconds=2)
    ffmpeg("-i", str(picture), "-itsoffset", "1.5", "-i", str(tone), "-c:v", "copy", "-c:a", "aac", str(path))
    levels = measured(path)
    assert db(levels, 1.0) < -100
    assert db(levels, 2.0) == pytest.approx(-6, abs=1)
    assert levels.duration == pytest.approx(3.5, abs=0.05)


def test_a_video_without_sound_says_so() -> None:
    with pytest.raises(StageError) as caught:
        measured(media_file("v.mp4", audio=False))
    assert caught.value.error_class == ErrorClass.NO_AUDIO


def test_a_playlist_in_disguise_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "trap.mp4"
    path.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{media_file('v.mp4')}\n")
    with pytest.raises(StageError) as caught:
        measured(path)
    assert caught.value.error_class == ErrorClass.NOT_MEDIA


def test_what_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        measured(tmp_path / "gone.mp4")
    assert caught.value.error_class == ErrorClass.INPUT_LOST


def test_a_stop_ends_it(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        measure_levels(sound(tmp_path, "'random(0)'", seconds=600), check=stop, log=lambda text: None)


def test_pieces_of_any_size_make_the_same_levels(tmp_path: Path) -> None:
    path = sound(tmp_path, "'random(0)-0.5'|'0.1':s=11025", seconds=9.333)
    wav = path.read_bytes()
    whole, single = Meter(), Meter()
    whole.feed(wav)
    for at in range(0, len(wav), 777):
        single.feed(wav[at : at + 777])
    assert whole.levels() == single.levels() == measured(path)


def test_a_picture_of_levels_shows_the_loudest_of_each_stretch() -> None:
    assert coarse(bytes([80, 20, 100, 100, 255, 40]), 3) == [-10, -50, -20]
    assert coarse(b"", 3) == []
    assert coarse(bytes([80]), 300) == [-40]


@pytest.mark.parametrize("rate", [8, 49, 2_000_000])
def test_a_rate_at_which_nothing_is_recorded_is_no_sound(rate: int, tmp_path: Path) -> None:
    path = tmp_path / "forged.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * 1003))
    with pytest.raises(StageError, match=f"{rate} samples a second") as caught:
        measured(path)
    assert caught.value.error_class == ErrorClass.NOT_MEDIA
