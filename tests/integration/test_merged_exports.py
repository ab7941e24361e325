"""One video of many, made by the service from real films: alike or not, through kills, with what cannot go in named."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.stages.rendering.media import Media, look
from tests.support.media_files import media_file
from tests.support.product import Product
from tests.support.small_disk import small_disk
from tests.support.waiting import until

DOWNLOAD = ("--set", "transcribe=false", "--wait", "--json")
MERGED = ("--format", "merged", "--json")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "here")
    yield product
    product.close()


@pytest.fixture(scope="module")
def films() -> list[Path]:
    """Three that are not alike: lying, standing, and one without sound."""
    return [
        media_file("lying.mp4", seconds=3.0),
        media_file("standing.mp4", seconds=2.0, size="180x320"),
        media_file("silent.mp4", seconds=2.0, audio=False),
    ]


def added(product: Product, *films: Path) -> dict[str, Any]:
    """A finished batch of these films."""
    return product("add", *films, "--batch", "Talks", *DOWNLOAD).json


def seen(path: str) -> Media:
    """What a merged video is."""
    return look(Path(path), lambda: None)


def parts(product: Product) -> dict[str, str]:
    """The parts that were made alike, and the attempt that made each."""
    receipts = product.storage.glob("artifacts/merged_part/*/receipt.json")
    return {path.parent.name: json.loads(path.read_text())["attempt"] for path in receipts}


def test_unlike_films_become_one_video_in_order(product: Product, films: list[Path], tmp_path: Path) -> None:
    batch = added(product, *films)
    told = product("export", batch["batch_id"], *MERGED, "-o", tmp_path / "all.mp4").json
    assert (told["status"], told["videos"], told["complete"]) == ("ready", 3, True)
    video = seen(told["path"])
    assert video.duration == pytest.approx(7.0, abs=0.1)
    assert video.sound is not None
    assert Path(told["path"]).stat().st_size == told["size"]
    made = parts(product)
    assert len(made) == 3

    again = added(product, films[2], films[0])
    other = product("export", again["batch_id"], *MERGED, "-o", tmp_path / "two.mp4").json
    assert seen(other["path"]).duration == pytest.approx(5.0, abs=0.1)
    assert made.items() <= parts(product).items(), "what was made alike is taken again"


def test_a_film_that_is_damaged_is_left_out_and_named(product: Product, films: list[Path], tmp_path: Path) -> None:
    batch = added(product, *films[:2])
    asked = product("export", batch["batch_id"], *MERGED).json
    assert asked["status"] == "queued"
    key = json.loads(product.layout.run_state(batch["runs"][0]["run_id"]).read_text())["body"]["stages"]["download"][
        "key"
    ]
    media = product.layout.artifact("download", key) / "media.mp4"
    content = bytearray(media.read_bytes())
    content[len(content) // 2] ^= 0xFF
    media.write_bytes(content)
    answer = product("export", batch["batch_id"], *MERGED, "-o", tmp_path / "all.mp4", check=False)
    assert (answer.code, answer.json["status"], answer.json["complete"]) == (1, "ready", False)
    assert [(one["title"], one["lost"]) for one in answer.json["missing"]] == [(films[0].stem, True)]
    assert seen(answer.json["path"]).duration == pytest.approx(2.0, abs=0.1)


def test_a_merge_that_is_killed_goes_on_with_the_next_part(product: Product, films: list[Path], tmp_path: Path) -> None:
    batch = added(product, *films)
    export_id = product("export", batch["batch_id"], *MERGED).json["export_id"]
    service = product.serve()
    until(lambda: bool(parts(product)))
    product.kill(service)
    before = parts(product)
    assert status(product, export_id)["status"] == "running"
    told = product("export", batch["batch_id"], *MERGED, "--wait", "-o", tmp_path / "killed.mp4").json
    assert told["export_id"] == export_id
    assert before.items() <= parts(product).items(), "a part that was whole is not made again"

    undisturbed = Product(tmp_path / "there")
    try:
        same = added(undisturbed, *films)
        other = undisturbed("export", same["batch_id"], *MERGED, "-o", tmp_path / "whole.mp4").json
    finally:
        undisturbed.close()
    assert Path(told["path"]).read_bytes() == Path(other["path"]).read_bytes()


def test_a_merge_is_cancelled_at_once_and_leaves_nobody_behind(product: Product, films: list[Path]) -> None:
    batch = added(product, *films)
    export_id = product("export", batch["batch_id"], *MERGED).json["export_id"]
    product("pause")
    product.serve()
    product("resume")
    until(lambda: status(product, export_id)["status"] == "running")
    assert product("exports", "--cancel", export_id, "--json").json["status"] in ("cancelling", "cancelled")
    until(lambda: status(product, export_id)["status"] == "cancelled")
    until(lambda: not mergers(product))
    assert product("exports", "--cancel", export_id, "--json").json["status"] == "cancelled"


def test_a_pause_of_everything_holds_a_merge(product: Product, films: list[Path]) -> None:
    batch = added(product, *films)
    export_id = product("export", batch["batch_id"], *MERGED).json["export_id"]
    product.serve()
    until(lambda: bool(mergers(product)))
    product("pause")
    until(lambda: all(state == "T" for state in mergers(product).values()))
    assert status(product, export_id)["note"] == "everything is paused" or mergers(product)
    product("resume")
    until(lambda: status(product, export_id)["status"] == "ready")


@pytest.mark.root
def test_a_merge_that_does_not_fit_says_so_and_leaves_no_half_of_it(tmp_path: Path) -> None:
    big = [
        media_file(f"big{number}.mp4", seconds=6.0, noise=True, size=size)
        for number, size in enumerate(("320x180", "180x320"))
    ]
    with small_disk(tmp_path / "disk", "size=160m") as disk:
        product = Product(disk, free_space_bytes=2**20)
        try:
            batch = added(product, *big)
            filler = disk / "filler"
            filler.write_bytes(bytes(shutil.disk_usage(disk).free - 2**22))
            answer = product("export", batch["batch_id"], *MERGED, "--wait", check=False)
            assert (answer.code, answer.json["status"], answer.json["failure"]["code"]) == (1, "failed", "disk_full")
            assert not list(product.storage.glob("artifacts/merged/*"))
            filler.unlink()
            assert product("export", batch["batch_id"], *MERGED, "--wait").json["status"] == "ready"
        finally:
            product.close()


def test_a_merge_whose_process_is_killed_is_begun_anew(product: Product, films: list[Path]) -> None:
    batch = added(product, *films)
    export_id = product("export", batch["batch_id"], *MERGED).json["export_id"]
    product.serve()
    until(lambda: bool(mergers(product)))
    for pid in mergers(product):
        os.kill(pid, signal.SIGKILL)
    until(lambda: status(product, export_id)["status"] == "ready")


def status(product: Product, export_id: str) -> dict[str, Any]:
    """The document of an export."""
    found: list[dict[str, Any]] = product("exports", "--json").json["exports"]
    return next(one for one in found if one["export_id"] == export_id)


def mergers(product: Product) -> dict[int, str]:
    """The processes that merge for this storage, with the kernel's letter for what each does."""
    marker = f"REPRISE_STORAGE={product.storage}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"\0merger\0" in (entry / "cmdline").read_bytes() and marker in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
    return {pid: state for pid, state in found.items() if state != "Z"}
