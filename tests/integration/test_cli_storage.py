"""A storage that is full, cannot be written, is served already, or holds damaged and foreign files: said where the user
looks, with nothing lost."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.media_files import media_file, mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.small_disk import fill_bytes, remount, small_disk
from tests.support.waiting import until

DOWNLOAD = ("--set", "transcribe=false", "--concurrency", 1)
URL = "https://example.com/v.mp4"
RESERVE_BYTES = 2**23


# --- full ----------------------------------------------------------------------------------------------------------


@pytest.mark.root
def test_a_full_disk_stops_the_run_that_needs_it_and_it_goes_on_once_there_is_room(tmp_path: Path) -> None:
    big = media_file("long.wav", seconds=450.0, video=False, codecs=("-c:a", "pcm_s16le"))  # 40 MB
    with small_disk(tmp_path / "disk", "size=32m") as disk, MediaServer() as server:
        product = Product(disk, allowed_hosts=server.host, free_space_bytes=RESERVE_BYTES)
        try:
            product.serve()
            urls = [
                server.add("/s.mp4", mp4(), content_type="video/mp4"),
                server.add("/b.wav", big, content_type="audio/x-wav"),
            ]
            first, second = (run["run_id"] for run in product("add", "--json", *DOWNLOAD, *urls).json["runs"])
            # The service looks at the disk now and then; when it sees it first it holds the run, else the download fails.
            product.wait_for(second, "retry_wait", "paused", "failed")
            assert product.phase(second) in ("retry_wait", "paused")
            assert product.phase(first) == "completed"
            assert shutil.disk_usage(disk).free > RESERVE_BYTES - 2**20, "however fast the download was"

            why = product("why", second, "--json").json
            assert why["code"] == "disk"
            failure = product("show", second, "--json").json["failure"]
            if product.phase(second) == "paused":
                assert "too little free disk space; it goes on by itself" in why["message"]
                assert failure is None
            else:
                assert "full" in why["message"]
                assert failure["class"] == "disk_full"
                assert failure["hint"] == "Free some disk space; the run goes on by itself."
            assert product("add", "--json", "--draft", URL).json["batch_id"], "the reserve keeps the state writable"

            free = fill_bytes(disk)
            assert product("status", "--json").json["service"]["alive"], "it is still answered"
            refused = product("add", "--json", URL, check=False)
            assert (refused.code, refused.error["code"]) == (5, "storage")
            assert "disk is full" in refused.error["message"]
            free()

            remount(disk, "size=200m")
            product("pause", second)
            product("resume", second)  # at once instead of at the next look in half a minute
            product.wait_for(second, "completed", "failed")
            assert product.phase(second) == "completed"
            assert server.of("/b.wav")[-1].start, "what was there was not fetched again"
            assert product("show", second, "--json").json["attempts"]["download"] == 0
            assert product("check", "--json").json["ok"]
        finally:
            product.close()


# --- not writable --------------------------------------------------------------------------------------------------


@contextmanager
def unwritable(folder: Path, how: str) -> Iterator[Path]:
    if how == "a file in its place":
        (folder / "storage").write_text("mine")
        yield folder
    elif how == "read-only":
        with small_disk(folder / "disk", "ro,size=1m") as disk:
            yield disk
    else:
        closed = folder / "closed"
        closed.mkdir(mode=0o500)
        yield closed


@pytest.mark.parametrize(
    "how",
    [
        "a file in its place",
        pytest.param("read-only", marks=pytest.mark.root),
        pytest.param("forbidden", marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")),
    ],
)
def test_a_storage_that_cannot_be_written_is_one_sentence_for_every_verb(tmp_path: Path, how: str) -> None:
    with unwritable(tmp_path, how) as folder:
        product = Product(folder)
        for verb in (("add", URL), ("status",), ("serve",)):
            answer = product(*verb, "--json", check=False)
            assert (answer.code, answer.out, answer.error["code"]) == (5, "", "storage")
            assert str(product.storage) in answer.error["message"]
            assert "REPRISE_STORAGE" in answer.error["hint"]
        doctor = product("doctor", "--json", check=False)
        assert doctor.code == 1
        (storage,) = (one for one in doctor.json["checks"] if one["name"] == "storage")
        assert not storage["ok"]
        assert "REPRISE_STORAGE" in storage["hint"]


# --- served already, damaged, foreign ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A storage with five finished runs, and a service on it."""
    product = Product(tmp_path_factory.mktemp("storage"))
    sources = [mp4(seconds=1.0 + number / 10) for number in range(5)]
    try:
        product("add", "--json", "--wait", *DOWNLOAD, *sources)
        yield product
    finally:
        product.close()


