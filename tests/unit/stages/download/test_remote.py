"""URLs through the real yt-dlp: what is fetched, what is refused, and in which words."""

import gzip
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.domain.run import Source
from core.stages.download import DownloadStage
from core.stages.stage import Expanded, Made
from tests.support.attempt import FolderAttempt
from tests.support.media_files import dash_folder, hls_folder, media_file, mp4
from tests.support.media_server import MediaServer
from tests.unit.stages.download.conftest import Begin, make_stage

HLS_TYPE = "application/vnd.apple.mpegurl"


def failure(stage: DownloadStage, attempt: FolderAttempt) -> StageError:
    with pytest.raises(StageError) as caught:
        stage.run(attempt)
    assert list(attempt.out.iterdir()) == []
    return caught.value


def serve_folder(server: MediaServer, folder: Path, at: str) -> None:
    types = {".m3u8": HLS_TYPE, ".mpd": "application/dash+xml"}
    for path in folder.iterdir():
        server.add(f"{at}/{path.name}", path, content_type=types.get(path.suffix, "video/mp4"))


def test_a_video_is_fetched_whole_and_described(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/talk.mp4", mp4(), content_type="video/mp4"))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (attempt.out / "media.mp4").read_bytes() == mp4().read_bytes()
    assert made.title == "talk"
    assert made.duration_s == pytest.approx(2.0, abs=0.1)
    assert made.facts["media"] == "media.mp4"
    assert (made.facts["has_video"], made.facts["has_audio"], made.facts["width"]) == (True, True, 320)
    assert made.work is not None
    assert (made.work.done, made.work.reused) == (mp4().stat().st_size, 0)
    assert set(made.tools) == {"av", "yt-dlp"}


@pytest.mark.parametrize("extension", ["php", "desktop", "mp4.exe"])
def test_a_name_on_the_server_never_becomes_a_name_here(
    stage: DownloadStage, server: MediaServer, begin: Begin, extension: str
) -> None:
    attempt = begin(server.add(f"/get.{extension}", mp4()))
    stage.run(attempt)
    assert [path.name for path in attempt.out.iterdir()] == ["media.mp4"]
    assert all(path.name.startswith(("source.", "partial.json")) for path in attempt.work.iterdir())


def test_a_server_without_ranges_is_no_hindrance(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", mp4(), content_type="video/mp4", ranges=False))
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == mp4().read_bytes()


def test_a_line_that_breaks_every_third_of_a_megabyte_still_ends(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    video = mp4(seconds=4.0, noise=True)
    attempt = begin(server.add("/v.mp4", video, content_type="video/mp4", cut_every=700_000))
    stage.run(attempt)
    assert (attempt.out / "media.mp4").read_bytes() == video.read_bytes()
    downloads = [hit for hit in server.of("/v.mp4")[1:] if hit.sent]
    assert len(downloads) > 3
    # Each break costs at most the block being read, never what was written before.
    assert sum(hit.sent for hit in downloads) - video.stat().st_size < len(downloads) * 200_000


def test_hls_is_fetched_segment_by_segment_and_made_an_mp4(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    serve_folder(server, hls_folder(), "/live")
    attempt = begin(server.url("/live/index.m3u8"))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert made.facts["container"] == "mp4"
    assert made.duration_s == pytest.approx(10.0, abs=0.2)


def test_picture_and_sound_that_come_separately_are_joined(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    serve_folder(server, dash_folder(), "/dash")
    attempt = begin(server.url("/dash/index.mpd"))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert (made.facts["has_video"], made.facts["has_audio"]) == (True, True)
    assert [path.name for path in attempt.out.iterdir()] == ["media.mp4"]
    assert made.duration_s == pytest.approx(4.0, abs=0.2)


def test_only_the_sound_is_fetched_when_only_that_is_wanted(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    serve_folder(server, dash_folder(), "/dash")
    made = stage.run(begin(server.url("/dash/index.mpd"), format="audio"))
    assert isinstance(made, Made)
    assert (made.facts["has_video"], made.facts["has_audio"]) == (False, True)


def test_a_list_gives_its_first_fifty_videos_and_says_how_many_there_are(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    items = "".join(f"<item><title>v\u202e{n}</title><link>{server.url(f'/{n}.mp4')}</link></item>" for n in range(60))
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Talks</title>{items}</channel></rss>'
    attempt = begin(server.add("/feed", feed.encode(), content_type="text/xml"))
    expanded = stage.run(attempt)
    assert isinstance(expanded, Expanded)
    assert (expanded.title, len(expanded.entries), expanded.total) == ("Talks", 50, 60)
    assert (expanded.entries[7].url, expanded.entries[7].title) == (server.url("/7.mp4"), "v7")
    assert "first 50 of 60" in attempt.lines[0]


def test_private_entries_of_a_list_are_left_out(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    links = [canary.url("/v.mp4"), server.url("/v.mp4?utm_source=feed")]
    items = "".join(f"<item><title>v</title><link>{link}</link></item>" for link in links)
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Talks</title>{items}</channel></rss>'
    attempt = begin(server.add("/feed", feed.encode(), content_type="text/xml"))
    expanded = stage.run(attempt)
    assert isinstance(expanded, Expanded)
    assert [entry.url for entry in expanded.entries] == [server.url("/v.mp4")]
    assert any("left out" in line for line in attempt.lines)


# --- private addresses -------------------------------------------------------------------------------------------


def test_a_redirect_to_a_private_address_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    error = failure(stage, begin(server.redirect("/go", canary.url("/v.mp4"))))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS
    assert "private" in error.message


def test_a_redirect_while_downloading_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    def moved(number: int) -> int:
        return 200 if number == 0 else 302

    url = server.add(
        "/v.mp4", mp4(), content_type="video/mp4", status_for=moved, headers={"Location": canary.url("/v.mp4")}
    )
    assert failure(stage, begin(url)).error_class == ErrorClass.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "line",
    [
        "{canary}/v.mp4",
        '#EXT-X-KEY:METHOD=AES-128,URI="{canary}/v.mp4"\nseg.ts',
        '#EXT-X-MAP:URI="{canary}/v.mp4"\nseg.ts',
    ],
)
def test_a_playlist_that_names_a_private_segment_key_or_header_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin, line: str
) -> None:
    server.add("/seg.ts", (hls_folder() / "index0.ts"))
    entry = line.format(canary=f"http://{canary.host}")
    first, _, rest = entry.rpartition("\n")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{first}\n#EXTINF:1,\n{rest}\n#EXT-X-ENDLIST\n"
    error = failure(stage, begin(server.add("/x.m3u8", text.encode(), content_type=HLS_TYPE)))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS


def test_a_master_playlist_that_names_a_private_list_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=320x180\n{canary.url('/v.m3u8')}\n"
    error = failure(stage, begin(server.add("/m.m3u8", text.encode(), content_type=HLS_TYPE)))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS


@pytest.mark.parametrize("line", ["file:///etc/passwd", '#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\nseg.ts'])
def test_a_playlist_that_names_a_local_file_gets_nothing_of_it(
    stage: DownloadStage, server: MediaServer, begin: Begin, line: str
) -> None:
    server.add("/seg.ts", (hls_folder() / "index0.ts"))
    first, _, rest = line.rpartition("\n")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{first}\n#EXTINF:1,\n{rest}\n#EXT-X-ENDLIST\n"
    attempt = begin(server.add("/x.m3u8", text.encode(), content_type=HLS_TYPE))
    assert failure(stage, attempt).error_class == ErrorClass.UNSUPPORTED_URL
    assert not any(b"root:" in path.read_bytes() for path in attempt.work.rglob("*") if path.is_file())


def test_a_page_that_embeds_a_private_video_does_not_reach_it(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    page = f'<html><body><video src="{canary.url("/v.mp4")}"></video></body></html>'
    error = failure(stage, begin(server.add("/page", page.encode(), content_type="text/html")))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS


# --- what servers say --------------------------------------------------------------------------------------------


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


# --- limits ------------------------------------------------------------------------------------------------------


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
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(attempt.work)], check=False)
    if mounted.returncode != 0:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        error = failure(make_stage(server, free_space_bytes=0), attempt)
        assert error.error_class == ErrorClass.DISK_FULL
        assert (attempt.work / "source.0.part").stat().st_size > 1_000_000
    finally:
        subprocess.run(["umount", str(attempt.work)], check=True)


def test_the_reserve_of_the_disk_is_kept_free_while_downloading(
    server: MediaServer, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin(server.add("/v.mp4", mp4(seconds=4.0, noise=True), content_type="video/mp4", stall_at=2_000_000))
    plain = shutil.disk_usage

    def filling(path: Path) -> object:
        full = any(one.stat().st_size > 1_000_000 for one in attempt.work.glob("*.part"))
        return plain(path)._replace(free=0 if full else 2**40)

    monkeypatch.setattr(shutil, "disk_usage", filling)
    assert failure(make_stage(server), attempt).error_class == ErrorClass.DISK_FULL


# --- the rest ----------------------------------------------------------------------------------------------------


def test_a_stop_ends_the_download_and_keeps_what_was_fetched(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    video = mp4(seconds=4.0, noise=True)
    attempt = begin(server.add("/v.mp4", video, content_type="video/mp4", stall_at=2_000_000))

    def stop_when_half_is_there(done: float, total: float | None, note: str = "") -> None:
        if done >= 1_000_000:
            attempt.stop.set()

    attempt.progress = stop_when_half_is_there  # type: ignore[method-assign]
    with pytest.raises(Stop):
        stage.run(attempt)
    assert (attempt.work / "source.0.part").stat().st_size >= 1_000_000


def test_what_cookies_were_used_is_part_of_the_key_but_not_the_cookies(
    stage: DownloadStage, begin: Begin, tmp_path: Path
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsecret-value\n")
    plain = stage.params(begin("https://example.com/").job)
    signed_in = stage.params(begin(source=Source(kind="url", value="https://example.com/", cookies=str(cookies))).job)
    assert plain == {"space_id": "s_test", "format": "best"}
    assert signed_in["credentials"] not in ("", None)
    assert "secret-value" not in str(signed_in)


def test_cookies_reach_the_server_and_their_file_stays_as_it_was(
    stage: DownloadStage, server: MediaServer, begin: Begin, tmp_path: Path
) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsecret-value\n")
    before = cookies.read_bytes()
    url = server.add("/v.mp4", mp4(), content_type="video/mp4", headers={"Set-Cookie": "session=other"})
    attempt = begin(source=Source(kind="url", value=url, cookies=str(cookies)))
    stage.run(attempt)
    assert "session=secret-value" in server.hits[0].headers.get("Cookie", "")
    assert cookies.read_bytes() == before
    assert not any(b"secret-value" in path.read_bytes() for path in attempt.work.iterdir())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense"])
def test_a_proxy_that_cannot_be_used_is_refused_in_words(
    stage: DownloadStage, server: MediaServer, begin: Begin, proxy: str
) -> None:
    error = failure(stage, begin(source=Source(kind="url", value=server.url("/v.mp4"), proxy=proxy)))
    assert "http://host:port" in error.message
    assert server.hits == []


def test_no_secret_of_an_address_is_logged(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    attempt = begin(server.add("/v.mp4", status=404) + "?token=canary-secret")
    error = failure(stage, attempt)
    assert "canary-secret" not in " ".join([*attempt.lines, error.message, error.hint])


@pytest.mark.parametrize(
    "title", ["../../../../tmp/PWN", "$(touch PWN)%(id)s%03d", "\x1b[31mred\u202e\x00", "😀" * 300]
)
def test_a_title_stays_text_of_one_line(stage: DownloadStage, server: MediaServer, begin: Begin, title: str) -> None:
    page = f'<html><head><title>{title}</title></head><body><video src="/v.mp4"></video></body></html>'
    server.add("/v.mp4", mp4(), content_type="video/mp4")
    attempt = begin(server.add("/page", page.encode(), content_type="text/html"))
    made = stage.run(attempt)
    assert isinstance(made, Made)
    assert made.title
    assert len(made.title) <= 200
    assert made.title.isprintable()
    assert [path.name for path in attempt.out.iterdir()] == ["media.mp4"]
    assert {path.name for path in attempt.work.iterdir()} == {"source.0", "partial.json"}


def test_a_video_without_sound_is_a_video(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    silent = media_file("silent.mp4", audio=False)
    made = stage.run(begin(server.add("/v.mp4", silent, content_type="video/mp4")))
    assert isinstance(made, Made)
    assert (made.facts["has_audio"], made.facts["audio_codec"]) == (False, None)
