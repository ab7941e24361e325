"""Every way in but the browser, through the command line and a real service: transcripts, subtitles, archives, the inbox."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.media_files import mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.waiting import until

WICKED = (
    """1
00:00:00,200 --> 00:00:00,900
{\\an8}Good <script>alert(1)</script>evening.

2
00:00:00,700 --> 00:00:01,200
It overlaps \x1b[31mhere.

3
00:00:01,500 --> 00:00:01,300
never

4
99:99:99,000 --> 99:99:99,999
never

5
00:00:01,400 --> 00:00:01,900
"""
    + "x" * 1_000_000
)


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def product(tmp_path: Path, server: MediaServer) -> Iterator[Product]:
    """A product whose inbox is quick."""
    made = Product(tmp_path, allowed_hosts=server.host, inbox_settle_s=1)
    yield made
    made.close()


@contextmanager
def serving(product: Product) -> Iterator[None]:
    """A service for as long as the block lasts."""
    service = product.serve()
    try:
        yield
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(30)


def film(folder: Path, name: str = "talk.mp4") -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copyfile(mp4(), folder / name))


def transcript(product: Product, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(product("get", run_id, "transcript.json").out)
    return found


def test_a_folder_with_transcripts_is_looked_at_then_added_and_nothing_wicked_comes_through(
    product: Product, tmp_path: Path
) -> None:
    folder = tmp_path / "talks"
    film(folder, "wicked.mp4")
    (folder / "wicked.srt").write_text(WICKED)
    told = product("add", "--dry-run", "--json", folder, "--set", "quotes=false").json
    (look,) = told["looks"]
    assert (look["transcript"], look["duration_s"] > 1, look["size"]) == ("wicked.srt", True, mp4().stat().st_size)
    assert told["fits"]
    assert product("list", "--json").json["total"] == 0
    assert "Together 2 s" in product("add", "--dry-run", folder).out

    added = product("add", "--json", "--wait", folder).json
    (run,) = added["runs"]
    assert Path(run["transcript"]).name == "wicked.srt"
    made = transcript(product, run["run_id"])
    text = " ".join(segment["text"] for segment in made["segments"])
    assert text == "Good alert(1)evening. It overlaps [31mhere."
    assert "3 captions cannot be used" in product("log", run["run_id"]).out
    assert "<script" not in product("get", run["run_id"], "transcript.vtt").out


def test_a_transcript_that_is_no_more_what_it_was_fails_its_run_with_a_remedy(product: Product, tmp_path: Path) -> None:
    path = film(tmp_path / "talks")
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:00,200 --> 00:00:00,900\nGood evening.\n")
    added = product("add", "--json", path, "--transcript", words).json
    words.unlink()
    run_id = added["runs"][0]["run_id"]
    with serving(product):
        until(lambda: product("show", run_id, "--json").json["phase"] == "failed")
    failure = product("show", run_id, "--json").json["failure"]
    assert (failure["class"], "words.srt" in failure["message"]) == ("input_lost", True)
    words.write_text("1\n00:00:00,200 --> 00:00:00,900\nGood evening.\n")
    product("retry", run_id)
    with serving(product):
        until(lambda: product("show", run_id, "--json").json["phase"] == "completed")


def test_the_subtitles_of_a_page_are_taken_and_a_page_without_is_not_the_worse_for_it(
    product: Product, server: MediaServer
) -> None:
    server.add("/v.mp4", mp4(), content_type="video/mp4")
    server.add("/v.vtt", b"WEBVTT\n\n00:00.200 --> 00:00.900\nGood evening.\n", content_type="text/vtt")
    html = '<video src="/v.mp4"><track kind="subtitles" srclang="en" src="{}"></video>'
    good = server.add("/good.html", html.format("/v.vtt").encode(), content_type="text/html")
    bad = server.add("/bad.html", html.format("/gone.vtt").encode(), content_type="text/html")
    settings = ("--set", "use_subtitles=manual", "--set", "model=large-v3")
    added = product("add", "--json", "--wait", good, bad, *settings, check=False).json
    taken, left = (run["run_id"] for run in added["runs"])
    assert transcript(product, taken)["segments"][0]["text"] == "Good evening."
    failure = product("show", left, "--json").json["failure"]
    assert failure["class"] == "model_missing", "its video was downloaded, and then it was to be listened to"
    assert product("get", left, "media", "-o", product.storage.parent / "out").code == 0


def test_what_an_archive_names_is_left_out_of_lists_too(product: Product, server: MediaServer, tmp_path: Path) -> None:
    for name in ("one", "two"):
        server.add(f"/{name}.mp4", mp4() if name == "one" else mp4(seconds=3.0), content_type="video/mp4")
    entries = "".join(f"<item><title>{n}</title><link>{server.url(f'/{n}.mp4')}</link></item>" for n in ("one", "two"))
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Talks</title>{entries}</channel></rss>'
    listed = server.add("/talks.rss", feed.encode(), content_type="application/rss+xml")
    archive = tmp_path / "archive.txt"
    archive.write_text("generic one\n")
    direct = product("add", "--json", "--archive", archive, server.url("/one.mp4"), check=False)
    assert (direct.code, direct.json["rejected"][0]["code"]) == (5, "archived")
    settings = ("--set", "transcribe=false")
    added = product("add", "--json", "--wait", "--archive", archive, listed, *settings).json
    titles = [run["title"] for run in added["batch"]["runs"]]
    assert titles == ["two"]


def inbox_runs(product: Product) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = product("list", "--json").json["runs"]
    return found


def test_the_inbox_waits_for_what_grows_and_takes_it_once_with_its_transcript(product: Product) -> None:
    product("list")  # makes the folders
    inbox = product.layout.inbox
    (inbox / "talk.srt").write_text("1\n00:00:00,200 --> 00:00:00,900\nGood evening.\n")
    content = mp4().read_bytes()
    with serving(product), (inbox / "talk.mp4").open("wb") as copying:
        copying.write(content[:1000])
        copying.flush()
        (inbox / "other.part").write_bytes(content)
        (inbox / "other.part").rename(inbox / "other.mp4")
        until(lambda: len(inbox_runs(product)) == 1)
        assert inbox_runs(product)[0]["source"].endswith("other.mp4"), "the other one is open for writing"
        copying.write(content[1000:])
        copying.close()
        until(lambda: [run["phase"] for run in inbox_runs(product)] == ["completed"] * 2)
    with serving(product):
        until((product.layout.state / "inbox.json").exists)
    assert len(inbox_runs(product)) == 2
    (taken,) = [run for run in inbox_runs(product) if run["source"].endswith("talk.mp4")]
    assert transcript(product, taken["run_id"])["segments"][0]["text"] == "Good evening."


def test_a_file_that_is_taken_from_the_inbox_while_its_run_waits_is_missed_in_words(product: Product) -> None:
    product("list")
    product("pause")
    path = film(product.layout.inbox)
    with serving(product):
        until(lambda: len(inbox_runs(product)) == 1)
        path.unlink()
        product("resume")
        (run,) = inbox_runs(product)
        until(lambda: product("show", run["run_id"], "--json").json["phase"] == "failed")
    failure = product("show", run["run_id"], "--json").json["failure"]
    assert failure["class"] == "input_lost"
    assert "cannot be read any more" in failure["message"]
