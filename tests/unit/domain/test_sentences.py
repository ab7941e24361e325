"""From segments to sentences: nothing is lost, numbers and times are right, and suspect parts stay apart."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Damaged
from core.domain.sentences import MAX_CHARACTERS, Text, Transcript, join, read_transcript
from tests.support.transcripts import WORD_S, transcript

lines = st.lists(st.text(alphabet="ab c.?!,-’é東ก", max_size=40), max_size=8)


def text_of(said: list[str], **options: Any) -> Text:
    return join(msgspec.convert(transcript(said, **options), Transcript))


def test_sentences_go_over_segments_and_several_stand_in_one() -> None:
    text = text_of(["We went to", "the river. It was cold. And", "then home."])
    assert [sentence.text for sentence in text.sentences] == ["We went to the river.", "It was cold.", "And then home."]
    assert [sentence.segment_ids for sentence in text.sentences] == [(0, 1), (1,), (1, 2)]
    assert [sentence.label for sentence in text.sentences] == ["S000000", "S000001", "S000002"]


def test_a_sentence_lasts_from_its_first_word_to_its_last() -> None:
    first, second = text_of(["One two three.", "Four five."]).sentences
    assert (first.start, first.end) == pytest.approx((0.0, 3 * WORD_S))
    assert (second.start, second.end) == pytest.approx((3 * WORD_S, 5 * WORD_S))


@pytest.mark.parametrize("said", ["Dr. Davies came.", "We met J. Smith today.", "It is small, e.g. a cat."])
def test_an_abbreviation_ends_no_sentence(said: str) -> None:
    assert len(text_of([said]).sentences) == 1


def test_a_suspect_segment_shares_no_sentence_with_its_neighbours() -> None:
    text = text_of(["We went", "thanks for watching", "to the river."], flags={1: ["repetition"]})
    assert [(sentence.text, sentence.suspect) for sentence in text.sentences] == [
        ("We went", False),
        ("thanks for watching", True),
        ("to the river.", False),
    ]
    assert [sentence.number for sentence in text.trusted] == [0, 2]


@pytest.mark.parametrize("sound", ["[Music]", "(applause) [Music]", "♪ la la ♪", "*coughs*", "...", "[BLANK_AUDIO]"])
def test_sounds_are_not_taken_for_speech(sound: str) -> None:
    assert text_of([sound]).trusted == ()


@pytest.mark.parametrize("said", ["(He) went.", "[Music] and then we talked", "2024", "(sighs) I know (laughs)"])
def test_speech_with_sounds_in_it_stays_speech(said: str) -> None:
    assert len(text_of([said]).trusted) == 1


def test_speech_without_punctuation_is_still_cut_into_sentences() -> None:
    text = text_of(["so we went on and on and nobody said stop"] * 60)
    assert len(text.sentences) > 10
    assert max(len(sentence.text) for sentence in text.sentences) <= MAX_CHARACTERS


def test_a_long_pause_ends_a_sentence() -> None:
    document = transcript(["and so we", "left the house"])
    for word in document["segments"][1]["words"]:
        word["start"] += 5
        word["end"] += 5
    assert len(join(msgspec.convert(document, Transcript)).sentences) == 2


def test_without_word_times_they_are_spread_over_the_segment() -> None:
    text = text_of(["aaaa bbbb cccc dddd"], words=False)
    assert [(word.start, word.end) for word in text.words][:2] == [
        pytest.approx((0.0, 4 / 19 * 4 * WORD_S)),
        pytest.approx((5 / 19 * 4 * WORD_S, 9 / 19 * 4 * WORD_S)),
    ]


def test_words_that_are_not_those_of_the_text_are_not_believed() -> None:
    document = transcript(["we do not agree"])
    document["segments"][0]["words"].pop(2)
    assert len(join(msgspec.convert(document, Transcript)).words) == 4


def test_a_script_without_spaces_is_read_by_its_characters() -> None:
    text = text_of(["川の水は冷たい。木が岸に影を落とすからだ。"], language="ja", words=False)
    assert [sentence.text for sentence in text.sentences] == ["川の水は冷たい。", "木が岸に影を落とすからだ。"]


@given(lines, st.booleans())
def test_the_sentences_are_the_whole_text_in_order(said: list[str], words: bool) -> None:
    text = text_of(said, words=words)
    assert " ".join(sentence.text for sentence in text.sentences).split() == " ".join(said).split()
    bounds = [(sentence.first, sentence.last) for sentence in text.sentences]
    assert [first for first, _ in bounds] == [0, *(last for _, last in bounds)][: len(bounds)]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"segments": [{"id": "0"}]}', b'{"segments": ["\\ud800"]}']
)
def test_a_file_that_is_no_transcript_is_damage(content: bytes) -> None:
    with pytest.raises(Damaged):
        read_transcript(content)
