"""`export` and `exports` as a user types them, on a batch that was really fetched."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.media_files import media_file
from tests.support.product import Product

DOWNLOAD = ("--set", "transcribe=false", "--wait", "--json")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("exports"))
    yield product
    product.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "Opening.mp4").write_bytes(media_file("a.mp4", seconds=2.0).read_bytes())
    (folder / "Ending; rm -rf.mp4").write_bytes(media_file("b.mp4", seconds=3.0).read_bytes())
    return folder


@pytest.fixture(scope="module")
def batch_id(product: Product, folder: Path) -> str:
    added = product("add", folder / "Opening.mp4", folder / "Ending; rm -rf.mp4", "--batch", "My talks", *DOWNLOAD)
    found: str = added.json["batch_id"]
    return found


def test_a_batch_is_saved_as_a_zip(product: Product, batch_id: str, tmp_path: Path) -> None:
    told = product("export", batch_id, "-o", tmp_path, "--json").json
    assert (told["status"], told["progress"], told["missing"], told["complete"]) == ("ready", 1.0, [], True)
    assert told["path"] == str(tmp_path / "My talks.zip")
    with zipfile.ZipFile(told["path"]) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["001_Opening.mp4", "002_Ending; rm -rf.mp4"]
    assert Path(told["path"]).stat().st_size == told["size"]
    assert [path.name for path in tmp_path.iterdir()] == ["My talks.zip"]


def test_the_same_export_is_not_made_twice_and_all_are_listed(product: Product, batch_id: str) -> None:
    first = product("export", batch_id, "--prefix", "--json").json
    again = product("export", batch_id, "--prefix", "--json").json
    assert first["export_id"] == again["export_id"]
    listed = product("exports", batch_id, "--json").json
    assert listed["total"] == len(listed["exports"])
    assert first["export_id"] in [one["export_id"] for one in listed["exports"]]
    assert "ready" in product("exports").out


def test_what_it_would_be_is_said_before(product: Product, batch_id: str) -> None:
    told = product("export", batch_id, "--estimate", "--json").json
    saved = product("export", batch_id, "--json").json
    assert (told["size"], told["exact"], told["videos"]) == (saved["size"], True, 2)
    assert "2 videos, 5 s" in product("export", batch_id, "--estimate").out


def test_a_playlist_is_saved_with_titles_and_durations(product: Product, batch_id: str, tmp_path: Path) -> None:
    path = product("export", batch_id, "--format", "playlist", "-o", tmp_path / "x.m3u8", "--json").json["path"]
    lines = Path(path).read_text("utf-8").splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:My talks"]
    assert [line.partition(",")[2] for line in lines if line.startswith("#EXTINF")] == ["Opening", "Ending; rm -rf"]
    assert all(line.startswith("file:///") for line in lines if not line.startswith("#"))


def media_of(product: Product, run_id: str) -> Path:
    """Where the fetched film of a run lies."""
    key = json.loads(product.layout.run_state(run_id).read_text())["body"]["stages"]["download"]["key"]
    return product.layout.artifact("download", key) / "media.mp4"


def test_a_film_that_is_gone_makes_the_export_incomplete_and_is_named(product: Product, tmp_path: Path) -> None:
    films = [media_file(f"gone{number}.mp4", seconds=1.0 + number) for number in (1, 2)]
    added = product("add", *films, *DOWNLOAD).json
    media_of(product, added["runs"][1]["run_id"]).unlink()
    answer = product("export", added["batch_id"], "-o", tmp_path, "--json", check=False)
    assert (answer.code, answer.json["complete"]) == (1, False)
    assert answer.json["missing"][0]["why"] == "its video is gone or damaged"
    with zipfile.ZipFile(answer.json["path"]) as archive:
        assert len(archive.namelist()) == 2
        assert archive.namelist()[1] == "MISSING.txt"


def test_a_damaged_film_breaks_the_export_off_and_leaves_no_file(product: Product, tmp_path: Path) -> None:
    added = product("add", media_file("damaged.mp4", seconds=1.5), *DOWNLOAD).json
    media = media_of(product, added["runs"][0]["run_id"])
    content = media.read_bytes()
    media.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    answer = product("export", added["batch_id"], "-o", tmp_path, "--json", check=False)
    assert (answer.code, answer.error["code"]) == (6, "damaged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("export", "b_nothing"), 3, "not_found"),
        (("export", "r_nothing"), 3, "not_found"),
        (("exports", "b_nothing"), 3, "not_found"),
        (("exports", "--cancel", "e_nothing"), 3, "not_found"),
        (("exports", "--cancel", "../../state/pool"), 3, "not_found"),
    ],
)
def test_what_there_is_not_is_not_found(product: Product, arguments: tuple[str, ...], code: int, error: str) -> None:
    answer = product(*arguments, "--json", check=False)
    assert (answer.code, answer.error["code"]) == (code, error)


def test_a_wrong_pattern_is_bad_input_and_a_draft_has_nothing_to_export(
    product: Product, batch_id: str, folder: Path
) -> None:
    wrong = product("export", batch_id, "--pattern", "{tilte}", "--json", check=False)
    assert (wrong.code, wrong.error["code"]) == (5, "bad_input")
    draft = product("add", folder / "Opening.mp4", "--draft", "--json", REPRISE_USER="local:d").json["batch_id"]
    refused = product("export", draft, "--json", check=False)
    assert (refused.code, refused.error["code"]) == (4, "nothing_to_export")


def test_what_was_waited_for_in_vain_is_no_success(product: Product, batch_id: str, tmp_path: Path) -> None:
    product("pause")
    try:
        answer = product(
            "export", batch_id, "--format", "merged", "--partial", "-o", tmp_path / "all.mp4", "--json", check=False
        )
    finally:
        product("resume")
    assert (answer.code, answer.json["status"], answer.json["path"]) == (1, "queued", None)
    product("exports", "--cancel", answer.json["export_id"])


def test_what_was_exported_of_a_batch_goes_away_with_it_for_good(product: Product, tmp_path: Path) -> None:
    added = product("add", media_file("short.mp4", seconds=1.25), *DOWNLOAD).json
    export_id = product("export", added["batch_id"], "--json").json["export_id"]
    product("delete", added["batch_id"])
    refused = product("export", added["batch_id"], "-o", tmp_path, "--json", check=False)
    assert (refused.code, list(tmp_path.iterdir())) == (3, [])
    product("delete", added["batch_id"], "--hard", "--yes")
    assert export_id not in product("exports", "--json").out
    assert not product.layout.export_state(export_id).exists()
