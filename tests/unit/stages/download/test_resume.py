"""Partial files: continued to the byte after a kill, never continued from another file, never believed when cut.

What was fetched twice is read from the server's log.
"""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.download import DownloadStage
from core.stages.stage import Made
from tests.support.attempt import FolderAttempt
from tests.support.media_files import hls_folder, mp4
from tests.support.media_server import Hit, MediaServer
from tests.unit.stages.download.conftest import Begin

IN_FLIGHT = 512 * 1024  # what may be between the server's socket and our disk: buffers of kernel, proxy and reader


@pytest.fixture
def video() -> Path:
    """About 4 MB."""
    return mp4(seconds=4.0, noise=True)


@pytest.fixture(autouse=True)
def _everything_ends(server: MediaServer) -> Iterator[None]:
    yield
    server.release()


def run_until_killed(stage: DownloadStage, attempt: FolderAttempt, server: MediaServer, path: str, at: int) -> None:
    """Run `stage` until `at` bytes were written, then kill its download process with SIGKILL."""
    part = attempt.work / "source.0.part"
    errors: list[BaseException] = []

    def run() -> None:
        try:
            stage.run(attempt)
        except StageError as error:
            errors.append(error)

    arrived = threading.Event()
    plain_progress = attempt.progress

    def progress(done: float, total: float | None, note: str = "") -> None:
        plain_progress(done, total, note)
        if part.exists() and part.stat().st_size >= at:
            arrived.set()

    attempt.progress = progress  # type: ignore[method-assign]
    runner = threading.Thread(target=run)
    runner.start()
    assert arrived.wait(30), f"only {server.of(path)}"
    (child,) = [one for one in psutil.Process().children() if "core.stages.download.child" in " ".join(one.cmdline())]
    child.kill()
    runner.join()
    assert isinstance(errors[0], StageError)
    assert errors[0].error_class == ErrorClass.CRASH
    assert "SIGKILL" in errors[0].message


def downloads(server: MediaServer, path: str) -> list[Hit]:
    """The requests that fetched the file, without those by which yt-dlp looks what it is (one before each)."""
    return server.of(path)[1::2]


def test_after_kill_nine_only_the_bytes_in_flight_are_fetched_twice(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    size, stall = video.stat().st_size, 2_500_000
    url = server.add("/v.mp4", video, content_type="video/mp4", etag='"one"', stall_at=stall)
    run_until_killed(stage, begin(url), server, "/v.mp4", at=stall - 128 * 1024)
    server.release()
    kept = (begin(url).work / "source.0.part").stat().st_size
    attempt = begin(url)
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
    first, second = downloads(server, "/v.mp4")
    assert (first.start, second.start, second.status) == (None, kept, 206)
    assert second.headers["If-Range"] == '"one"'
    assert second.sent == size - kept
    assert first.sent + second.sent - size <= IN_FLIGHT
    assert made.work is not None
    assert (made.work.done, made.work.reused, attempt.units.thrown_away) == (size - kept, kept, 0)


@pytest.mark.parametrize("appended", [0, 1000, None])
def test_after_kill_nine_a_stream_of_segments_goes_on_with_the_next_one(
    stage: DownloadStage, server: MediaServer, begin: Begin, appended: int | None
) -> None:
    """Also when the kill came after a segment, or a part of it, was appended but before that was noted."""
    for path in hls_folder().iterdir():
        kind = "application/vnd.apple.mpegurl" if path.suffix == ".m3u8" else "video/mp2t"
        server.add(f"/live/{path.name}", path, content_type=kind, stall_at=1000 if path.name == "index5.ts" else None)
    url = server.url("/live/index.m3u8")
    whole = sum((hls_folder() / f"index{number}.ts").stat().st_size for number in range(5))
    run_until_killed(stage, begin(url), server, "/live/index5.ts", at=whole)
    server.release()
    attempt = begin(url)
    with (attempt.work / "source.0.part").open("ab") as part:
        part.write((hls_folder() / "index5.ts").read_bytes()[:appended])
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert made.duration_s == pytest.approx(10.0, abs=0.2)
    fetched = [len(server.of(f"/live/index{number}.ts")) for number in range(10)]
    assert fetched == [1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    segments = b"".join((hls_folder() / f"index{number}.ts").read_bytes() for number in range(10))
    assert (attempt.work / "source.0").read_bytes() == segments


def leave_partial(attempt: FolderAttempt, content: bytes, record: str, *, name: str = "source.0.part") -> None:
    (attempt.work / name).write_bytes(content)
    (attempt.work / "partial.json").write_text(record)


def record(url: str, size: int, **more: object) -> str:
    return json.dumps({"source.0": {"address": url, "format_id": "mp4", "size": size, **more}})


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("validator", ["etag", "last_modified"])
def test_a_file_that_changed_on_the_server_is_begun_again(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path, validator: str, if_range: bool
) -> None:
    values = {
        "etag": ('"old"', '"new"'),
        "last_modified": ("Mon, 01 Jan 2024 00:00:00 GMT", "Tue, 02 Jan 2024 00:00:00 GMT"),
    }
    old, new = values[validator]
    url = server.add("/v.mp4", video, content_type="video/mp4", if_range=if_range, **{validator: new})
    attempt = begin(url)
    leave_partial(attempt, b"old" * 100_000, record(url, video.stat().st_size, **{validator: old}))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
    assert made.work is not None
    assert (made.work.reused, attempt.units.thrown_away) == (0, 300_000)


def test_a_file_of_another_size_is_begun_again(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4")
    attempt = begin(url)
    leave_partial(attempt, b"old" * 100_000, record(url, video.stat().st_size + 1))
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()


@pytest.mark.parametrize("extra", [1, 50, 100_000])
def test_a_partial_file_longer_than_the_real_one_is_begun_again(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path, extra: int
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4")
    attempt = begin(url)
    leave_partial(attempt, video.read_bytes() + b"x" * extra, record(url, video.stat().st_size))
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()


def test_a_partial_file_of_unknown_origin_is_not_continued(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4")
    attempt = begin(url)
    (attempt.work / "source.0.part").write_bytes(b"whatever" * 1000)
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()


def test_a_finished_file_that_is_cut_is_not_believed_but_continued(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4", etag='"one"')
    attempt = begin(url)
    whole = record(url, video.stat().st_size, etag='"one"', whole=video.stat().st_size)
    leave_partial(attempt, video.read_bytes()[:1_000_000], whole, name="source.0")
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
    assert downloads(server, "/v.mp4")[0].start == 1_000_000


def test_what_was_fetched_to_its_end_is_not_fetched_again(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4")
    stage.run(begin(url))
    asked = len(server.of("/v.mp4"))
    attempt = begin(url)
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
    assert made.work is not None
    assert (made.work.done, made.work.reused) == (0, video.stat().st_size)
    assert [hit.start for hit in server.of("/v.mp4")[asked:]] == [None]  # only what it is was looked up


def test_a_whole_partial_file_is_taken_over_when_the_server_says_so(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video, content_type="video/mp4", etag='"one"')
    attempt = begin(url)
    leave_partial(attempt, video.read_bytes(), record(url, video.stat().st_size, etag='"one"'))
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()


def test_worthless_content_is_thrown_away_so_that_a_retry_asks_again(
    stage: DownloadStage, server: MediaServer, begin: Begin, video: Path
) -> None:
    url = server.add("/v.mp4", video.read_bytes()[: video.stat().st_size // 2], content_type="video/mp4")
    with pytest.raises(StageError, match="ends too early"):
        stage.run(begin(url))
    server.add("/v.mp4", video, content_type="video/mp4")
    attempt = begin(url)
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
