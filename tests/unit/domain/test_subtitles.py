"""Text and subtitles: line lengths, clocks, and spoken text that looks like markup."""

import itertools
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.domain import subtitles


def transcript(*segments: tuple[float, float, str]) -> dict[str, Any]:
    made = []
    for number, (start, end, text) in enumerate(segments):
        said = text.split()
        each = (end - start) / len(said)
        words = [
            {"word": f" {word}", "start": round(start + n * each, 3), "end": round(start + (n + 1) * each, 3)}
            for n, word in enumerate(said)
        ]
        made.append({"id": number, "start": start, "end": end, "text": text, "words": words, "flags": []})
    return {"language": "en", "duration": segments[-1][1] if segments else 0.0, "model": "m", "segments": made}


def test_an_empty_transcript_is_valid_in_every_format() -> None:
    empty = transcript()

    assert subtitles.as_txt(empty) == ""
    assert subtitles.as_srt(empty) == ""
    assert subtitles.as_vtt(empty) == "WEBVTT\n"


def test_text_is_one_segment_a_line() -> None:
    assert subtitles.as_txt(transcript((0, 1, "One."), (1, 2, "Two."))) == "One.\nTwo.\n"


def test_subrip_has_a_comma_and_web_vtt_a_point_and_hours() -> None:
    made = transcript((3661.5, 3662.75, "Good evening."))

    assert subtitles.as_srt(made) == "1\n01:01:01,500 --> 01:01:02,750\nGood evening.\n"
    assert subtitles.as_vtt(made) == "WEBVTT\n\n01:01:01.500 --> 01:01:02.750\nGood evening.\n"


def test_two_lines_are_about_equally_long() -> None:
    (cue,) = subtitles.cues(transcript((0, 5, "The river begins in the hills above the town of stone.")))

    assert cue.lines == ("The river begins in the hills", "above the town of stone.")


def test_a_short_cue_stays_for_a_second_where_nothing_follows() -> None:
    alone, _ = subtitles.cues(transcript((1.0, 1.2, "Yes."), (8.0, 9.5, "We know it.")))
    hurried, _ = subtitles.cues(transcript((1.0, 1.2, "Yes."), (1.5, 3.5, "We know it.")))

    assert (alone.end, hurried.end) == (2.0, 1.5)


def test_spoken_markup_cannot_become_markup() -> None:
    made = transcript((0, 2, "a --> b <script>alert(1)</script> & {\\an8}"))

    vtt, srt = subtitles.as_vtt(made), subtitles.as_srt(made)
    assert vtt.count("-->") == srt.count("-->") == 1
    assert "<" not in vtt
    assert "&lt;script&gt;" in vtt
    assert "&amp;" in vtt
    assert not set("<{}") & set(srt)


texts = st.lists(st.text("abcdefghij ,.", min_size=1).filter(str.strip), min_size=1, max_size=5)


@given(texts, st.floats(0.5, 20))
def test_cues_fit_their_lines_keep_every_character_and_never_overlap(lines: list[str], each: float) -> None:
    made = transcript(*((n * each, (n + 1) * each, text) for n, text in enumerate(lines)))

    cues = subtitles.cues(made)

    assert all(0 < len(cue.lines) <= 2 and all(len(line) <= 42 for line in cue.lines) for cue in cues)
    assert all(cue.start <= cue.end for cue in cues)
    assert all(before.end <= after.start + 1e-9 for before, after in itertools.pairwise(cues))
    spoken = re.sub(r"\s", "", "".join(lines))
    assert re.sub(r"\s", "", "".join(line for cue in cues for line in cue.lines)) == spoken


def test_a_word_without_end_is_broken_and_nothing_of_it_is_lost() -> None:
    made = transcript((0, 5, "x" * 200))

    shown = "".join(line for cue in subtitles.cues(made) for line in cue.lines)

    assert all(len(line) <= 42 for cue in subtitles.cues(made) for line in cue.lines)
    assert shown == "x" * 200


def test_a_segment_whose_words_are_not_known_shares_its_time_among_them() -> None:
    made = transcript((10.0, 14.0, "one two three four"))
    made["segments"][0]["words"] = []
    (cue,) = subtitles.cues(made)
    assert (cue.start, cue.end, cue.lines) == (10.0, 14.0, ("one two three four",))


def test_a_long_segment_whose_words_are_not_known_becomes_several_subtitles() -> None:
    made = transcript((0.0, 30.0, "word " * 60))
    made["segments"][0]["words"] = []
    found = subtitles.cues(made)
    assert len(found) > 2
    assert all(len(line) <= 42 for cue in found for line in cue.lines)
    assert " ".join(line for cue in found for line in cue.lines).split() == ["word"] * 60


def test_other_passages_are_subtitles_too() -> None:
    passages = [(5.0, 6.0, "second"), (1.0, 5.5, "first --> <b>")]
    assert subtitles.passages_srt(passages) == (
        "1\n00:00:01,000 --> 00:00:05,000\nfirst → ‹b›\n\n2\n00:00:05,000 --> 00:00:06,000\nsecond\n"
    )
