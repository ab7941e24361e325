"""The stage on small real media: what is cut, what is published, what survives a kill, and what cannot be cut."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.cuts import CutList
from core.domain.errors import Stop
from core.domain.levels import STEP_S, decibels
from core.domain.settings import Settings, parse_settings
from core.stages.remove_silence import RemoveSilenceStage
from core.stages.rendering.media import look
from core.stages.sound.levels import measure_levels
from core.stages.stage import Made, Published
from tests.support.attempt import FolderAttempt, Killed
from tests.support.awkward_media import (
    late_picture,
    late_sound,
    odd_size,
    one_frame,
    rotated,
    sound_with_cover,
    surround,
    thousand_fps,
    varying_rate,
)
from tests.support.media_files import ffmpeg, media_file

# Beeps from 0 to 1, 3 to 4 and 5 to 6 s.
BEEPS = "aevalsrc='0.5*sin(440*2*PI*t)*(1-between(t,1,3))*(1-between(t,4,5))':s=48000:d=6"
FIXED: dict[str, Any] = {"remove_silence": True, "silence_threshold": -40, "silence_margin_s": 0.2}
CUT = ["cuts.json", "silence_removed.mp4"]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("beeps") / "media.mp4"
    words = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:d=6", "-f", "lavfi", "-i", BEEPS]
    ffmpeg(*words, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(path))
    return path


def published(stage: str, folder: Path, **facts: Any) -> Published:
    names = {path.name: "0" * 64 for path in folder.iterdir()}
    return Published(stage=stage, key="k", content="c", path=folder, files=names, facts=facts)


def an_attempt(
    folder: Path, media: Path, words: list[tuple[str, float, float]] | None = None, **changes: Any
) -> FolderAttempt:
    inputs = {"download": published("download", media.parent, media=media.name)}
    if words is not None:
        said = folder / "said"
        said.mkdir(parents=True, exist_ok=True)
        (said / "transcript.json").write_text(json.dumps(transcript(words)))
        inputs["transcribe"] = published("transcribe", said)
    return FolderAttempt(folder, inputs, parse_settings({**FIXED, **changes}))


def transcript(words: list[tuple[str, float, float]]) -> dict[str, Any]:
    spoken = [{"word": word, "start": start, "end": end, "probability": 0.9} for word, start, end in words]
    segments = [
        {"id": n, "start": one["start"], "end": one["end"], "text": one["word"].strip(), "words": [one], "flags": []}
        for n, one in enumerate(spoken)
    ]
    return {"language": "en", "duration": 6.0, "model": "tiny", "segments": segments}


def run(attempt: FolderAttempt) -> Made:
    made = RemoveSilenceStage().run(attempt)
    assert isinstance(made, Made)
    return made


def cuts_of(attempt: FolderAttempt) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((attempt.out / "cuts.json").read_text())
    return found


def removed(found: dict[str, Any]) -> list[float]:
    return [at for span in found["removed"] for at in (span["start"], span["end"])]


def near(*times: float) -> Any:
    """Times as near as two frames and the ringing of a codec."""
    return pytest.approx(times, abs=0.09)


def names(attempt: FolderAttempt) -> list[str]:
    return sorted(path.name for path in attempt.out.iterdir())


def test_the_pauses_are_gone_and_the_cut_list_says_which(tmp_path: Path, video: Path) -> None:
    attempt = an_attempt(tmp_path, video)
    made = run(attempt)
    assert names(attempt) == CUT
    found = cuts_of(attempt)
    assert found["said"] == "2 pauses, -0:02"
    assert removed(found) == near(1.2, 2.8, 4.2, 4.8)
    result = look(attempt.out / "silence_removed.mp4", lambda: None)
    assert result.duration == pytest.approx(found["kept_s"], abs=0.1)
    assert found["kept_s"] == pytest.approx(3.8, abs=0.1)
    assert result.picture is not None
    assert (result.picture.width, result.picture.frames) == (160, round(found["kept_s"] * 25))
    assert (made.facts["media"], made.facts["pauses"]) == ("silence_removed.mp4", 2)
    assert made.work is not None
    assert (made.work.unit, made.work.done, made.work.reused) == ("cuts", 3.0, 0.0)


def test_what_was_said_is_mapped_onto_the_cut_video_and_no_word_is_lost(tmp_path: Path, video: Path) -> None:
    words = [(" One.", 0.2, 0.6), (" Psst.", 1.8, 2.2), (" Two.", 5.2, 5.8)]
    attempt = an_attempt(tmp_path, video, words)
    run(attempt)
    assert names(attempt) == sorted([*CUT, *(f"transcript.{suffix}" for suffix in ("json", "srt", "txt", "vtt"))])
    said = json.loads((attempt.out / "transcript.json").read_text())
    assert removed(cuts_of(attempt)) == near(1.2, 1.6, 2.4, 2.8, 4.2, 4.8)
    assert [one["text"] for one in said["segments"]] == ["One.", "Psst.", "Two."]
    assert [one["start"] for one in said["segments"]] == near(0.2, 1.4, 3.8)
    assert (attempt.out / "transcript.srt").read_text().startswith("1\n00:00:00,200 --> ")


def test_sound_alone_is_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "in" / "media.wav"
    path.parent.mkdir()
    ffmpeg("-f", "lavfi", "-i", BEEPS, str(path))
    attempt = an_attempt(tmp_path / "a", path)
    assert run(attempt).facts["media"] == "silence_removed.m4a"
    result = look(attempt.out / "silence_removed.m4a", lambda: None)
    assert result.picture is None
    assert result.duration == pytest.approx(cuts_of(attempt)["kept_s"], abs=0.1)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-f", "lavfi", "-i", "anullsrc=r=48000"), "silent throughout"),
        (("-f", "lavfi", "-i", "sine=frequency=440"), "no pauses"),
        ((), "no sound"),
    ],
)
def test_where_nothing_can_be_cut_nothing_is_and_that_is_no_error(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    path = tmp_path / "in" / "media.mp4"
    path.parent.mkdir()
    picture = media_file("v.mp4", seconds=3, audio=False, size="160x90")
    ffmpeg("-i", str(picture), *words, "-c:v", "copy", "-c:a", "aac", "-shortest", str(path))
    attempt = an_attempt(tmp_path / "a", path)
    made = run(attempt)
    assert names(attempt) == ["cuts.json"]
    assert (made.facts["media"], made.facts["why"]) == (None, why)
    found = cuts_of(attempt)
    assert (found["why"], found["removed"], found["kept_s"]) == (why, [], pytest.approx(3, abs=0.1))
    assert attempt.lines == [f"Nothing is cut: {why}."]


@pytest.mark.parametrize(("threshold", "pauses"), [(-60, 2), (-20, 2)])
def test_extreme_thresholds_find_what_they_should(tmp_path: Path, video: Path, threshold: int, pauses: int) -> None:
    attempt = an_attempt(tmp_path, video, silence_threshold=threshold)
    assert run(attempt).facts["pauses"] == pauses


def test_a_silence_longer_than_the_film_is_not_there(tmp_path: Path, video: Path) -> None:
    attempt = an_attempt(tmp_path, video, min_silence_s=5)
    assert run(attempt).facts["why"] == "no pauses"


def test_the_recording_teaches_what_is_quiet_and_voices_are_listened_for(tmp_path: Path, video: Path) -> None:
    attempt = an_attempt(tmp_path, video, silence_mode="auto")
    run(attempt)
    found = cuts_of(attempt)
    assert (found["rule"]["mode"], len(found["removed"])) == ("auto", 2)
    assert [path.name for path in attempt.work.glob("voices*")] == ["voices.1"]


def test_sound_that_begins_late_is_silent_before_it_begins(tmp_path: Path) -> None:
    attempt = an_attempt(tmp_path, late_sound())
    run(attempt)
    assert removed(cuts_of(attempt)) == near(0, 1.0)
    levels = measure_levels(attempt.out / "silence_removed.mp4", check=lambda: None, log=lambda line: None)
    loud = next(number * STEP_S for number, peak in enumerate(levels.peaks) if decibels(peak) > -40)
    assert loud == pytest.approx(0.2, abs=0.05)


def test_a_picture_without_sound_at_its_end_is_silent_there(tmp_path: Path) -> None:
    attempt = an_attempt(tmp_path, late_picture())
    run(attempt)
    found = cuts_of(attempt)
    assert removed(found) == near(3.2, found["duration"])


@pytest.mark.parametrize(
    "awkward", [rotated, varying_rate, odd_size, surround, sound_with_cover, one_frame, thousand_fps]
)
def test_awkward_media_are_no_error(tmp_path: Path, awkward: Callable[[], Path]) -> None:
    attempt = an_attempt(tmp_path, awkward())
    assert run(attempt).facts["why"] == "no pauses"


def test_killed_after_any_unit_nothing_is_made_twice_and_every_byte_is_the_same(tmp_path: Path, video: Path) -> None:
    whole = an_attempt(tmp_path / "whole", video, [(" One.", 0.2, 0.6)])
    units = run(whole).work
    assert units is not None
    for kills in range(1, len(whole.units.added) + 1):
        folder = tmp_path / f"killed-{kills}"
        first = an_attempt(folder, video, [(" One.", 0.2, 0.6)])
        first.units.die_after = kills
        with pytest.raises(Killed):
            run(first)
        second = an_attempt(folder, video, [(" One.", 0.2, 0.6)])
        work = run(second).work
        assert work is not None
        assert work.done + work.reused == units.done
        assert len(second.units.added) == len(whole.units.added) - kills
        assert digests(second) == digests(whole)


def test_a_stop_is_heard(tmp_path: Path, video: Path) -> None:
    attempt = an_attempt(tmp_path, video)
    attempt.stop.set()
    with pytest.raises(Stop):
        run(attempt)


def test_only_what_decides_is_in_the_key(tmp_path: Path, video: Path) -> None:
    stage = RemoveSilenceStage()

    def params(**changes: Any) -> dict[str, Any]:
        return stage.params(an_attempt(tmp_path, video, **changes).job)

    assert params(silence_mode="auto", silence_threshold=-30) == params(silence_mode="auto", silence_threshold=-50)
    assert params(silence_threshold=-30) != params(silence_threshold=-50)
    assert params(silence_margin_s=0.1) != params()
    assert stage.wanted(Settings()) is False


def test_the_cut_list_can_be_read_again_as_one(tmp_path: Path, video: Path) -> None:
    attempt = an_attempt(tmp_path, video)
    run(attempt)
    cuts = msgspec.json.decode((attempt.out / "cuts.json").read_bytes(), type=CutList)
    assert CutList.keeping(cuts.duration, cuts.kept) == cuts


def digests(attempt: FolderAttempt) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in attempt.out.iterdir()}
