"""Exports that are killed, and exports on a disk that fills up: the same file, byte for byte, and one unit lost at most."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.system.files import free_bytes
from tests.support.kills import VICTIMS, assert_sound, end_all, kill, published, unit_numbers
from tests.support.media_files import media_file
from tests.support.product import Product
from tests.support.small_disk import remount, small_disk
from tests.support.waiting import until

# Coded anew, since MP4 does not take VP9: two groups of at most two minutes and the sound.
SECONDS, UNITS = 150.0, 2
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
EXPORT = ("--set", "transcribe=false", "--set", "export=true")


@pytest.fixture(scope="module")
def film() -> Path:
    """A film that is long and small, so that its export has several units."""
    return media_file("film.webm", seconds=SECONDS, size="160x90", codecs=VP9)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Iterator[dict[str, bytes]]:
    """What a run publishes that nothing disturbs."""
    product = Product(tmp_path_factory.mktemp("undisturbed"))
    try:
        run = product.run_of(product("add", film, *EXPORT, "--json"))
        product.serve()
        assert product.wait_for(run, "completed", "failed") == "completed"
        assert len(unit_numbers(product, "export")) == UNITS
        yield published(product, run)
    finally:
        end_all(product)


def work(product: Product) -> dict[str, int]:
    """What lies in the work folder of the export, with its size."""
    return {path.name: path.stat().st_size for path in product.storage.glob("work/export/*/*") if path.is_file()}


def exported(product: Product, run: str) -> dict[str, Any]:
    receipt: dict[str, Any] = product("show", run, "--json").json["work"]["export"]
    return receipt


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_while_a_video_is_coded_costs_one_unit_at_most_and_changes_no_byte(
    tmp_path: Path, film: Path, undisturbed: dict[str, bytes], seed: int
) -> None:
    dice = random.Random(f"export {seed}")
    marker = ["sound.", "group.0000", "group.0001", "joined"][seed]
    product = Product(tmp_path)
    try:
        run = product.run_of(product("add", film, *EXPORT, "--json"))
        service = product.serve()
        until(lambda: any(marker in name and name.endswith(".part") for name in work(product)), patience_s=120)
        victim = dice.choice(VICTIMS)
        kill(product, service, victim)
        before = unit_numbers(product, "export")
        assert not list(product.storage.glob("artifacts/export/*"))
        if service.poll() is not None:
            product.serve()
        assert product.wait_for(run, "completed", "failed") == "completed"
        assert published(product, run) == undisturbed
        assert unit_numbers(product, "export") == list(range(UNITS)), "none was made twice"
        receipt = exported(product, run)
        assert receipt["unit"] == "audio_s"
        assert receipt["done"] + receipt["reused"] == pytest.approx(SECONDS, abs=0.2)
        assert receipt["redone"] <= 120.0, f"killed {victim} with {before} done"
    finally:
        end_all(product)
    assert_sound(product)


def test_a_kill_while_a_video_is_copied_leaves_nothing_half_made(tmp_path: Path) -> None:
    big = media_file("big.mp4", seconds=12.0, noise=True, options=("-movflags", "+faststart"))
    product = Product(tmp_path)
    try:
        run = product.run_of(product("add", big, *EXPORT, "--json"))
        service = product.serve()
        until(lambda: "export.copy.mp4" in work(product), patience_s=60)
        kill(product, service, "everything")
        assert not list(product.storage.glob("artifacts/export/*"))
        product.serve()
        assert product.wait_for(run, "completed", "failed") == "completed"
        assert product("get", run, "export", "-o", tmp_path / "out").out.strip().endswith(".mp4")
    finally:
        end_all(product)
    assert_sound(product)


@pytest.mark.root
@pytest.mark.parametrize("name", ["copied.mp4", "coded.mkv"])
def test_an_export_on_a_disk_that_fills_up_waits_for_room_and_is_then_whole(tmp_path: Path, name: str) -> None:
    codecs = () if name == "copied.mp4" else ("-c:v", "mpeg4", "-q:v", "3", "-c:a", "aac")
    big = media_file(name, seconds=10.0, noise=True, codecs=codecs)
    size = big.stat().st_size
    assert size > 6_000_000
    with small_disk(tmp_path / "disk", f"size={size + 5_000_000}") as disk:
        product = Product(disk, free_space_bytes=0)
        try:
            product.serve()
            run = product.run_of(product("add", big, *EXPORT, "--json"))
            product.wait_for(run, "retry_wait", "failed", "completed")
            assert product.phase(run) == "retry_wait", "there is no room for a second film"
            failure = product("show", run, "--json").json["failure"]
            assert failure["class"] == "disk_full", failure
            assert product("why", run, "--json").json["code"] == "disk"
            assert not list(disk.glob("storage/artifacts/export/*"))
            remount(disk, f"size={4 * size + 60_000_000}")
            assert free_bytes(disk) > size
            product("pause", run)
            product("resume", run)  # at once instead of at the next look in half a minute
            assert product.wait_for(run, "completed", "failed") == "completed"
            assert product("show", run, "--json").json["attempts"]["export"] == 0, "a full disk uses no try"
            assert product("check", "--json").json["ok"]
        finally:
            end_all(product)
