"""Files of the user: copied in, compared, never linked to, continued after a stop."""

import hashlib
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.domain.run import Source
from core.stages.download import DownloadStage
from core.stages.download.source import file_source
from core.stages.stage import Made
from tests.support.media_files import mp4
from tests.support.media_server import MediaServer
from tests.unit.stages.download.conftest import Begin, make_stage


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "My talk.MP4"
    path.write_bytes(mp4(seconds=4.0, noise=True).read_bytes())
    return path


def test_a_file_is_copied_in_under_its_true_suffix(stage: DownloadStage, begin: Begin, original: Path) -> None:
    misnamed = original.rename(original.with_suffix(".avi"))
    attempt = begin(source=file_source(misnamed))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    published = attempt.out / "media.mp4"
    assert published.read_bytes() == misnamed.read_bytes()
    assert (made.title, made.facts["container"]) == ("My talk", "mp4")
    assert set(made.tools) == {"av"}


def test_editing_the_original_does_not_change_what_was_published(
    stage: DownloadStage, begin: Begin, original: Path
) -> None:
    attempt = begin(source=file_source(original))
    stage.run(attempt)
    content = original.read_bytes()
    with original.open("r+b") as file:
        file.write(b"edited")
    assert (attempt.out / "media.mp4").read_bytes() == content
    assert (attempt.out / "media.mp4").stat().st_ino != original.stat().st_ino


def failure(stage: DownloadStage, begin: Begin, source: Source) -> StageError:
    with pytest.raises(StageError) as caught:
        stage.run(begin(source=source))
    return caught.value


def test_a_file_that_was_edited_since_it_was_added_is_not_taken(
    stage: DownloadStage, begin: Begin, original: Path
) -> None:
    source = file_source(original)
    with original.open("r+b") as file:
        file.seek(100_000)
        file.write(b"edited")
    error = failure(stage, begin, source)
    assert error.error_class == ErrorClass.INPUT_LOST
    assert "changed" in error.message
    original.write_bytes(b"shorter")
    assert "7 bytes instead of" in failure(stage, begin, source).message


def test_a_file_that_is_gone_is_missed(stage: DownloadStage, begin: Begin, original: Path) -> None:
    source = file_source(original)
    original.unlink()
    error = failure(stage, begin, source)
    assert error.error_class == ErrorClass.INPUT_LOST
    assert "No such file" in error.message


def test_a_copy_that_was_stopped_goes_on_where_it_was(stage: DownloadStage, begin: Begin, original: Path) -> None:
    source = file_source(original)
    half = begin(source=source)
    half.check = stop_after(2)  # type: ignore[method-assign]
    with pytest.raises(Stop):
        stage.run(half)
    assert 0 < (half.work / "source.0").stat().st_size < original.stat().st_size
    attempt = begin(source=source)
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (attempt.out / "media.mp4").read_bytes() == original.read_bytes()
    assert made.work is not None
    assert made.work.reused > 0


def stop_after(count: int) -> object:
    """A check that raises `Stop` when it is asked for the third, fourth ... time."""
    asked: list[None] = []

    def check() -> None:
        asked.append(None)
        if len(asked) > count:
            raise Stop

    return check


def test_half_a_copy_of_something_else_is_not_continued(stage: DownloadStage, begin: Begin, original: Path) -> None:
    attempt = begin(source=file_source(original))
    (attempt.work / "source.0").write_bytes(b"something else" * 1000)
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == original.read_bytes()


def test_a_file_larger_than_allowed_is_refused_before_it_is_copied(
    server: MediaServer, begin: Begin, original: Path
) -> None:
    attempt = begin(source=file_source(original))
    with pytest.raises(StageError) as caught:
        make_stage(server, max_media_bytes=1000).run(attempt)
    assert caught.value.error_class == ErrorClass.LIMIT_EXCEEDED
    assert list(attempt.work.iterdir()) == []


def test_text_under_the_name_of_a_video_is_refused_in_plain_words(
    stage: DownloadStage, begin: Begin, tmp_path: Path
) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("hello\n")
    error = failure(stage, begin, file_source(path))
    assert error.error_class == ErrorClass.NOT_MEDIA
    assert "plain text" in error.message


def test_an_original_on_which_reading_fails_names_the_reason(
    stage: DownloadStage, begin: Begin, tmp_path: Path
) -> None:
    folder = tmp_path / "was-a-file.mp4"
    folder.mkdir()
    source = Source(kind="file", value=str(folder), sha256=hashlib.sha256(b"").hexdigest())
    error = failure(stage, begin, source)
    assert error.error_class == ErrorClass.INPUT_LOST
    assert "directory" in error.message
