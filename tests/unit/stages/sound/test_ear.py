"""What was heard is kept, believed only while it can be read, and nothing is left of the work."""

from pathlib import Path

import pytest

from core.domain.errors import Stop
from core.stages.sound.ear import LEVELS, VOICES, Ear, kept_levels, kept_voices
from tests.support.speech import talk


def ear(folder: Path, media: Path) -> Ear:
    folder.mkdir(exist_ok=True)
    return Ear(media, folder, check=lambda: None, log=lambda text: None)


@pytest.mark.speech
def test_it_is_heard_once_and_then_known(tmp_path: Path) -> None:
    heard: list[float] = []
    first = ear(tmp_path / "kept", talk(1, pause_s=1.0))
    levels, voices = first.levels(heard.append), first.voices()
    assert heard[-1] == pytest.approx(levels.duration)
    assert 0.9 < voices[0].start < 1.4
    assert voices[-1].end <= levels.duration
    gone = ear(tmp_path / "kept", tmp_path / "gone.wav")
    assert (gone.levels(), gone.voices()) == (levels, voices)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [LEVELS, VOICES]


@pytest.mark.speech
def test_what_was_kept_and_cannot_be_read_is_heard_again(tmp_path: Path) -> None:
    first = ear(tmp_path / "kept", talk(1, pause_s=1.0))
    levels = first.levels()
    (tmp_path / "kept" / LEVELS).write_bytes(b"torn")
    assert kept_levels(tmp_path / "kept") is None
    assert first.levels() == kept_levels(tmp_path / "kept") == levels


@pytest.mark.speech
def test_a_stop_leaves_no_samples_behind(tmp_path: Path) -> None:
    def stop() -> None:
        raise Stop

    (tmp_path / "kept").mkdir()
    with pytest.raises(Stop):
        Ear(talk(1, pause_s=1.0), tmp_path / "kept", check=stop, log=lambda text: None).voices()
    assert kept_voices(tmp_path / "kept") is None
    assert not list((tmp_path / "kept").glob("*.pcm"))
