"""The whole stage with the real tiny.en weights on synthesised speech: what it hears, and that kills change nothing."""

import functools
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.speech import word_error_rate
from core.domain.errors import ErrorClass, StageError, Stop
from core.domain.settings import Settings
from core.stages.stage import Made, Published
from core.stages.transcribe import TranscribeStage
from tests.support.attempt import FolderAttempt, Killed
from tests.support.media_files import media_file
from tests.support.speech import GERMAN, silence, speech, talk, text_of

SENTENCES = 27  # three windows
TINY = Settings(model="tiny.en")


@functools.cache
def stage(threads: int = 2) -> TranscribeStage:
    """One for all tests, as in a warm worker: the model is loaded once."""
    return TranscribeStage(threads=threads, hub=False)


def attempt_on(media: Path, folder: Path, settings: Settings = TINY, **facts: object) -> FolderAttempt:
    known = {"media": media.name, "has_audio": True, **facts}
    download = Published(stage="download", key="k", content="c", path=media.parent, files={}, facts=known)
    return FolderAttempt(folder, {"download": download}, settings)


def results(attempt: FolderAttempt) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in attempt.out.iterdir()}


def transcript(attempt: FolderAttempt) -> dict[str, object]:
    made: dict[str, object] = json.loads((attempt.out / "transcript.json").read_bytes())
    return made


@functools.cache
def undisturbed() -> tuple[Mapping[str, bytes], Made]:
    """The long talk transcribed without any disturbance."""
    with tempfile.TemporaryDirectory(prefix="undisturbed-") as folder:
        attempt = attempt_on(talk(SENTENCES), Path(folder))
        made = stage().run(attempt)
        return results(attempt), made


pytestmark = pytest.mark.speech


def test_a_talk_is_heard_and_told_in_four_formats() -> None:
    files, made = undisturbed()

    assert set(files) == {"transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt"}
    document = json.loads(files["transcript.json"])
    assert word_error_rate(text_of(SENTENCES), files["transcript.txt"].decode()) < 0.25
    assert made.facts == {
        "language": "en",
        "duration": document["duration"],
        "segments": len(document["segments"]),
        "speech": True,
        "suspect": sum(bool(segment["flags"]) for segment in document["segments"]),
        "model": "tiny.en",
    }
    assert made.work is not None
    assert made.work.unit == "audio_s"
    assert made.work.reused == 0
    assert 0 < made.work.done <= document["duration"]
    assert {"faster-whisper", "ctranslate2", "cpu"} <= set(made.tools)


def test_nothing_published_holds_a_path_or_an_attempt(tmp_path: Path) -> None:
    files, _ = undisturbed()

    for content in files.values():
        assert str(tmp_path.parent.parent).encode() not in content
        assert b"s_test" not in content


@pytest.mark.parametrize("units", [1, 2])
def test_a_kill_after_any_unit_changes_no_byte_and_repeats_no_unit(units: int, tmp_path: Path) -> None:
    first = attempt_on(talk(SENTENCES), tmp_path)
    first.units.die_after = units
    with pytest.raises(Killed):
        stage().run(first)
    kept = len(first.units.done())

    second = attempt_on(talk(SENTENCES), tmp_path)
    made = stage().run(second)

    assert results(second) == undisturbed()[0]
    assert kept >= units
    assert len(second.units.added) == len(second.units.done()) - kept
    assert made.work is not None
    assert made.work.reused > 0
    whole = undisturbed()[1].work
    assert whole is not None
    assert abs(made.work.done + made.work.reused - whole.done) < 0.01


def test_a_kill_between_plan_and_first_window_changes_no_byte(tmp_path: Path) -> None:
    first = attempt_on(talk(SENTENCES), tmp_path)

    def stop_once_planned() -> None:
        if (first.work / "plan.json").exists():
            raise Killed("between plan and first window")

    first.check = stop_once_planned  # type: ignore[method-assign]
    with pytest.raises(Killed):
        stage().run(first)
    plan = (first.work / "plan.json").read_bytes()

    second = attempt_on(talk(SENTENCES), tmp_path)
    stage().run(second)

    assert (second.work / "plan.json").read_bytes() == plan
    assert results(second) == undisturbed()[0]


def test_another_number_of_cores_on_resume_changes_no_byte(tmp_path: Path) -> None:
    first = attempt_on(talk(SENTENCES), tmp_path)
    first.units.die_after = 1
    with pytest.raises(Killed):
        stage().run(first)

    second = attempt_on(talk(SENTENCES), tmp_path)
    TranscribeStage(threads=3, hub=False).run(second)

    assert results(second) == undisturbed()[0]


def test_one_core_gives_the_same_bytes_as_two(tmp_path: Path) -> None:
    attempt = attempt_on(talk(SENTENCES), tmp_path)

    TranscribeStage(threads=1, hub=False).run(attempt)

    assert results(attempt) == undisturbed()[0]


