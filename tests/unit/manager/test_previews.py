"""Previews of silence removal: real sound, listened to by a real child process, decided as the stage decides."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.errors import BadInput, ErrorClass, NotFound, Refused, StageError
from core.domain.settings import Settings
from core.manager import listening
from core.manager.listening import Listening
from core.manager.previews import NO_SOUND, NOT_THERE, SILENT, UNSURE, Previews
from core.store.artifacts import Receipt
from tests.support.dispatching import NOON, House
from tests.support.media_files import ffmpeg

FIXED = {"silence_threshold": -40, "silence_margin_s": 0.1}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="module")
def beeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s: a tone, a pause from 1 to 3, a tone, a pause from 4 to 5, a tone."""
    path = tmp_path_factory.mktemp("beeps") / "media.wav"
    tone = "aevalsrc='0.5*sin(440*2*PI*t)*(1-between(t,1,3))*(1-between(t,4,5))':s=16000:d=6"
    ffmpeg("-f", "lavfi", "-i", tone, str(path))
    return path


def previews(house: House, free_space_bytes: int = 0) -> Previews:
    return Previews(house.index, house.layout, house.artifacts, free_space_bytes)


def publish(house: House, run_id: str, stage: str, facts: dict[str, Any], *files: Path) -> None:
    """End the stage the run is in with these files, as a worker does."""
    key = f"{stage[0]}{run_id[-6:]}"
    out = house.layout.work(stage, key) / "tmp.a_1"
    out.mkdir(parents=True)
    for path in files:
        shutil.copy(path, out / path.name)
    made: dict[str, Any] = {"params": {}, "inputs": {}, "tools": {}, "started_at": NOON, "attempt": "a_1", "epoch": 1}
    receipt = Receipt(stage=stage, key=key, version=1, facts=facts, **made)
    house.artifacts.publish(stage, key, out, receipt)
    outcome = house.publish("download", f"x{run_id[-6:]}", other_txt="")
    house.end(run_id, msgspec.structs.replace(outcome, key=key))


def downloaded(house: House, media: Path, settings: Settings | None = None, **facts: Any) -> str:
    (run_id,) = house.add(settings=settings or Settings(transcribe=False, quotes=False, summary=False))
    house.turn()
    publish(house, run_id, "download", {"media": media.name, "duration": 6.0, "has_audio": True} | facts, media)
    return run_id


def test_what_would_go_is_said_before_anything_is_rendered(house: House, beeps: Path) -> None:
    found = previews(house).require(downloaded(house, beeps), FIXED)
    assert found.said == "2 pauses, -0:03"
    assert found.cuts is not None
    borders = [at for span in found.cuts.removed for at in (span.start, span.end)]
    assert borders == pytest.approx([1.1, 2.9, 4.1, 4.9], abs=0.03)
    told = found.told()
    assert (told["pauses"], told["threshold_db"], told["duration_s"]) == (2, -40, 6.0)
    assert json.loads(msgspec.json.encode(told)) == told
    assert len(found.wave) == 300
    assert found.wave[25] == pytest.approx(-6, abs=0.6)
    assert found.wave[100] < -60


def test_it_is_listened_to_once_and_every_setting_answered_at_once(house: House, beeps: Path) -> None:
    run_id = downloaded(house, beeps)
    previews(house).require(run_id, FIXED)
    (kept,) = house.layout.sound.iterdir()
    before = (kept / "levels.1").stat().st_mtime_ns
    other = previews(house)
    assert other.silence(run_id, {**FIXED, "min_silence_s": 1.5}).said == "1 pause, -0:02"
    assert other.silence(run_id, {**FIXED, "min_silence_s": 4}).said == "No pauses"
    assert (kept / "levels.1").stat().st_mtime_ns == before


def test_a_page_is_never_kept_waiting(house: House, beeps: Path) -> None:
    run_id, view = downloaded(house, beeps), previews(house)
    assert view.silence(run_id, FIXED).status == "listening"
    view.require(run_id, FIXED)
    assert view.silence(run_id, FIXED).status == "ready"


def test_without_a_transcript_it_is_listened_for_voices(house: House, beeps: Path) -> None:
    run_id, view = downloaded(house, beeps), previews(house)
    view.require(run_id, FIXED)
    assert view.silence(run_id).refining
    found = view.require(run_id)
    assert (found.refining, found.said) == (False, "2 pauses, -0:02")


