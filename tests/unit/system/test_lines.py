import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.system.lines import crc_line, parse_crc_line, read_crc_lines, scan_crc_lines

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.text("abcdefg", min_size=1, max_size=4), VALUES, max_size=4)


@given(RECORDS)
def test_a_line_gives_back_the_record_it_was_made_of(record: dict[str, object]) -> None:
    line = crc_line(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_crc_line(line) == record


def test_no_flip_of_a_single_bit_is_believed() -> None:
    line = crc_line({"unit": 3, "size": 1.5, "data": {"text": "Grüße"}})
    for position in range((len(line) - 1) * 8):
        flipped = bytearray(line)
        flipped[position // 8] ^= 1 << position % 8
        assert parse_crc_line(bytes(flipped)) is None, f"bit {position}"


def test_cut_at_any_byte_a_file_gives_exactly_the_lines_that_are_whole() -> None:
    lines = [crc_line({"n": number, "text": "x" * number}) for number in range(8)]
    data = b"".join(lines)
    for size in range(len(data) + 1):
        scanned = scan_crc_lines(data[:size])
        whole = sum(sum(map(len, lines[: k + 1])) <= size for k in range(len(lines)))
        assert [record["n"] for record in scanned.records] == list(range(whole))
        assert scanned.damaged == []
        assert scanned.whole_bytes == sum(map(len, lines[:whole]))


def test_damaged_lines_in_the_middle_are_skipped_and_told(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(crc_line({"n": 1}) + b'{"n":2,"crc":"00000000"}\n' + b"\0" * 64 + b"\n" + crc_line({"n": 4}))
    told: list[int] = []
    assert [record["n"] for record in read_crc_lines(path, told.append)] == [1, 4]
    assert told == [2, 3]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert read_crc_lines(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        crc_line({"value": value})