def test_a_stop_keeps_the_windows_in_flight(tmp_path: Path) -> None:
    first = attempt_on(talk(SENTENCES), tmp_path)
    first.progress = lambda done, total, note="": first.stop.set() if note == "transcribing" else None  # type: ignore[method-assign]

    with pytest.raises(Stop):
        stage().run(first)

    assert list(first.out.iterdir()) == []
    second = attempt_on(talk(SENTENCES), tmp_path)
    stage().run(second)
    assert results(second) == undisturbed()[0]


def test_a_plan_of_other_libraries_is_made_anew_and_its_units_are_not_taken(tmp_path: Path) -> None:
    first = attempt_on(talk(SENTENCES), tmp_path)
    first.units.die_after = 2
    with pytest.raises(Killed):
        stage().run(first)
    plan = json.loads((first.work / "plan.json").read_bytes())
    plan["environment"]["ctranslate2"] = "0.1"
    first.file("plan.json", json.dumps(plan).encode())

    second = attempt_on(talk(SENTENCES), tmp_path)
    made = stage().run(second)

    assert made.work is not None
    assert made.work.reused == 0
    assert min(second.units.added) > max(first.units.added)
    assert results(second) == undisturbed()[0]


def test_a_damaged_plan_is_made_anew(tmp_path: Path) -> None:
    first = attempt_on(talk(2), tmp_path)
    first.file("plan.json", b"{")

    stage().run(first)

    assert transcript(first)["segments"]


def test_stereo_and_a_picture_make_no_difference(tmp_path: Path) -> None:
    attempt = attempt_on(talk(3, suffix=".mp4", stereo=True), tmp_path)

    made = stage().run(attempt)

    assert made.facts["speech"]
    assert word_error_rate(text_of(3), (attempt.out / "transcript.txt").read_text()) < 0.35


def test_times_count_the_silence_before_the_speech(tmp_path: Path) -> None:
    attempt = attempt_on(talk(2, pause_s=20.0), tmp_path)

    stage().run(attempt)

    segments = transcript(attempt)["segments"]
    assert isinstance(segments, list)
    assert 19.5 < segments[0]["start"] < 21.5


@pytest.mark.parametrize("seconds", [0.1, 30.0])
def test_silence_is_an_empty_transcript_and_no_invented_text(seconds: float, tmp_path: Path) -> None:
    attempt = attempt_on(silence(seconds), tmp_path)

    made = stage().run(attempt)

    assert made.facts == {
        "language": "en",
        "duration": seconds,
        "segments": 0,
        "speech": False,
        "suspect": 0,
        "model": "tiny.en",
    }
    assert transcript(attempt)["segments"] == []
    assert (attempt.out / "transcript.txt").read_text() == ""


def test_a_tone_is_not_speech(tmp_path: Path) -> None:
    attempt = attempt_on(media_file("tone.flac", seconds=20.0, video=False, codecs=("-c:a", "flac")), tmp_path)

    assert stage().run(attempt).facts["speech"] is False


def test_a_video_without_sound_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for number, facts in enumerate(({"has_audio": False}, {})):
        attempt = attempt_on(media_file("mute.mp4", audio=False), tmp_path / str(number), **facts)
        with pytest.raises(StageError) as caught:
            stage().run(attempt)
        assert (caught.value.error_class, caught.value.message) == (ErrorClass.NO_AUDIO, "The video has no sound.")


def test_another_language_than_the_model_knows_is_told_in_one_sentence(tmp_path: Path) -> None:
    attempt = attempt_on(speech(GERMAN, voice="de"), tmp_path)

    with pytest.raises(StageError) as caught:
        stage().run(attempt)

    assert caught.value.error_class is ErrorClass.LANGUAGE_MISMATCH
    assert "English" in caught.value.message
    assert "multilingual" in caught.value.hint


def test_english_that_was_asked_for_is_never_refused(tmp_path: Path) -> None:
    attempt = attempt_on(speech(GERMAN, voice="de"), tmp_path, Settings(model="tiny.en", language="en"))

    made = stage().run(attempt)

    assert made.facts["suspect"] == made.facts["segments"]


def test_parameters_name_the_weights_and_the_language(tmp_path: Path) -> None:
    english = attempt_on(talk(2), tmp_path, Settings(model="tiny.en", language="en")).job
    whichever = attempt_on(talk(2), tmp_path).job

    assert stage().params(english)["model_sha256"] == stage().params(whichever)["model_sha256"]
    assert stage().params(english) != stage().params(whichever)
    with pytest.raises(StageError):
        stage().params(attempt_on(talk(2), tmp_path, Settings(model="tiny.en", language="de")).job)


def test_progress_never_falls_and_ends_at_the_whole(tmp_path: Path) -> None:
    attempt = attempt_on(talk(SENTENCES), tmp_path)

    stage().run(attempt)

    shares = [done / total for done, total, note in attempt.reports if total and note == "transcribing"]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert attempt.checks > 3
