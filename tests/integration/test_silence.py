"""Silence removal through the command line: previewed, done, killed in the middle, and done again with other settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.media_files import ffmpeg
from tests.support.product import Product
from tests.support.speech import talk
from tests.support.waiting import until

BEEPS = "aevalsrc='0.5*sin(440*2*PI*t)*lt(mod(t,2),1)':s=16000:d={seconds}"


def beeps(folder: Path, seconds: int, size: str = "160x90") -> Path:
    """A second of tone, a second of nothing, and so on, with a picture."""
    path = folder / "beeps.mp4"
    picture = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:d={seconds}"]
    sound = ["-f", "lavfi", "-i", BEEPS.format(seconds=seconds)]
    ffmpeg(*picture, *sound, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(path))
    return path


def cuts_of(product: Product, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(product("get", run_id, "cuts.json").out)
    return found


def test_what_was_previewed_is_what_is_done(product: Product, tmp_path: Path) -> None:
    run_id = product.run_of(product("add", beeps(tmp_path, 10), "--set", "transcribe=false", "--wait", "--json"))
    usual = product("silence", run_id, "--json").json
    assert usual["pauses"] == 5
    assert product("silence", run_id).out.startswith(usual["said"] + "\n")
    other = product("silence", run_id, "--set", "silence_threshold=-35", "--set", "silence_margin_s=0.4", "--json").json
    assert other["removed_s"] < usual["removed_s"]
    assert (other["settings"]["silence_mode"], other["threshold_db"]) == ("fixed", -35)

    product.serve()
    product("retry", run_id, "--set", "remove_silence=true")
    until(lambda: "remove_silence" in product("show", run_id).out and product.phase(run_id) == "completed")
    done = cuts_of(product, run_id)
    assert (done["said"], done["removed_s"]) == (usual["said"], pytest.approx(usual["removed_s"], abs=0.05))
    assert [[span["start"], span["end"]] for span in done["removed"]] == usual["removed"]

    product("retry", run_id, "--set", "silence_threshold=-35", "--set", "silence_margin_s=0.4")
    until(lambda: product.phase(run_id) == "completed" and cuts_of(product, run_id)["rule"]["mode"] == "fixed")
    assert [[span["start"], span["end"]] for span in cuts_of(product, run_id)["removed"]] == other["removed"]


def test_a_recording_is_as_long_as_it_is_also_where_its_cut_was_there_already(product: Product, tmp_path: Path) -> None:
    settings = ("--set", "transcribe=false", "--set", "remove_silence=true", "--set", "export=true", "--wait", "--json")
    path = beeps(tmp_path, 10)
    made, taken_over = (product.run_of(product("add", path, *settings)) for _ in range(2))
    assert cuts_of(product, taken_over)["kept_s"] < 9
    for run_id in (made, taken_over):
        assert product("show", run_id, "--json").json["duration_s"] == pytest.approx(10, abs=0.1)


def test_a_video_without_pauses_has_no_other_video_and_says_why(product: Product, tmp_path: Path) -> None:
    path = tmp_path / "hum.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=300:duration=3", str(path))
    settings = ("--set", "transcribe=false", "--set", "remove_silence=true")
    run_id = product.run_of(product("add", path, *settings, "--wait", "--json"))
    assert cuts_of(product, run_id)["why"] == "no pauses"
    refused = product("get", run_id, "silence_removed", check=False)
    assert (refused.code, "none could be made of it" in refused.err) == (3, True)
    assert "Nothing is cut: no pauses." in product("log", run_id).out


@pytest.mark.parametrize(
    ("name", "value"), [("silence_threshold", "-10"), ("min_silence_s", "9"), ("silence_margin_s", "-1")]
)
def test_a_preview_refuses_what_no_run_could_have(product: Product, tmp_path: Path, name: str, value: str) -> None:
    run_id = product.run_of(product("add", beeps(tmp_path, 2), "--set", "transcribe=false", "--wait", "--json"))
    refused = product("silence", run_id, "--set", f"{name}={value}", "--json", check=False)
    assert refused.code == 5
    assert name in refused.error["message"]


@pytest.mark.speech
def test_every_word_that_was_heard_is_in_the_cut_video(product: Product) -> None:
    settings = ("--set", "remove_silence=true", "--set", "model=tiny.en")
    run_id = product.run_of(product("add", talk(3, suffix=".mp4", pause_s=2.0), *settings, "--wait", "--json"))
    before = json.loads(product("get", run_id, "transcript.json").out)
    after = json.loads(product("get", run_id, "remove_silence/transcript.json").out)
    assert [one["text"] for one in after["segments"]] == [one["text"] for one in before["segments"]]
    done = cuts_of(product, run_id)
    assert after["duration"] == pytest.approx(done["kept_s"], abs=0.001)
    assert done["removed_s"] > 1.5
    quotes = json.loads(product("get", run_id, "silence_removed.quotes.json").out)["quotes"]
    assert quotes
    assert all(quote["start"] < quote["source_start"] for quote in quotes)


def test_kill_nine_in_the_middle_costs_a_unit_at_most_and_not_a_byte(tmp_path: Path) -> None:
    path = beeps(tmp_path, 150, "320x180")
    settings = ("--set", "transcribe=false", "--set", "remove_silence=true", "--set", "silence_margin_s=0")
    undisturbed, killed = Product(tmp_path / "one"), Product(tmp_path / "two")
    try:
        whole = undisturbed.run_of(undisturbed("add", path, *settings, "--wait", "--json"))
        service = killed.serve()
        run_id = killed.run_of(killed("add", path, *settings, "--json"))
        # The sound is whole, the picture of the first group is being drawn.
        until(lambda: units(killed) >= 1)
        killed.kill(service)
        assert killed.phase(run_id) != "completed"
        killed.serve()
        killed.wait_for(run_id, "completed")
        work = killed("show", run_id, "--json").json["work"]["remove_silence"]
        assert work["done"] + work["reused"] == 75
        assert work["redone"] <= 50
        assert files(killed, run_id) == files(undisturbed, whole)
    finally:
        undisturbed.close()
        killed.close()


def units(product: Product) -> int:
    """How many units of cutting are whole."""
    lines = [line for path in product.storage.glob("work/remove_silence/*/units.jsonl") for line in path.open()]
    return sum('"plan"' in line for line in lines)


def files(product: Product, run_id: str) -> dict[str, str]:
    stage = product("show", run_id, "--json").json["stages"]["remove_silence"]
    return {file["name"]: file["sha256"] for file in stage["files"]}