def ids(product: Product) -> list[str]:
    return [path.stem for path in sorted(product.layout.state.glob("r_*.json"))]


def test_a_second_service_is_refused_and_says_who_serves(product: Product) -> None:
    service = product.serve()
    answer = product("serve", "--json", check=False)
    assert (answer.code, answer.error["code"]) == (4, "refused")
    assert f"process {service.pid}" in answer.error["message"]
    assert service.poll() is None
    status = product("status", "--json").json["service"]
    assert (status["alive"], status["pid"]) == (True, service.pid)
    service.terminate()
    assert service.wait(timeout=30) == 0


def test_damaged_and_foreign_state_files_are_told_restored_or_listed_and_the_others_are_untouched(
    product: Product,
) -> None:
    flipped, lost, swapped, *whole = ids(product)
    state = product.layout.run_state
    body = bytearray(state(flipped).read_bytes())
    body[len(body) // 2] ^= 4
    state(flipped).write_bytes(body)
    state(lost).write_bytes(b"")
    Path(f"{state(lost)}.prev").write_bytes(b"\0" * 4096)
    state(swapped).write_bytes(state(whole[0]).read_bytes())
    (product.layout.state / "notes.txt").write_text("not ours")
    before = [state(run).read_bytes() for run in whole]

    looked = product("check", "--json", check=False)
    assert looked.code == 6
    told = {Path(one["path"]).stem: one for one in looked.json["findings"]}
    assert set(told) == {flipped, lost, swapped}, "what is not ours is not judged"
    assert "checksum" in told[flipped]["problem"]
    assert "empty" in told[lost]["problem"]
    assert whole[0] in told[swapped]["problem"]
    assert not any(one["repaired"] for one in told.values())

    listed = product("list", "--json").json
    assert {run["run_id"] for run in listed["runs"]} == {flipped, swapped, *whole}, "two were restored"
    assert [one["id"] for one in listed["damaged"]] == [lost]
    assert lost in product("list").out
    shown = product("show", lost, "--json", check=False)
    assert (shown.code, shown.error["code"]) == (6, "damaged")
    assert "reprise check" in shown.error["hint"]

    product.serve()
    until(lambda: all(product.phase(run) == "completed" for run in (flipped, lost, swapped)))
    assert product("list", "--json").json["damaged"] == [], "the lost one was made again from its batch"
    assert [state(run).read_bytes() for run in whole] == before
    for run in (flipped, lost):
        work = product("show", run, "--json").json["work"]["download"]
        assert work["done"] == 0, "its result was found, not made again"
    told_once = [event for event in product("audit", "--json").json["events"] if event["type"] == "state.damaged"]
    assert [event["run_id"] for event in told_once] == [lost]
    kept = [path for path in product.layout.quarantine.iterdir() if path.suffix in (".json", ".prev")]
    assert len(kept) == 4, "both copies of the lost one"
    assert (product.layout.state / "notes.txt").read_text() == "not ours"


def test_a_result_that_was_changed_is_not_handed_out(product: Product) -> None:
    run = ids(product)[-1]
    key = json.loads(product.layout.run_state(run).read_text())["body"]["stages"]["download"]["key"]
    media = product.layout.artifact("download", key) / "media.mp4"
    media.write_bytes(media.read_bytes()[:-1] + b"?")
    out = product.storage.parent / "out"
    answer = product("get", run, "media", "-o", out, "--json", check=False)
    assert (answer.code, answer.error["code"]) == (6, "damaged")
    assert not out.exists()
