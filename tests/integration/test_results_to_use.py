"""What a person takes away from a run, through the command line: documents, names, and words found again.

The recording has hostile metadata and a hostile name, and another one is damaged; both are real files with real speech.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest

from tests.support.awkward_media import flipped_bytes, wild_tags
from tests.support.media_files import ffmpeg
from tests.support.product import Product
from tests.support.speech import talk

pytestmark = pytest.mark.speech
NAME = "=cmd|' ∕C calc'!A0 <img src=x> $(touch climbed)：.mp4"
TAGGED = ("<script>", "\x1b", "owned", "xxxxxxxx")
TEXTS = ("transcript.txt", "transcript.srt", "transcript.vtt", "transcript.tsv", "transcript.md", "quotes.csv")


class Made:
    """One service that worked on both."""

    def __init__(self, folder: Path) -> None:
        self.product = Product(folder, free_space_bytes=0)
        source, damaged = folder / NAME, folder / "damaged.mp4"
        # The talk with the tags of another file: HTML, escape sequences, a formula, and a comment of a megabyte.
        inputs = ("-i", str(talk(6, suffix=".mp4")), "-i", str(wild_tags()))
        ffmpeg(*inputs, "-map", "0", "-map_metadata", "1", "-c", "copy", str(source))
        shutil.copyfile(flipped_bytes(), damaged)
        added = self.product("add", source, damaged, "--json")
        self.run_id, self.damaged = (run["run_id"] for run in added.json["runs"])
        self.product.serve()
        for run_id in (self.run_id, self.damaged):
            self.product.wait_for(run_id, "completed", "failed")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("use")
    world = Made(folder)
    yield world
    world.product.close()


def test_every_document_is_made_of_what_was_said(made: Made) -> None:
    for name in TEXTS:
        text = made.product("get", made.run_id, name).out
        assert "water" in text, name
        assert not [tag for tag in TAGGED if tag in text], name
    assert made.product("get", made.run_id, "transcript.tsv").out.startswith("start\tend\ttext\n")
    assert made.product("get", made.run_id, "transcript.md").out.startswith("# \\=cmd\\|")
    for row in csv.reader(io.StringIO(made.product("get", made.run_id, "quotes.csv").out.lstrip("\ufeff"))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_documents_for_people_open_and_are_the_same_each_time(made: Made, tmp_path: Path) -> None:
    names = ("transcript.docx", "quotes.docx", "summary.pdf")
    kept = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        files = made.product("get", made.run_id, *names, "-o", folder, "--json").json["files"]
        kept.append([(file["name"], file["sha256"], file["size"]) for file in files])
    assert kept[0] == kept[1]
    paragraphs = [one.text for one in docx.Document(str(tmp_path / "one" / "transcript.docx")).paragraphs]
    assert paragraphs[0].startswith("=cmd|' ")
    assert any("[00:00:00]" in text for text in paragraphs)
    assert (tmp_path / "one" / "summary.pdf").read_bytes().startswith(b"%PDF")


def test_files_have_names_that_harm_no_system(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made.product("get", made.run_id, "media", "transcript.srt", "summary.pdf", "-o", out, "--titled")
    stem = "=cmd｜' ⧸C calc'!A0 ＜img src=x＞ $(touch climbed)："
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{stem}{end}" for end in (".en.srt", ".mp4", ".summary.pdf")
    )
    assert not list(Path.cwd().glob("climbed"))


def test_what_was_said_is_found_again_with_its_moment(made: Made) -> None:
    hits = made.product("search", "stone", "bridge", "--json").json["hits"]
    assert {hit["run_id"] for hit in hits} == {made.run_id}
    said = next(hit for hit in hits if hit["kind"] == "transcript")
    assert 2 < said["start"] < 8
    assert made.product("search", "alert(1)", "--json").json["hits"] == []


def test_nothing_of_the_metadata_reaches_a_terminal_or_a_document(made: Made) -> None:
    shown = made.product("show", made.run_id).out + made.product("log", made.run_id).out
    assert not [tag for tag in TAGGED if tag in shown]
    assert len(json.dumps(made.product("show", made.run_id, "--json").json)) < 100_000


def test_a_damaged_video_ends_with_a_reason_or_is_made_and_says_so(made: Made) -> None:
    shown = made.product("show", made.damaged, "--json").json
    if shown["phase"] == "failed":
        assert shown["failure"]["class"] in ("not_media", "truncated", "no_audio")
        assert shown["failure"]["hint"]
    else:
        assert made.product("get", made.damaged, "transcript.json").json["duration"] > 0
