"""Addresses through the whole product, counted on the server's side: cut lines, lists of videos, one video known by many
addresses."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.media_files import mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product, workers_of
from tests.support.waiting import until

DOWNLOAD = ("--set", "transcribe=false", "--concurrency", 5)
VIDEO = "video/mp4"
LOOK_AND_FETCH = 2  # yt-dlp asks once what stands at an address, and once for it


class World:
    """One service and one server."""

    def __init__(self, folder: Path, server: MediaServer) -> None:
        self.server = server
        self.product = Product(folder, allowed_hosts=server.host, retry_base_s=0.05, network_workers=3)
        self.service = self.product.serve()

    def video(self, path: str, seconds: float, **how: Any) -> str:
        return self.server.add(path, mp4(seconds=seconds), content_type=VIDEO, **how)

    def feed(self, path: str, *videos: str) -> str:
        """A page that names these videos, as podcasts do."""
        items = "".join(
            f"<item><title>Part {number}</title><enclosure url='{url}' type='{VIDEO}'/></item>"
            for number, url in enumerate(videos, start=1)
        )
        body = f"<?xml version='1.0'?><rss version='2.0'><channel><title>Talks</title>{items}</channel></rss>"
        return self.server.add(path, body.encode(), content_type="application/rss+xml")

    def add(self, *arguments: object) -> str:
        batch: str = self.product("add", "--json", *DOWNLOAD, *arguments).json["batch_id"]
        return batch

    def settled(self, batch: str) -> dict[str, Any]:
        """The batch once it is over and all its playlists are taken apart."""
        until(lambda: json.loads(self.product.layout.batch_state(batch).read_text())["body"]["phase"] != "running")
        return self.product("show", batch, "--json").json


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with MediaServer() as server:
        world = World(tmp_path_factory.mktemp("urls"), server)
        try:
            yield world
        finally:
            world.product.close()


def test_a_list_becomes_runs_of_its_batch_each_video_once_up_to_the_limit(world: World) -> None:
    first, second, third, fourth = (world.video(f"/list-{n}.mp4", 1.0 + n / 10) for n in range(4))
    feed = world.feed("/feed.rss", first, f"{first}#t=9", second, f"{second}?utm_source=feed", third, fourth)
    batch = world.settled(world.add("--limit", 3, feed, first.replace("list-0", "list-3")))
    assert [run["source"] for run in batch["runs"]] == [first, fourth, second, third]
    assert [run["position"] for run in batch["runs"]] == [1, 2, 3, 4]
    assert {run["phase"] for run in batch["runs"]} == {"completed"}
    assert batch["runs"][0]["title"] == "list-0"
    assert all(len(world.server.of(f"/list-{n}.mp4")) == LOOK_AND_FETCH for n in range(4))


def test_waiting_waits_for_the_videos_of_a_list(world: World) -> None:
    urls = [world.video(f"/wait-{n}.mp4", 2.0 + n / 10) for n in range(2)]
    answer = world.product(
        "add", "--json", "--wait", *DOWNLOAD, world.feed("/wait.rss", *urls, world.server.url("/no")), check=False
    )
    assert answer.code == 1, "one of its videos is not there"
    assert [run["phase"] for run in answer.json["batch"]["runs"]] == ["completed", "completed", "failed"]


def test_what_waited_is_told_how_to_get_what_there_is(world: World) -> None:
    said = world.product("add", "--wait", *DOWNLOAD, world.video("/told.mp4", 2.5)).out
    assert "1 of 1 completed" in said
    assert "-o FOLDER" in said
    assert "transcript.txt" not in said, "nobody asked for one"


def test_waiting_ends_when_the_batch_holds_a_run_for_somebody_to_look_at(world: World) -> None:
    url = world.server.add("/held.mp4", status=500)
    settings = ("--set", "on_exhausted=hold", "--set", "max_retries=0")
    answer = world.product("add", "--wait", *DOWNLOAD, *settings, url, check=False)
    assert answer.code == 1
    assert "paused: 127.0.0.1 has trouble" in answer.err


def test_a_list_without_anything_new_fails_with_a_sentence(world: World) -> None:
    known = world.video("/known.mp4", 1.5)
    (_, run) = world.settled(world.add(known, world.feed("/nothing-new.rss", known)))["runs"]
    assert run["phase"] == "failed"
    assert "no video that this batch does not have already" in run["failure"]["message"]


def test_one_video_by_two_addresses_in_two_batches_is_fetched_once(world: World) -> None:
    url = world.video("/shared.mp4", 3.0, stall_at=1000)
    one = world.add(url)
    world.server.wait_for(lambda: any(hit.sent for hit in world.server.of("/shared.mp4")))
    other = world.add(f"{url}?utm_campaign=x#t=10")
    (waiting,) = world.product("show", other, "--json").json["runs"]
    until(lambda: world.product("why", waiting["run_id"], "--json").json["code"] == "shared_work")
    world.server.release()
    (first,), (second,) = world.settled(one)["runs"], world.settled(other)["runs"]
    assert first["phase"] == second["phase"] == "completed"
    assert first["space_id"] == second["space_id"]
    assert len(world.server.of("/shared.mp4")) == LOOK_AND_FETCH
    assert second["work"]["download"]["done"] == 0
    assert second["work"]["download"]["reused"] > 0


def test_a_line_that_breaks_again_and_again_is_continued_where_it_broke(world: World) -> None:
    url = world.video("/cut.mp4", 20.0, cut_every=150_000, etag='"one"')
    (run,) = world.settled(world.add(url))["runs"]
    size = len(mp4(seconds=20.0).read_bytes())
    assert run["phase"] == "completed", run["failure"]
    assert size > 300_000, "it breaks twice at least"
    _, *fetches = world.server.of("/cut.mp4")
    starts = [hit.start or 0 for hit in fetches]
    assert starts == sorted(set(starts)), "no byte is asked for that is there"
    assert sum(hit.sent for hit in fetches) < 1.5 * size
    assert run["attempts"]["download"] == 0, "every byte that came counts as progress"


def test_two_videos_of_one_title_are_two_results(world: World) -> None:
    one, other = world.video("/a/talk.mp4", 1.0), world.video("/b/talk.mp4", 1.7)
    runs = world.settled(world.add(one, other))["runs"]
    assert runs[0]["title"] == runs[1]["title"] == "talk"
    sums = [
        world.product("show", run["run_id"], "--json").json["stages"]["download"]["files"][0]["sha256"] for run in runs
    ]
    assert sums[0] != sums[1]


def test_a_kill_while_a_list_is_taken_apart_loses_and_doubles_nothing(world: World) -> None:
    urls = [world.video(f"/many-{n}.mp4", 1.0 + n / 100) for n in range(6)]
    batch = world.add(world.feed("/many.rss", *urls))
    (parent,) = world.product("show", batch, "--json").json["runs"]
    state = world.product.layout.run_state(parent["run_id"])
    until(lambda: bool(json.loads(state.read_text())["body"].get("entries")))
    world.service.send_signal(signal.SIGKILL)
    world.service.wait()
    until(lambda: not workers_of(world.product.storage))
    world.service = world.product.serve()
    runs = world.settled(batch)["runs"]
    assert [run["source"] for run in runs] == urls
    assert {run["phase"] for run in runs} == {"completed"}
    assert len({run["run_id"] for run in runs}) == 6
