"""Highlights and clips as a user types them, on real speech: found with the video, found later, cut out as files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.stages.rendering.media import Media, look
from tests.support.product import Product
from tests.support.speech import talk
from tests.support.waiting import until

pytestmark = pytest.mark.speech
OPTIONS = ("--set", "llm=offline", "--wait", "--json")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("highlights"))
    yield product
    product.close()


@pytest.fixture(scope="module")
def run_id(product: Product) -> str:
    """A talk of eight sentences, transcribed; its highlights were found in another round."""
    added = product("add", talk(8, suffix=".mp4"), "--set", "quotes=true", *OPTIONS)
    found = product.run_of(added)
    assert product("get", found, "highlights.json", check=False).code == 3
    product(
        "retry",
        found,
        "--set",
        "detect_highlights=true",
        "--set",
        "highlight_sensitivity=max",
        "--set",
        "keywords=salmon",
    )
    service = product.serve()
    until(lambda: stages(product, found).get("detect_highlights", {}).get("status") == "committed", patience_s=120.0)
    product.kill(service)
    return found


def stages(product: Product, run_id: str) -> dict[str, Any]:
    """The stages in the state file of a run."""
    found: dict[str, Any] = json.loads(product.layout.run_state(run_id).read_text())["body"]["stages"]
    return found


def seen(path: Path) -> Media:
    return look(path, lambda: None)


def test_highlights_are_found_in_another_round_of_a_finished_run_without_transcribing_again(
    product: Product, run_id: str
) -> None:
    shown = product("show", run_id, "--json").json
    assert shown["stages"]["detect_highlights"]["status"] == "committed"
    assert len(shown["stages"]["transcribe"]["attempts"]) == 1
    made = json.loads(product("get", run_id, "highlights.json").out)
    transcript = json.loads(product("get", run_id, "transcript.json").out)
    spoken = " ".join(segment["text"].strip() for segment in transcript["segments"])
    assert made["highlights"]
    assert all(one["text"] in spoken for one in made["highlights"])
    assert any("salmon" in one["keywords"] for one in made["highlights"])
    assert product("get", run_id, "highlights.md").out.startswith("# Highlights")


def test_what_can_be_clipped_is_listed(product: Product, run_id: str) -> None:
    told = product("clip", run_id, "--json").json
    numbers = [one["number"] for one in told["clips"]]
    assert numbers[0] == "1"
    assert "q1" in numbers
    assert all(0 <= one["start"] < one["end"] <= told["duration_s"] for one in told["clips"])
    assert "salmon" in product("clip", run_id).out


def test_a_clip_of_a_highlight_of_a_quote_and_of_any_stretch_is_a_video(
    product: Product, run_id: str, tmp_path: Path
) -> None:
    first = product("clip", run_id, "--json").json["clips"][0]
    told = product("clip", run_id, "1", "-o", tmp_path / "one.mp4", "--json").json
    assert told["path"] == str(tmp_path / "one.mp4")
    media = seen(tmp_path / "one.mp4")
    assert media.picture is not None
    assert media.sound is not None
    assert first["end"] - first["start"] - 0.1 <= media.duration <= first["end"] - first["start"] + 0.8
    product("clip", run_id, "q1", "-o", tmp_path)
    product("clip", run_id, "0:02-0:04.5", "-o", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(
        [
            "one.mp4",
            *(name for name in names if "quote 1" in name),
            *(name for name in names if "clip 0.02-0.04" in name),
        ]
    )
    assert len(names) == 3
    assert seen(next(path for path in tmp_path.iterdir() if "0.02" in path.name)).duration == pytest.approx(
        2.5, abs=0.1
    )


def test_a_reel_is_as_long_as_its_highlights(product: Product, run_id: str, tmp_path: Path) -> None:
    told = product("clip", run_id, "reel", "-o", tmp_path / "reel.mp4", "--json").json
    wanted = sum(one["end"] - one["start"] for one in told["kept"])
    assert seen(tmp_path / "reel.mp4").duration == pytest.approx(wanted, abs=0.1 * len(told["kept"]) + 0.1)


@pytest.mark.parametrize(("wanted", "code"), [("99", 3), ("q99", 3), ("what", 5), ("9-3", 5), ("../x", 5)])
def test_what_is_no_clip_is_refused(product: Product, run_id: str, tmp_path: Path, wanted: str, code: int) -> None:
    answer = product("clip", run_id, wanted, "-o", tmp_path, "--json", check=False)
    assert answer.code == code
    assert answer.error["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_deletion_for_good_takes_the_clips_along(product: Product, tmp_path: Path) -> None:
    added = product(
        "add", talk(2, suffix=".mp4"), "--set", "transcribe=false", "--set", "detect_highlights=true", *OPTIONS
    )
    run_id = product.run_of(added)
    product("clip", run_id, "0-1", "-o", tmp_path / "x.mp4")
    clips = list((product.storage / "artifacts" / "clip").iterdir())
    product("delete", added.json["batch_id"], "--hard", "--yes")
    left = list((product.storage / "artifacts" / "clip").iterdir())
    assert len(left) == len(clips) - 1
