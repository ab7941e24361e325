"""Exports through the command line, of media as people have them: what works gives a file that plays, what cannot work
fails its run with one clear sentence, and nothing outside is touched."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.stages.rendering.media import Media, look
from tests.support.awkward_media import SOUND_ONES, flipped_bytes
from tests.support.bad_media import BAD_ONES, concat_in_disguise, hls_in_disguise
from tests.support.media_files import media_file, mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.waiting import until

ONLY_EXPORT = ("--set", "transcribe=false", "--set", "export=true", "--set", "export_quality=720p")
GOOD = ("varying_rate", "odd_size", "one_pixel", "rotated", "no_sound", "sound_only", "sound_with_cover", "late_sound")
ODD = ("late_start", "negative_start", "thousand_fps", "one_frame", "many_chapters", "wild_tags", "surround")
# The source: class of its failure and words of its sentence.
FAILURES = {
    "cut_short": ("truncated", "ends too early"),
    "without_index": ("not_media", "never finished"),
    "huge_picture": ("limit_exceeded", "16000x16000"),
    "many_streams": ("limit_exceeded", "more than 64 streams"),
    "only_subtitles": ("not_media", "neither video nor sound"),
    "rare_codec": ("not_media", "magicyuv"),
    "encrypted": ("drm", "encrypted"),
    "hls": ("not_media", "a playlist"),
    "concat": ("not_media", "a playlist"),
    "nothing but damage": ("not_media", "damaged"),
}


class World:
    """One service and a run for each medium, by its name."""

    def __init__(self, folder: Path, canary: MediaServer) -> None:
        self.folder, self.canary = folder, canary
        self.product = Product(folder, auto_pause_failures=0, cpu_workers=2, network_workers=2)
        self.ids: dict[str, str] = {}

    def add(self, sources: dict[str, Path], *options: object) -> None:
        added = self.product("add", "--json", "--concurrency", 5, *ONLY_EXPORT, *options, *sources.values()).json
        assert added["rejected"] == []
        self.ids |= dict(zip(sources, (run["run_id"] for run in added["runs"]), strict=True))

    def show(self, name: str) -> dict[str, Any]:
        return self.product("show", self.ids[name], "--json").json

    def media(self, name: str) -> Media:
        """The exported file, as somebody gets it."""
        out = self.folder / "got" / name.replace(" ", "-")
        self.product("get", self.ids[name], "export", "-o", out)
        (path,) = out.iterdir()
        return look(path, lambda: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with MediaServer() as canary:
        world = World(tmp_path_factory.mktemp("exports"), canary)
        disguised = world.folder / "disguised"
        disguised.mkdir()
        try:
            world.product.serve()
            bad = {name: make() for name, make in BAD_ONES.items()}
            bad |= {
                "hls": hls_in_disguise(disguised, canary.url("/x.ts")),
                "concat": concat_in_disguise(disguised, str(mp4())),
                "nothing but damage": flipped_bytes(),
                "some damage": flipped_bytes(20_000),
            }
            world.add(bad)
            world.add({name: SOUND_ONES[name]() for name in (*GOOD, *ODD)})
            world.add({"web": media_file("web.mp4", seconds=1.0)}, "--set", "export_format=webm")
            world.add({"large": media_file("large.mp4", seconds=1.0, size="1600x900")})
            over = ("completed", "failed")
            until(lambda: all(world.product.phase(run) in over for run in world.ids.values()), patience_s=280)
            yield world
        finally:
            world.product.close()


@pytest.mark.parametrize("name", [*GOOD, *ODD])
def test_an_awkward_video_is_exported(world: World, name: str) -> None:
    run = world.show(name)
    assert run["phase"] == "completed", run["failure"]
    before, after = look(SOUND_ONES[name](), lambda: None), world.media(name)
    assert after.duration == pytest.approx(before.duration, abs=0.1)
    assert (after.picture is None, after.sound is None) == (before.picture is None, before.sound is None)


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_no_whole_video_fails_its_run_with_one_sentence(world: World, name: str) -> None:
    error_class, words = FAILURES[name]
    run = world.show(name)
    assert (run["phase"], run["failure"] and run["failure"]["class"]) == ("failed", error_class), run["failure"]
    assert words in run["failure"]["message"]
    assert re.fullmatch(r"[^\n]{10,400}", run["failure"]["message"])
    refused = world.product("get", world.ids[name], "export", "-o", world.folder / "none", check=False)
    assert refused.code == 4
    assert not (world.folder / "none").exists()


def test_a_playlist_in_disguise_made_nobody_ask_anybody(world: World) -> None:
    assert world.canary.hits == []


def test_a_video_with_some_damage_is_exported_and_the_damage_is_told(world: World) -> None:
    assert world.show("some damage")["phase"] == "completed"
    assert "damaged" in world.product("log", world.ids["some damage"]).out
    assert world.media("some damage").duration == pytest.approx(4.0, abs=0.1)


def test_the_format_and_the_size_are_those_asked_for(world: World) -> None:
    web, large = world.media("web"), world.media("large")
    assert web.picture is not None
    assert large.picture is not None
    assert (web.picture.codec, web.container) == ("vp9", "webm")
    assert (large.picture.width, large.picture.height) == (1280, 720)


def test_an_export_is_had_by_its_name_and_without_its_suffix(world: World) -> None:
    run = world.ids["web"]
    whole = world.product("get", run, "export.webm", "-o", world.folder / "one").out
    assert whole == world.product("get", run, "export", "-o", world.folder / "one").out
    other = world.product("get", run, "export.mp4", "-o", world.folder / "one", check=False)
    assert other.code == 3


def test_a_finished_run_is_exported_by_a_retry_and_downloaded_once(world: World) -> None:
    product = world.product
    run = product.run_of(product("add", "--json", mp4(), "--set", "transcribe=false"))
    assert product.wait_for(run, "completed", "failed") == "completed"
    product("retry", run, "--set", "export=true")
    until(lambda: bool(list(product.storage.glob("artifacts/export/*"))) and product.phase(run) == "completed")
    shown = product("show", run, "--json").json
    assert len(shown["stages"]["download"]["attempts"]) == 1
    assert [file["name"] for file in shown["stages"]["export"]["files"]] == ["export.mp4"]
