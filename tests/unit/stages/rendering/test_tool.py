"""One run of ffmpeg, and when it counts."""

from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.rendering.media import look
from core.stages.rendering.tool import Ran, command, file_input, file_output, run_ffmpeg, source
from tests.support.media_files import mp4


def run(output: Any, expected_s: float | None = None, **how: Any) -> Ran:
    return run_ffmpeg(output, doing="Trying", check=lambda: None, expected_s=expected_s, **how)


def copy_of(target: Path, **options: Any) -> Any:
    return file_output(source(look(mp4(), lambda: None)), target, c="copy", f="mp4", **options)


def refusal(output: Any, expected_s: float | None = None, **how: Any) -> StageError:
    with pytest.raises(StageError) as caught:
        run(output, expected_s, **how)
    return caught.value


def test_a_run_tells_how_much_it_wrote_and_how_far_it_was(tmp_path: Path) -> None:
    reports: list[float] = []
    ran = run(copy_of(tmp_path / "-odd name.mp4"), 2.0, on_progress=reports.append)
    assert ran.out_s == pytest.approx(2.0, abs=0.05)
    assert (ran.frames, ran.complaints) == (50, 0)
    assert reports[-1] == ran.out_s
    assert look(tmp_path / "-odd name.mp4", lambda: None).duration == pytest.approx(2.0, abs=0.05)


def test_every_input_is_bound_to_its_file_its_demuxer_and_known_decoders() -> None:
    words = command(file_output(file_input("/a/talk.mp4", "mov"), "/b/out.mp4"))
    before = words[: words.index("-i")]
    assert words[words.index("-i") + 1] == "file:/a/talk.mp4"
    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-f") + 1] == "mov"
    assert {"-nostdin", "-format_whitelist", "-codec_whitelist", "-max_pixels"} <= set(before)
    assert "concat" not in before[before.index("-format_whitelist") + 1]


def test_less_than_was_expected_is_a_failure_although_ffmpeg_is_content(tmp_path: Path) -> None:
    error = refusal(copy_of(tmp_path / "short.mp4", t=1), 2.0)
    assert error.error_class is ErrorClass.POSTPROCESS
    assert "instead of 2.00" in error.message


def test_a_playlist_named_mp4_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{mp4()}'\n")
    error = refusal(file_output(file_input(tmp_path / "list.mp4", "mov"), tmp_path / "out.mp4", c="copy"))
    assert error.error_class is ErrorClass.NOT_MEDIA
    assert not (tmp_path / "out.mp4").exists()


def test_a_file_larger_than_allowed_is_stopped_by_the_kernel(tmp_path: Path) -> None:
    assert refusal(copy_of(tmp_path / "big.mp4"), max_bytes=4096).error_class is ErrorClass.LIMIT_EXCEEDED


def test_an_encoder_that_is_not_there_is_a_matter_of_the_tool(tmp_path: Path) -> None:
    stream = source(look(mp4(), lambda: None))
    error = refusal(file_output(stream, tmp_path / "out.mp4", **{"c:v": "libnothing"}))
    assert error.error_class is ErrorClass.TOOLING


def test_an_error_has_the_last_words_of_ffmpeg(tmp_path: Path) -> None:
    stream = source(look(mp4(), lambda: None))
    error = refusal(file_output(stream, tmp_path / "out.mp4", vf="crop=9999:9999"))
    assert error.error_class is ErrorClass.POSTPROCESS
    assert "ffmpeg said:" in error.message
