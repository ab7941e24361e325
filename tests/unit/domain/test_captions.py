"""Transcripts of others are read for what they say and when, and for nothing else."""

import json
import time

import pytest

from core.domain.captions import MAX_CHARS, Captions, read_captions
from core.domain.errors import BadInput

SRT = """1
00:00:01,000 --> 00:00:03,500
Good evening,
<i>everybody</i>.

2
00:00:04,000 --> 00:00:06,000
{\\an8}Let us begin.
"""


def read(text: str, suffix: str = ".srt", duration_s: float | None = None) -> Captions:
    return read_captions(text.encode(), suffix, duration_s)


def said(captions: Captions) -> list[tuple[float, float, str]]:
    return [(passage.start, passage.end, passage.text) for passage in captions.passages]


def cue(start: str, end: str, text: str = "words") -> str:
    return f"{start} --> {end}\n{text}\n\n"


def test_subrip_is_read_without_its_markup() -> None:
    found = read(SRT)
    assert said(found) == [(1.0, 3.5, "Good evening, everybody."), (4.0, 6.0, "Let us begin.")]
    assert found.dropped == 0


def test_webvtt_is_read_without_its_header_notes_and_settings() -> None:
    text = (
        "WEBVTT Kind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE a --- b\n\n"
        "intro\n00:01.000 --> 00:03.500 align:start position:0%\n<v Ana>Fish &amp; chips</v>\n\n"
        "01:00:00.000 --> 01:00:01.000\nLater &lt;b&gt;"
    )
    assert said(read(text, ".vtt")) == [(1.0, 3.5, "Fish & chips"), (3600.0, 3601.0, "Later <b>")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_usual_encoding_and_line_end_is_read(encoding: str, end: str) -> None:
    text = cue("00:00:01,000", "00:00:02,000", "Grüße").replace("\n", end)
    assert said(read_captions(text.encode(encoding), ".srt")) == [(1.0, 2.0, "Grüße")]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (cue("99:99:99,999", "99:99:99,999"), "no such time"),
        (cue("00:00:05,000", "00:00:04,000"), "ends before it begins"),
        (cue("00:00:05,000", "00:00:05,000"), "has no length"),
        (cue("00:00:05,000", "00:00:06,000", ""), "is empty"),
        (cue("00:00:05,000", "00:00:06,000", "<i></i>"), "is empty but for markup"),
        (cue("00:00:05,000", "00:00:06,000", "x" * (MAX_CHARS + 1)), "is too long"),
        (cue("00:00:05,000", "00:00:06,000", "x" * 10_000_000), "is far too long"),
        ("nonsense --> more\nwords\n\n", "has no times"),
        (cue("-1:00:05,000", "00:00:06,000"), "begins before the beginning"),
        (cue("01:00:00,000", "01:00:01,000"), "begins after the end"),
    ],
)
def test_a_cue_that_cannot_be_is_left_out_and_counted(bad: str, why: str) -> None:
    good = cue("00:00:01,000", "00:00:02,000", "good")
    found = read(good + bad + cue("00:00:08,000", "00:00:09,000", "too"), duration_s=60.0)
    assert said(found) == [(1.0, 2.0, "good"), (8.0, 9.0, "too")], why
    assert found.dropped == 1, why


def test_scripts_and_escapes_become_text_or_nothing() -> None:
    evil = "<script>alert(1)</script> \x1b[31mred\x00 &lt;img src=x onerror=alert(1)&gt; \u202e"
    ((_, _, text),) = said(read(cue("00:00:01,000", "00:00:02,000", evil)))
    assert text == "alert(1) [31mred <img src=x onerror=alert(1)>"


def test_cues_that_overlap_are_cut_where_the_next_begins_and_those_at_once_are_joined() -> None:
    text = (
        cue("00:00:04,000", "00:00:08,000", "third")
        + cue("00:00:01,000", "00:00:05,000", "first")
        + cue("00:00:01,000", "00:00:03,000", "second")
    )
    found = read(text, duration_s=7.0)
    assert said(found) == [(1.0, 4.0, "second first"), (4.0, 7.0, "third")]
    assert found.dropped == 0


def test_so_many_cues_at_once_take_time_in_proportion() -> None:
    def took_s(count: int) -> float:
        cues = [{"start": 1.0, "end": 2.0, "text": f"{number} " + "x" * 1990} for number in range(count)]
        document = json.dumps({"segments": cues})
        began = time.process_time()
        (passage,) = read(document, ".json").passages
        took = time.process_time() - began
        assert len(passage.text) > count * 1990
        return took

    few, many = took_s(500), took_s(8_000)
    assert many < 45 * few, "16 times as many; with copies of copies it was 90 times"


