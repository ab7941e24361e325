"""A film whose container has no index is read once, not once for each part."""

from pathlib import Path

import msgspec
import pytest

from core.domain.cuts import Span
from core.stages.rendering import pictures
from core.stages.rendering.groups import render, scratch_bytes
from core.stages.rendering.media import look
from core.stages.rendering.spec import Spec
from tests.support.attempt import FolderAttempt
from tests.support.claps import film
from tests.support.media_files import ffmpeg
from tests.support.rendering_kills import Rendering

SPEC = Spec(preset="ultrafast")
KEPT = [Span(1.0, 19.0), Span(50.0, 68.0)]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transport stream of 70 s."""
    folder = tmp_path_factory.mktemp("film")
    film(folder / "film.mp4", seconds=70.0, every=50)
    ffmpeg("-i", str(folder / "film.mp4"), "-c", "copy", str(folder / "film.ts"))
    return folder / "film.ts"


def test_every_strand_seeks_in_a_copy_that_has_an_index(stream: Path, tmp_path: Path) -> None:
    rendering = Rendering(tmp_path / "work", stream, KEPT, SPEC)
    rendering.finish()
    starts = [msgspec.json.decode(line, type=list[str]) for line in (tmp_path / "work/starts.jsonl").open()]
    strands = [words for words in starts if ".group." in words[-2] + words[-1]]
    assert len(strands) == 4
    assert all("film.ts" not in " ".join(words) for words in strands)
    begins = [float(words[words.index("-ss") + 1]) if "-ss" in words else 0.0 for words in strands]
    assert sum(begin > 45.0 for begin in begins) == 2
    assert all("sync-lookahead=0" in words for words in strands), "else x264 makes other bytes now and then"
    assert sum(any(word.endswith("film.ts") for word in words) and "-i" in words for words in starts) == 2


def test_the_result_is_that_of_reading_from_the_beginning(
    stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(folder: Path) -> bytes:
        attempt = FolderAttempt(folder)
        render(look(stream, attempt.check), KEPT, SPEC, attempt=attempt, out=attempt.out / "out.mp4")
        return (attempt.out / "out.mp4").read_bytes()

    quickly = made(tmp_path / "quickly")
    monkeypatch.setattr(pictures, "lacks_index", lambda *_: False)
    assert made(tmp_path / "slowly") == quickly


def test_the_copy_needs_room_and_a_clip_needs_no_copy(stream: Path) -> None:
    media = look(stream, lambda: None)
    assert scratch_bytes(media, KEPT, SPEC) > stream.stat().st_size
    silent = msgspec.structs.replace(media, sound=None)
    assert scratch_bytes(silent, [Span(40.0, 45.0)], SPEC) == 0
