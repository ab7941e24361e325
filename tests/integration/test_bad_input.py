"""Everything that can be wrong with a source, handed to one service at once: each gets one clear sentence with a hint at
its own run, the others go on, and nothing outside is touched."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.llm_server import KEY, Asked, LlmServer, Says, honest, says, silent
from tests.support.media_files import media_file, mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.speech import GERMAN, SENTENCES, silence, speech
from tests.support.waiting import until

pytestmark = pytest.mark.speech

EMOJI = "🎬" * 300
CLIMBING = "../../../../tmp/reprise-climbed $(touch reprise-touched) %(id)s"
GARBLED, SLOW, LYING = SENTENCES[0], SENTENCES[4], SENTENCES[13]
INVENTED = "I never said a single word of this and yet it stands here between quotes."


class World:
    """One service, and one run for each bad source, by a name of its own."""

    def __init__(self, folder: Path, server: MediaServer, private: MediaServer, llm: LlmServer) -> None:
        self.folder, self.server, self.private, self.llm = folder, server, private, llm
        self.product = Product(
            folder,
            allowed_hosts=server.host,
            retry_base_s=0.05,
            auto_pause_failures=0,  # every run of this batch is to fail, and by itself
            breaker_failures=1000,
            network_workers=3,
            llm_base_url=llm.base_url,
            llm_model="fake-1",
            llm_api_key=KEY,
            llm_timeout_s=1,
        )
        self.ids: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}

    def add(self, sources: dict[str, str], *options: str) -> None:
        added = self.product("add", "--json", "--concurrency", 5, *options, *sources.values()).json
        assert added["rejected"] == []
        self.ids |= dict(zip(sources, (run["run_id"] for run in added["runs"]), strict=True))

    def file(self, name: str, body: bytes) -> str:
        path = self.folder / name
        path.write_bytes(body)
        return str(path)

    def wait(self) -> None:
        """Until every run is over; then one look at all of them."""
        until(
            lambda: all(self.product.phase(run) in ("completed", "failed") for run in self.ids.values()), patience_s=240
        )
        found = {run["run_id"]: run for run in self.product("list", "--json").json["runs"]}
        self.runs = {name: found[run_id] for name, run_id in self.ids.items()}

    def show(self, name: str) -> dict[str, Any]:
        return self.product("show", self.ids[name], "--json").json


def route(asked: Asked) -> Says:
    """What the language model does with each of the talks that were made for it."""
    text = " ".join(asked.material)
    if "river" in text:
        return says("As a teapot I would rather not answer in JSON.")(asked)
    if "school" in text:
        return silent(asked)
    if '"quotes"' in asked.system and "council" in text:
        label = asked.material[0].split(" ", 1)[0]
        return says({"quotes": [{"start_id": label, "end_id": label, "text": INVENTED, "why": "it is bold"}]})(asked)
    return honest(asked)


def urls(world: World) -> dict[str, str]:
    """Addresses of one server, each bad in its own way."""
    server, video = world.server, mp4()
    whole, fragment = video.read_bytes(), {"content_type": "video/mp4"}
    page = b'<html><head><title>%s</title></head><body><video src="/good.mp4"></video></body></html>'
    return {
        "good": server.add("/good.mp4", whole, **fragment),
        "gone": server.url("/nothing.mp4"),
        "forbidden": server.add("/forbidden.mp4", status=403),
        "slow down": server.add(
            "/busy.mp4", whole, status_for=lambda n: 429 if n == 0 else 200, headers={"Retry-After": "2"}, **fragment
        ),
        "in trouble": server.add("/trouble.mp4", status=503),
        "unsupported": server.add("/page", b"<html><body>no video here</body></html>", content_type="text/html"),
        "html as mp4": server.add("/login.mp4", b"<!DOCTYPE html><html>Please sign in</html>", **fragment),
        "empty answer": server.add("/empty.mp4", b"", **fragment),
        "to private": server.redirect("/away.mp4", world.private.add("/secret.mp4", whole)),
        "emoji": server.add("/emoji", page % EMOJI.encode(), content_type="text/html; charset=utf-8"),
        "climbing": server.add("/climbing", page % CLIMBING.encode(), content_type="text/html; charset=utf-8"),
    }


def files(world: World) -> dict[str, str]:
    """Files that are not what their names say."""
    fast, slow = mp4(seconds=4.0).read_bytes(), media_file("slow.mp4", seconds=4.0).read_bytes()
    return {
        "empty file": world.file("empty.mp4", b""),
        "text as mp4": world.file("text.mp4", b"only words, line after line\n" * 100),
        "page as mp4": world.file("page.mp4", b"<html><body>Please sign in</body></html>"),
        "cut short": world.file("cut.mp4", fast[: len(fast) * 6 // 10]),
        "without index": world.file("unfinished.mp4", slow[: len(slow) * 6 // 10]),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with MediaServer() as server, MediaServer() as private, LlmServer(otherwise=route) as llm:
        world = World(tmp_path_factory.mktemp("bad"), server, private, llm)
        try:
            world.product.serve()
            world.add(urls(world) | files(world), "--set", "transcribe=false")
            heard = {
                "mute": str(media_file("mute.mp4", audio=False)),
                "a tenth of a second": str(
                    media_file("tick.wav", seconds=0.1, video=False, codecs=("-c:a", "pcm_s16le"))
                ),
                "silence": str(silence(3.0)),
                "german": str(speech(GERMAN, voice="de")),
            }
            world.add(heard, "--set", "llm=offline")
            talks = {"garbled": GARBLED, "too slow": SLOW, "lying": LYING}
            world.add({name: str(speech(text)) for name, text in talks.items()}, "--set", "max_retries=1")
            world.wait()
            yield world
        finally:
            world.product.close()


FAILURES: dict[str, tuple[str, str, str]] = {
    # the source: kind and class of its failure, and words of its sentence
    "gone": ("permanent", "removed", "nothing at this address"),
    "forbidden": ("permanent", "forbidden", "refuses access"),
    "in trouble": ("exhausted", "server", "has trouble at the moment (HTTP 503)"),
    "unsupported": ("permanent", "unsupported_url", "No video was found at this address"),
    "html as mp4": ("permanent", "not_media", "a web page"),
    "empty answer": ("permanent", "not_media", "an empty file"),
    "to private": ("permanent", "private_address", "private or local address, which is not fetched"),
    "empty file": ("permanent", "not_media", "an empty file"),
    "text as mp4": ("permanent", "not_media", "plain text"),
    "page as mp4": ("permanent", "not_media", "a web page"),
    "cut short": ("permanent", "truncated", "ends too early"),
    "without index": ("permanent", "not_media", "never finished"),
    "mute": ("permanent", "no_audio", "has no sound"),
    "german": ("permanent", "language_mismatch", "does not sound like English"),
    "garbled": ("exhausted", "llm_invalid", "no usable answer"),
    "too slow": ("exhausted", "llm_unavailable", "127.0.0.1"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_source_fails_its_run_with_one_sentence_and_a_hint(world: World, name: str) -> None:
    kind, error_class, words = FAILURES[name]
    run = world.runs[name]
    assert (run["phase"], run["failure"]["kind"], run["failure"]["class"]) == ("failed", kind, error_class), run[
        "failure"
    ]
    assert words in run["failure"]["message"]
    for text in (run["failure"]["message"], run["failure"]["hint"]):
        assert re.fullmatch(r"[^\n]{10,300}", text)
        assert text.endswith(".")
        assert "Traceback" not in text
        assert KEY not in text


@pytest.mark.parametrize("name", [name for name, told in FAILURES.items() if told[0] == "permanent"])
def test_what_will_not_get_better_is_tried_once(world: World, name: str) -> None:
    attempts = world.runs[name]["attempts"]
    assert max(attempts.values()) == (2 if name == "forbidden" else 1)  # an address may have expired: read anew, once


def test_a_server_in_trouble_is_asked_three_times_more_at_doubled_distances(world: World) -> None:
    run = world.show("in trouble")
    attempts = run["stages"]["download"]["attempts"]
    # Another run is asked by the same host to slow down: what fails meanwhile uses no try.
    assert [attempt["outcome"] for attempt in attempts if attempt["outcome"] != "waited"] == ["error"] * 4
    assert len(world.server.of("/trouble.mp4")) == len(attempts)
    assert "retry" in run["failure"]["hint"]
    assert "by itself" not in run["failure"]["hint"]


def test_who_asks_to_slow_down_is_waited_for_and_no_try_is_used(world: World) -> None:
    run = world.show("slow down")
    assert run["phase"] == "completed"
    assert run["attempts"]["download"] == 0
    first, second = run["stages"]["download"]["attempts"]
    assert first["failure"]["class"] == "rate_limited"
    assert seconds_between(first["ended_at"], second["started_at"]) >= 2.0


def test_a_redirect_to_a_private_address_reaches_nobody(world: World) -> None:
    assert world.private.hits == []


@pytest.mark.parametrize(("name", "title"), [("emoji", EMOJI), ("climbing", CLIMBING)])
def test_a_title_is_only_ever_shown(world: World, name: str, title: str) -> None:
    run = world.runs[name]
    assert run["phase"] == "completed"
    assert run["title"].rstrip("…").removesuffix(" (1)") in title  # yt-dlp numbers the videos of a page
    assert len(run["title"]) > 20
    assert not Path("/tmp/reprise-climbed").exists()
    named = [path for path in world.folder.rglob("*") if "reprise-" in path.name or "🎬" in path.name]
    assert named == []


@pytest.mark.parametrize("name", ["silence", "a tenth of a second"])
def test_sound_without_speech_is_an_empty_transcript_and_invents_nothing(world: World, name: str) -> None:
    assert world.runs[name]["phase"] == "completed", world.runs[name]["failure"]
    transcript, quotes, summary = (json.loads(body) for body in world.product.results(world.ids[name]))
    assert transcript["segments"] == []
    assert quotes["quotes"] == []
    assert summary["points"] == []


def test_a_quote_that_was_never_said_is_not_published(world: World) -> None:
    assert world.runs["lying"]["phase"] == "completed", world.runs["lying"]["failure"]
    (quotes,) = world.product.results(world.ids["lying"], ("quotes.json",))
    assert "single word" not in quotes.decode()
    found = json.loads(quotes)
    said = " ".join(quote["text"] for quote in found["quotes"])
    assert found["rejected"] + len(found["quotes"]) == 1
    assert said == "" or "council" in said.lower()


def test_a_failed_language_model_leaves_the_transcript_to_be_had(world: World) -> None:
    for name in ("garbled", "too slow"):
        assert world.product("get", world.ids[name], "transcript.txt").out.startswith("The ")
        refused = world.product(
            "get", world.ids[name], "quotes.json", "--json", "-o", world.folder / "out", check=False
        )
        assert (refused.code, refused.error["code"]) == (4, "not_made_yet")


def test_the_good_ones_among_the_bad_are_completed_and_the_storage_is_sound(world: World) -> None:
    assert world.runs["good"]["phase"] == "completed"
    assert world.product("check", "--json").json == {"ok": True, "findings": []}


def test_where_the_user_looks_the_sentence_and_the_hint_stand(world: World) -> None:
    run = world.ids["text as mp4"]
    failure = world.runs["text as mp4"]["failure"]
    looks: list[Callable[[], str]] = [
        lambda: world.product("show", run).out,
        lambda: world.product("why", run).out,
        lambda: world.product("log", run).out,
    ]
    assert all("plain text" in look() for look in looks)
    assert failure["hint"] in looks[0]()
    assert "Traceback" not in "".join(look() for look in looks)


def seconds_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
