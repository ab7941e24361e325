"""Text of others in tables and documents."""

import csv
import io
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.harmless import cell, printable


@pytest.mark.parametrize(
    "text",
    ["=HYPERLINK(0)", "+1", "-1", "@SUM", "\t=1", "\r=1", "  =1", "\n+1", "＝1", "＠x", "'=1", "=cmd|' /C calc'!A0"],
)
def test_what_a_spreadsheet_would_compute_opens_as_text(text: str) -> None:
    made = cell(text)
    assert made.startswith("'")
    assert made[1:] == " ".join(text.split()), "the text as it was follows"


@pytest.mark.parametrize("text", ["a=b", "1-2", "me@example.org", "It's +5", ""])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_a_character_that_a_file_cannot_hold_is_replaced_where_it_stood() -> None:
    assert printable("a\x0bb\x00c\ud800d\uffffe\x1b[31m") == "a�b�c�d�e�[31m"
    assert printable("ümlaut\tand\nline 👨\u200d👩") == "ümlaut\tand\nline 👨\u200d👩"


@given(st.text())
def test_whatever_was_said_xml_can_hold_it(text: str) -> None:
    made = printable(text)
    root = ElementTree.Element("p")
    root.text = made
    read = ElementTree.fromstring(ElementTree.tostring(root, "utf-8")).text or ""
    assert read.replace("\n", "\r").replace("\r\r", "\r") == made.replace("\n", "\r").replace("\r\r", "\r")


@given(st.text())
def test_the_text_of_a_cell_can_be_had_back(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([cell(text)])
    (row,) = csv.reader(io.StringIO(out.getvalue())) if out.getvalue().strip() else ([""],)
    assert (row[0][1:] if row[0].startswith("'") else row[0]) == " ".join(printable(text).split())
