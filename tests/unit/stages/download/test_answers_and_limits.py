"""What servers say and how far they may go: classes, sentences, bytes, seconds, space."""

import gzip
import zlib
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass
from core.stages.download import DownloadStage, remote
from tests.support.media_files import hls_folder, mp4
from tests.support.media_server import MediaServer
from tests.support.small_disk import small_disk
from tests.unit.stages.download.conftest import Begin, failure, make_stage, serve_folder


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (403, ErrorClass.FORBIDDEN),
        (404, ErrorClass.REMOVED),
        (429, ErrorClass.RATE_LIMITED),
        (503, ErrorClass.SERVER),
    ],
)
def test_what_the_server_answers_becomes_a_class_and_a_sentence(
    stage: DownloadStage, server: MediaServer, begin: Begin, status: int, error_class: ErrorClass
) -> None:
    error = failure(stage, begin(server.add("/v.mp4", status=status, headers={"Retry-After": "7"})))
    assert (error.error_class, error.retry_after_s) == (error_class, 7.0)
    assert "127.0.0.1" in error.message
    assert error.hint


def test_an_address_that_expired_while_downloading_is_asked_for_once_more(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    url = server.add("/v.mp4", mp4(), content_type="video/mp4", status_for=lambda number: 403 if number == 1 else 200)
    attempt = begin(url)
    stage.run(attempt)
    assert [hit.status for hit in server.of("/v.mp4")] == [200, 403, 200, 200]


@pytest.mark.parametrize("content_type", ["video/mp4", "text/html"])
def test_a_web_page_named_like_a_video_is_called_that(
    stage: DownloadStage, server: MediaServer, begin: Begin, content_type: str
) -> None:
    page = b"<!DOCTYPE html><html><body>Please sign the book</body></html>"
    error = failure(stage, begin(server.add("/v.mp4", page, content_type=content_type)))
    assert error.error_class == ErrorClass.NOT_MEDIA
    assert "web page" in error.message


def test_a_page_without_a_video_is_called_that(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    error = failure(stage, begin(server.add("/about", b"<html><body>hello</body></html>", content_type="text/html")))
    assert error.error_class == ErrorClass.UNSUPPORTED_URL


def test_an_empty_answer_is_no_video(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    assert failure(stage, begin(server.add("/v.mp4", content_type="video/mp4"))).error_class == ErrorClass.NOT_MEDIA


def test_an_answer_shorter_than_promised_is_never_taken_for_whole(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    size = mp4().stat().st_size
    url = server.add("/v.mp4", mp4(), content_type="video/mp4", declared_length=size + 5000)
    assert failure(stage, begin(url)).error_class == ErrorClass.NETWORK


def test_a_missing_segment_fails_the_video_instead_of_shortening_it(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    serve_folder(server, hls_folder(), "/live")
    del server.pages["/live/index4.ts"]
    assert failure(stage, begin(server.url("/live/index.m3u8"))).error_class == ErrorClass.SERVER


def test_an_answer_without_end_is_stopped_at_the_byte_limit(server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", b"x", content_type="video/mp4", endless=True))
    error = failure(make_stage(server, max_media_bytes=3_000_000), attempt)
    assert error.error_class == ErrorClass.LIMIT_EXCEEDED
    assert sum(path.stat().st_size for path in attempt.work.iterdir()) < 4_000_000


def test_a_file_larger_than_allowed_is_not_begun(server: MediaServer, begin: Begin) -> None:
    video = mp4(seconds=4.0, noise=True)
    attempt = begin(server.add("/v.mp4", video, content_type="video/mp4"))
    assert failure(make_stage(server, max_media_bytes=1_000_000), attempt).error_class == ErrorClass.LIMIT_EXCEEDED
    assert not (attempt.work / "source.0.part").exists()


def test_a_video_longer_than_allowed_is_refused(server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", mp4(seconds=4.0), content_type="video/mp4"))
    assert failure(make_stage(server, max_media_s=3.0), attempt).error_class == ErrorClass.LIMIT_EXCEEDED


def test_a_server_that_sends_next_to_nothing_is_given_up(server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", mp4(), content_type="video/mp4", stall_at=1000))
    error = failure(make_stage(server, socket_timeout_s=0.5), attempt)
    assert error.error_class == ErrorClass.NETWORK


def test_a_page_that_unfolds_to_gigabytes_is_not_read(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = (
        packer.compress(b"<html><body>") + b"".join(packer.compress(bytes(10**6)) for _ in range(300)) + packer.flush()
    )
    url = server.add("/page", bomb, content_type="text/html", headers={"Content-Encoding": "gzip"})
    assert len(bomb) < 10**6 < len(gzip.decompress(bomb))
    assert failure(stage, begin(url)).error_class == ErrorClass.LIMIT_EXCEEDED


def test_too_little_free_space_is_said_before_anything_is_fetched(server: MediaServer, begin: Begin) -> None:
    error = failure(make_stage(server, free_space_bytes=2**60), begin(server.url("/v.mp4")))
    assert error.error_class == ErrorClass.DISK_FULL
    assert server.hits == []


@pytest.mark.root
def test_a_disk_that_fills_up_is_told_as_such_and_what_is_there_is_kept(server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", mp4(seconds=4.0, noise=True), content_type="video/mp4"))
    with small_disk(attempt.work, "size=2m"):
        error = failure(make_stage(server, free_space_bytes=0), attempt)
        assert error.error_class == ErrorClass.DISK_FULL
        assert (attempt.work / "source.0.part").stat().st_size > 1_000_000


def test_the_reserve_of_the_disk_is_kept_free_while_downloading(
    server: MediaServer, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin(server.add("/v.mp4", mp4(seconds=4.0, noise=True), content_type="video/mp4", stall_at=2_000_000))

    def filling(folder: Path) -> int:
        return 0 if any(one.stat().st_size > 1_000_000 for one in folder.glob("*.part")) else 2**40

    monkeypatch.setattr(remote, "free_bytes", filling)
    assert failure(make_stage(server), attempt).error_class == ErrorClass.DISK_FULL
