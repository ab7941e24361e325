"""Documents that people open: what they say, that hostile words stay words, and that they are the same each time."""

import csv
import io
import json
import re
import zipfile
from typing import Any

import docx
import pytest
from docx.document import Document

from core.domain.errors import Damaged
from core.manager.documents import fonts
from core.manager.documents.material import Material
from core.manager.documents.recipes import RECIPES
from tests.support.showcase_results import SUMMARY
from tests.support.showcase_results import quotes as some_quotes
from tests.support.transcripts import TALK, transcript

HOSTILE = "=HYPERLINK(\"http://x\") \x0b<b>\x00 \x1b[31m ![i](http://x) {\\an8} --> \ttab 'q'"
CUTS = {"duration": 600.0, "kept": [{"start": 1.0, "end": 600.0}]}
TITLE = "River\x00 restoration <script>"


def material(said: dict[str, Any] | None = None, **files: Any) -> Material:
    """What a run published; the talk by default."""
    made = transcript(TALK) if said is None else said
    documents = {"transcript": made, "quotes": some_quotes(transcript(TALK)), "summary": SUMMARY, "cuts": CUTS, **files}
    return Material(TITLE, {f"{name}.json": json.dumps(document).encode() for name, document in documents.items()})


def made(name: str, of: Material | None = None) -> bytes:
    return RECIPES[name].make(of or material())


def opened(name: str, of: Material | None = None) -> Document:
    return docx.Document(io.BytesIO(made(name, of)))


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_results_give_the_same_bytes_that_do_not_say_when_or_where(name: str) -> None:
    content = made(name)
    assert made(name) == content
    if name.endswith(".docx"):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            content = b"".join(packed.read(one) for one in packed.namelist())
    assert not re.search(rb"20[23]\d-\d\d-\d\dT|/tmp/|r_[0-9a-z]{20}", content)


@pytest.mark.parametrize("name", RECIPES)
def test_hostile_words_break_no_document(name: str) -> None:
    one = some_quotes(transcript(TALK))["quotes"][0] | {"text": HOSTILE, "why": HOSTILE}
    summary = SUMMARY | {"title": HOSTILE, "abstract": HOSTILE, "points": [{"text": HOSTILE, "segment_ids": [0, 99]}]}
    said = transcript([HOSTILE, "=1+1", "ordinary words"])
    hostile = material(said, quotes={"quotes": [one], "rejected": 0}, summary=summary)
    assert made(name, hostile)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recording_without_speech_has_documents_too(name: str) -> None:
    nothing: dict[str, Any] = {"language": "", "duration": 3.0, "model": "tiny.en", "segments": []}
    summary = SUMMARY | {"points": [], "keywords": [], "title": "No speech detected"}
    silent = material(nothing, quotes={"quotes": [], "rejected": 0}, summary=summary)
    assert made(name, silent) or name.endswith("quotes.srt")


def test_whispers_table_has_milliseconds_and_one_line_a_segment() -> None:
    lines = made("transcript.tsv").decode().splitlines()
    assert lines[0] == "start\tend\ttext"
    assert lines[1] == "0\t4800\tWelcome to the annual meeting of the river restoration project in Wales."
    assert len(lines) == 1 + len(TALK)


def test_no_cell_of_a_table_is_a_formula() -> None:
    hostile = material(transcript(["=1+1", "-- and", "fine"]))
    assert [line.split("\t")[2] for line in made("transcript.tsv", hostile).decode().splitlines()[1:]] == [
        "'=1+1",
        "'-- and",
        "fine",
    ]
    one = some_quotes(transcript(TALK))["quotes"][0] | {"text": "=cmd|' /C calc'!A0", "why": "@SUM(1)"}
    table = made("quotes.csv", material(quotes={"quotes": [one], "rejected": 0})).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert (row["quote"], row["why"]) == ("'=cmd|' /C calc'!A0", "'@SUM(1)")


def test_a_table_of_quotes_opens_with_their_places() -> None:
    rows = list(csv.DictReader(io.StringIO(made("quotes.csv").decode("utf-8-sig"), newline="")))
    assert [row["status"] for row in rows] == ["verified", "repaired", "verified"]
    assert (rows[0]["quote"], rows[0]["time"]) == (TALK[2], "00:00:10")
    assert float(rows[0]["start"]) == pytest.approx(10.8)


def test_quotes_are_subtitles_of_their_moments() -> None:
    text = made("quotes.srt").decode()
    assert text.startswith("1\n00:00:10,800 --> ")
    said = " ".join(line for line in text.splitlines() if line and "-->" not in line and not line.isdigit())
    assert said == " ".join([TALK[2], TALK[6], TALK[9]])
    assert all(len(line) <= 42 for line in text.splitlines() if "-->" not in line)


