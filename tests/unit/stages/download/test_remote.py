"""URLs through the real yt-dlp: what is fetched, and how it is told."""

import os
from pathlib import Path

import pytest

from core.domain.errors import Stop
from core.domain.run import Source
from core.stages.download import DownloadStage, remote
from core.stages.stage import Expanded, Made
from tests.support.media_files import dash_folder, hls_folder, media_file, mp4
from tests.support.media_server import MediaServer
from tests.unit.stages.download.conftest import Begin, failure, serve_folder


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
    assert sorted(path.name for path in attempt.out.iterdir()) == ["media.mp4", "poster.jpg"]
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
    assert sorted(path.name for path in attempt.out.iterdir()) == ["media.mp4", "poster.jpg"]
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
    assert sorted(path.name for path in attempt.out.iterdir()) == ["media.mp4", "poster.jpg"]
    assert {path.name for path in attempt.work.iterdir()} == {"source.0", "partial.json"}


def test_a_video_without_sound_is_a_video(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    silent = media_file("silent.mp4", audio=False)
    made = stage.run(begin(server.add("/v.mp4", silent, content_type="video/mp4")))
    assert isinstance(made, Made)
    assert (made.facts["has_audio"], made.facts["audio_codec"]) == (False, None)


def test_a_file_renamed_while_its_size_is_asked_for_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, whole = tmp_path / "source.0.part", tmp_path / "source.0"
    part.write_bytes(b"x" * 10)
    stat = Path.stat

    def rename_after(path: Path, **how: bool) -> os.stat_result:
        found = stat(path, **how)
        if path == part:
            part.rename(whole)
        return found

    monkeypatch.setattr(Path, "stat", rename_after)
    assert remote.size_on_disk(whole) == 10
    assert remote.size_on_disk(whole) == 10, "it has its own name now"
    assert remote.size_on_disk(tmp_path / "source.1") == 0