def test_every_word_of_the_transcript_is_kept(house: House, beeps: Path, tmp_path: Path) -> None:
    run_id, view = downloaded(house, beeps, Settings(quotes=False, summary=False)), previews(house)
    assert view.require(run_id, FIXED).note == UNSURE
    words = [{"word": " psst", "start": 1.8, "end": 2.2, "probability": 0.9}]
    segment = {"id": 0, "start": 1.8, "end": 2.2, "text": "psst", "words": words, "flags": []}
    transcript = tmp_path / "transcript.json"
    transcript.write_text(json.dumps({"language": "en", "duration": 6.0, "segments": [segment]}))
    publish(house, run_id, "transcribe", {}, transcript)
    found = view.require(run_id, FIXED)
    assert (found.note, found.said) == ("", "3 pauses, -0:02")


def test_settings_that_are_no_settings_are_refused(house: House, beeps: Path) -> None:
    with pytest.raises(BadInput, match="silence_threshold"):
        previews(house).silence(downloaded(house, beeps), {"silence_threshold": -10})


def test_silence_throughout_is_said(house: House, tmp_path: Path) -> None:
    path = tmp_path / "media.wav"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000", "-t", "6", str(path))
    found = previews(house).require(downloaded(house, path), FIXED)
    assert (found.said, found.note) == ("No pauses", SILENT)


def test_a_video_without_sound_or_not_there_yet_has_no_preview(house: House, beeps: Path) -> None:
    silent = downloaded(house, beeps, has_audio=False)
    assert previews(house).silence(silent).note == NO_SOUND
    (waiting,) = house.add()
    with pytest.raises(Refused, match=NOT_THERE):
        previews(house).require(waiting)
    with pytest.raises(NotFound):
        previews(house).silence("r_1")


def test_what_cannot_be_read_says_so_and_is_not_tried_for_ever(house: House, tmp_path: Path) -> None:
    path = tmp_path / "media.wav"
    path.write_text("no sound at all")
    run_id, view = downloaded(house, path), previews(house)
    with pytest.raises(Refused, match="cannot be read"):
        view.require(run_id)
    assert view.silence(run_id).note == "The sound of this file cannot be read."


def test_what_failed_on_a_full_disk_is_tried_again_a_little_later(
    house: House, beeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, view = downloaded(house, beeps), previews(house)
    with monkeypatch.context() as full:
        full.setattr(Listening, "_ask_child", _no_room)
        with pytest.raises(Refused, match="full"):
            view.require(run_id, FIXED)
        assert view.silence(run_id, FIXED).note == "The disk is full.", "not a child a second"
    monkeypatch.setattr(listening, "monotonic", lambda: math.inf)
    assert view.require(run_id, FIXED).said == "2 pauses, -0:03"


def _no_room(*_: object) -> None:
    raise StageError(ErrorClass.DISK_FULL, "The disk is full.")


def test_nothing_is_listened_to_on_a_disk_without_room(house: House, beeps: Path) -> None:
    run_id = downloaded(house, beeps)
    with pytest.raises(Refused, match="are free on the disk; listening to it needs"):
        previews(house, free_space_bytes=2**62).require(run_id, FIXED)
    (folder,) = house.layout.sound.iterdir()
    assert not any(folder.iterdir())


def test_voices_are_looked_for_only_where_the_unpacked_sound_fits_beside_what_is_kept_free(
    house: House, beeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = downloaded(house, beeps)
    monkeypatch.setattr(listening, "free_bytes", lambda folder: 1000 + 6 * 32_000 - 1)
    found = previews(house, free_space_bytes=1000).require(run_id)
    assert "are free on the disk" in found.note
    assert found.said == "2 pauses, -0:02", "levels take no room, and are enough to decide by"


def test_listening_ends_when_the_disk_fills_meanwhile_and_leaves_nothing(
    house: House, beeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = downloaded(house, beeps)
    previews(house).require(run_id, FIXED)
    (folder,) = house.layout.sound.iterdir()
    looked: list[int] = []

    def filling(_: Path) -> int:
        looked.append(0)
        if len(looked) > 1:
            (folder / "audio.pcm.part").touch()  # as the child has begun it by then
        return 2**40 if len(looked) == 1 else 0

    monkeypatch.setattr(listening, "free_bytes", filling)
    assert "Only 0 MB are free" in previews(house, free_space_bytes=1000).require(run_id).note
    assert [path.name for path in folder.iterdir()] == ["levels.1"]


@pytest.mark.parametrize("ends", ["with an error of ours", "without a word"])
def test_a_listener_that_ends_strangely_is_not_begun_again_for_ever(
    house: House, beeps: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    run_id, view = downloaded(house, beeps), previews(house)
    begun: list[None] = []

    def strange(*_: object) -> None:
        begun.append(None)
        if len(begun) > 3:
            raise StageError(ErrorClass.NOT_MEDIA, "begun again")
        if ends == "with an error of ours":
            raise ValueError(ends)

    monkeypatch.setattr(Listening, "_ask_child", strange)
    with pytest.raises(Refused, match=r"could not be listened to|cannot be read"):
        view.require(run_id, FIXED)
    assert len(begun) == 1