def test_whispers_own_json_has_all_words_with_their_times() -> None:
    read = json.loads(made("transcript.whisper.json"))
    assert read["text"] == "".join(f" {line}" for line in TALK)
    assert read["language"] == "en"
    assert set(read["segments"][0]) == {"id", "start", "end", "text", "words"}
    assert read["segments"][0]["words"][0] == {"word": " Welcome", "start": 0.0, "end": 0.4, "probability": 0.9}


def test_a_transcript_for_a_word_processor_has_paragraphs_with_times_and_marks_doubt() -> None:
    said = transcript([*TALK, "Mumble mumble mumble."], flags={len(TALK): ["no_speech"]})
    paragraphs = [one.text for one in opened("transcript.docx", material(said)).paragraphs]
    assert paragraphs[0] == "River� restoration <script>"
    assert paragraphs[2].startswith(f"[00:00:00]  {TALK[0]} {TALK[1]}")
    assert 3 < len(paragraphs) < len(TALK)
    assert paragraphs[-1].endswith("(uncertain) Mumble mumble mumble.")


def test_a_character_that_a_document_cannot_hold_is_replaced() -> None:
    paragraphs = [one.text for one in opened("transcript.docx", material(transcript(["a\x01b \x00c"]))).paragraphs]
    assert paragraphs[-1] == "[00:00:00]  a�b �c"


def test_quotes_for_a_word_processor_say_where_and_why() -> None:
    paragraphs = [one.text for one in opened("quotes.docx").paragraphs]
    assert paragraphs[1] == TALK[2]
    assert re.fullmatch(r"00:00:10–00:00:1\d · says what the recording is about; names figures", paragraphs[2])
    assert "repaired to the words spoken" in paragraphs[4]


def test_words_from_right_to_left_are_set_so() -> None:
    said = transcript(["مرحبا بالعالم هذا نهر"], language="ar")
    assert "w:bidi" in opened("transcript.docx", material(said)).paragraphs[2]._p.xml


def test_nothing_in_a_transcript_as_markdown_is_markup() -> None:
    text = made("transcript.md", material(transcript(["![x](http://127.0.0.1) <b> # no"]))).decode()
    assert "\\!\\[x\\](http\\://127.0.0.1) \\<b\\> \\# no" in text
    assert text.startswith("# River� restoration \\<script\\>\n")


def test_a_summary_is_a_document_of_pages() -> None:
    content = made("summary.pdf")
    assert content.startswith(b"%PDF-")
    assert b"/JavaScript" not in content
    many = SUMMARY | {"points": [*SUMMARY["points"]] * 30}  # type: ignore[misc]
    assert made("summary.pdf", material(summary=many)).count(b"/Type /Page\n") > content.count(b"/Type /Page\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hello Жизнь Ελλάδα مرحبا שלום ไทย नमस्ते ქართული", []),
        ("你好 こんにちは 안녕", ["WenQuanYi"]),
        ("বাংলা தமிழ்", ["Bengali", "Tamil"]),
        ("👍 and ☀", ["Emoji"]),
        ("→ ⇒ ■", ["WenQuanYi"]),
    ],
)
def test_every_script_has_a_font(text: str, wanted: list[str]) -> None:
    from fontTools.ttLib import TTFont

    assert [font.name for font in fonts.needed(text)] == wanted
    for font in fonts.needed(text):
        number = 0 if font.file.endswith(".ttc") else -1
        drawn = TTFont(fonts.path_of(font), fontNumber=number).getBestCmap()
        mine = [char for char in text if any(first <= ord(char) <= last for first, last in font.ranges)]
        assert all(ord(char) in drawn for char in mine)


def test_every_font_that_is_named_is_there() -> None:
    assert all(fonts.path_of(font).is_file() for font in fonts.FONTS)


@pytest.mark.parametrize("name", ["quotes.csv", "transcript.tsv", "summary.pdf"])
def test_a_damaged_result_is_told_as_damage(name: str) -> None:
    broken = Material("t", dict.fromkeys(("quotes.json", "transcript.json", "summary.json"), b"{"))
    with pytest.raises(Damaged):
        made(name, broken)


def test_quotes_stand_where_they_are_in_the_cut_video() -> None:
    quotes = json.loads(made("silence_removed.quotes.json"))["quotes"]
    before = material().json("quotes.json")["quotes"]
    kept = [quote for quote in before if quote["end"] > 1.0]
    assert [(quote["quote_id"], quote["source_start"]) for quote in quotes] == [
        (quote["quote_id"], quote["start"]) for quote in kept
    ]
    assert [quote["end"] for quote in quotes] == pytest.approx([quote["end"] - 1.0 for quote in kept])
    gone = material(cuts={"duration": 600.0, "kept": []})
    assert json.loads(made("silence_removed.quotes.json", gone))["quotes"] == []
