"""A transcript that is there already is taken over as it stands, and nothing is listened to."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.errors import ErrorClass, StageError
from core.domain.run import Source, Transcript
from core.domain.sentences import Transcript as Sentences
from core.domain.settings import Settings
from core.stages.stage import Made, Published
from core.stages.transcribe import TranscribeStage
from tests.support.attempt import FolderAttempt

SRT = """1
00:00:01,000 --> 00:00:03,000
Good evening, everybody. Let us

2
00:00:03,000 --> 00:00:05,000
begin with the <i>first</i> picture.

3
99:99:99,999 --> 99:99:99,999
never
"""
STAGE = TranscribeStage(models_dir="/nowhere", hub=False)


def attempt(
    folder: Path, *, given: Path | None = None, settings: Settings | None = None, **facts: Any
) -> FolderAttempt:
    """An attempt on a video whose file is not there: whoever listened would fail."""
    own = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("own.vtt",)
        if (folder / name).exists()
    }
    download = Published(
        stage="download",
        key="k",
        content="c",
        path=folder,
        files=own,
        facts={"media": "media.mp4", "duration": 10.0, "has_audio": True, **facts},
    )
    transcript = None
    if given is not None:
        transcript = Transcript(path=str(given), sha256=hashlib.sha256(given.read_bytes()).hexdigest())
    source = Source(kind="file", value=str(folder / "talk.mp4"), transcript=transcript)
    return FolderAttempt(folder / "run", {"download": download}, settings or Settings(), source)


def told(made: object) -> tuple[object, ...]:
    assert isinstance(made, Made)
    return tuple(made.facts.get(name) for name in ("imported", "language", "dropped", "segments", "speech"))


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "talk.en.srt"
    path.write_text(SRT)
    return path


def test_sentences_are_made_of_cues_and_their_time_is_shared_by_the_words(tmp_path: Path, given: Path) -> None:
    run = attempt(tmp_path, given=given)
    assert told(STAGE.run(run)) == ("file", "en", 1, 2, True)
    transcript = json.loads((run.out / "transcript.json").read_bytes())
    segments = transcript["segments"]
    assert [segment["text"] for segment in segments] == [
        "Good evening, everybody.",
        "Let us begin with the first picture.",
    ]
    assert (segments[0]["start"], segments[1]["end"], transcript["duration"]) == (1.0, 5.0, 10.0)
    words = [word for segment in segments for word in segment["words"]]
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert {path.name for path in run.out.iterdir()} == {f"transcript.{kind}" for kind in ("json", "txt", "srt", "vtt")}
    assert "first picture." in (run.out / "transcript.srt").read_text()
    assert msgspec.convert(transcript, Sentences).segments, "the stages after it can read it"
    assert any("1 captions cannot be used" in line for line in run.lines)


def test_the_same_captions_give_the_same_bytes(tmp_path: Path, given: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        run = attempt(tmp_path / name, given=given)
        STAGE.run(run)
        made.append({path.name: path.read_bytes() for path in run.out.iterdir()})
    assert made[0] == made[1]


def test_no_model_is_needed_and_none_is_in_the_key(tmp_path: Path, given: Path) -> None:
    job = attempt(tmp_path, given=given, settings=Settings(model="large-v3")).job
    assert STAGE.params(job) == STAGE.params(attempt(tmp_path, given=given).job)
    STAGE.warm(job)
    with pytest.raises(StageError):
        STAGE.params(attempt(tmp_path, settings=Settings(model="large-v3")).job)


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.write_text(SRT + "more")])
def test_one_that_is_gone_or_another_now_is_said_and_not_replaced_by_listening(
    tmp_path: Path, given: Path, change: Any
) -> None:
    run = attempt(tmp_path, given=given)
    change(given)
    for step in (lambda: STAGE.params(run.job), lambda: STAGE.run(run)):
        with pytest.raises(StageError, match=r"talk\.en\.srt") as caught:
            step()
        assert caught.value.error_class == ErrorClass.INPUT_LOST


def test_a_video_without_sound_has_the_transcript_that_came_with_it(tmp_path: Path, given: Path) -> None:
    assert told(STAGE.run(attempt(tmp_path, given=given, has_audio=False)))[0] == "file"


OWN = {"file": "own.vtt", "language": "de", "kind": "manual"}


def test_the_videos_own_subtitles_are_taken_only_when_they_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "own.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nGuten Abend.\n")
    wanted = Settings(use_subtitles="any", model="large-v3")
    assert told(STAGE.run(attempt(tmp_path, settings=wanted, subtitles=OWN))) == ("manual", "de", 0, 1, True)
    with pytest.raises(StageError):
        STAGE.params(attempt(tmp_path, settings=Settings(model="large-v3"), subtitles=OWN).job)


def test_own_subtitles_that_hold_nothing_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own.vtt").write_text("WEBVTT\n\n")
    wanted = Settings(use_subtitles="any", model="large-v3")
    with pytest.raises(StageError) as caught:
        STAGE.params(attempt(tmp_path, settings=wanted, subtitles=OWN).job)
    assert caught.value.error_class == ErrorClass.MODEL_MISSING, "it is listened to, which needs a model"


def test_what_was_given_goes_before_the_videos_own(tmp_path: Path, given: Path) -> None:
    (tmp_path / "own.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nGuten Abend.\n")
    run = attempt(tmp_path, given=given, settings=Settings(use_subtitles="any"), subtitles=OWN)
    assert told(STAGE.run(run))[:2] == ("file", "en")