def test_a_missing_empty_line_does_not_join_two_cues() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\none\n2\n00:00:03,000 --> 00:00:04,000\ntwo\n"
    assert [passage.text for passage in read(text).passages] == ["one", "two"]


def test_captions_that_roll_say_each_line_once_with_the_times_of_their_words() -> None:
    text = (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n \nhello<00:00:00.500><c> dear</c><00:00:01.000><c> world</c>\n\n"
        "00:00:02.000 --> 00:00:02.010\nhello dear world\n \n\n"
        "00:00:02.010 --> 00:00:04.000\nhello dear world\nhow<00:00:03.000><c> are you</c>\n\n"
        "00:00:04.000 --> 00:00:04.010\nhow are you\n \n\n"
    )
    found = read(text, ".vtt")
    assert [passage.text for passage in found.passages] == ["hello dear world", "how are you"]
    assert [tuple(word) for word in found.passages[0].words] == [
        (0.0, 0.5, "hello"),
        (0.5, 1.0, "dear"),
        (1.0, 2.0, "world"),
    ]
    assert [tuple(word) for word in found.passages[1].words] == [(2.01, 3.0, "how"), (3.0, 4.0, "are you")]


def test_somebody_who_says_the_same_twice_is_heard_twice() -> None:
    text = cue("00:00:01,000", "00:00:02,000", "No.") + cue("00:00:02,000", "00:00:03,000", "No.")
    text += "".join(cue(f"00:00:{n},000", f"00:00:{n},900", f"line {n}") for n in range(10, 20))
    assert [passage.text for passage in read(text).passages][:3] == ["No.", "No.", "line 10"]


WORDS = [{"word": " Good", "start": 1.0, "end": 1.4}, {"word": " evening.", "start": 1.4, "end": 2.0}]


@pytest.mark.parametrize(
    "document",
    [
        {"language": "en", "segments": [{"start": 1.0, "end": 2.0, "text": " Good evening.", "words": WORDS}]},
        {
            "result": {"language": "en"},
            "transcription": [{"offsets": {"from": 1000, "to": 2000}, "text": " Good evening."}],
        },
        [{"start": 1, "end": 2, "text": "Good evening."}],
    ],
)
def test_the_json_of_every_whisper_is_read(document: object) -> None:
    found = read(json.dumps(document), ".json")
    assert said(found) == [(1.0, 2.0, "Good evening.")]
    assert found.language == ("en" if isinstance(document, dict) else None)
    has_words = "words" in json.dumps(document)
    assert [word.text for word in found.passages[0].words] == (["Good", "evening."] if has_words else [])


@pytest.mark.parametrize(
    "segment",
    [
        7,
        {},
        {"start": 2, "end": 1, "text": "x"},
        {"start": True, "end": 2, "text": "x"},
        {"start": -1, "end": 2, "text": "x"},
        {"start": 1e300, "end": 1e301, "text": "x"},
        {"start": 1, "end": 10**400, "text": "x"},
        {"start": 1, "end": 2, "text": 5},
        {"start": 1, "end": 2, "text": "   "},
    ],
)
def test_a_segment_that_cannot_be_is_left_out_and_counted(segment: object) -> None:
    good = {"start": 3, "end": 4, "text": "good"}
    found = read(json.dumps({"segments": [segment, good]}), ".json")
    assert (said(found), found.dropped) == ([(3, 4, "good")], 1)


def test_words_that_say_something_else_than_their_segment_are_not_believed() -> None:
    segment = {"start": 1, "end": 2, "text": "Good night.", "words": WORDS}
    assert read(json.dumps({"segments": [segment]}), ".json").passages[0].words == ()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"", ".srt"),
        (b"just text", ".srt"),
        (b"WEBVTT\n\n", ".vtt"),
        (b"{", ".json"),
        (b"{}", ".json"),
        (b"[" * 100_000, ".json"),
        (b'{"segments": 5}', ".json"),
        (b"\xff\xfe\x00", ".srt"),
        (bytes(range(256)) * 50, ".srt"),
    ],
)
def test_what_holds_no_caption_is_refused(data: bytes, suffix: str) -> None:
    with pytest.raises(BadInput):
        read_captions(data, suffix)
