"""Comparing words and finding them again."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.quotes import Index, make_quote, tokens
from core.domain.sentences import Transcript, join
from tests.support.transcripts import TALK, transcript


def index_of(said: list[str], **options: Any) -> Index:
    return Index(join(msgspec.convert(transcript(said, **options), Transcript)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don’t stop!", "dont stop"),
        ("a well-known—fact", "A well known fact"),
        ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("zero\u200bwidth", "zerowidth"),
        ("“quoted,” (he said)…", "quoted he said"),
        ("川の水は", "川 の 水 は"),
    ],
)
def test_the_same_words_are_the_same_however_they_are_spelt(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(("one", "other"), [("not good", "good"), ("12", "13"), ("é", "e"), ("not able", "notable")])
def test_other_words_are_other_words(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


def test_words_are_found_at_every_place_where_they_stand() -> None:
    index = index_of(["we go home and", "we go out and we go home"])
    assert index.find(tokens("We go home")) == [0, 8]
    assert index.find(tokens("home we go")) == []
    assert index.find([]) == []


def test_a_word_of_several_tokens_is_shown_whole() -> None:
    index = index_of(["a very well-known old fact"])
    at = index.find(tokens("known old fact"))[0]
    assert index.text.span(*index.word_range(at, at + 3)) == "well-known old fact"


@given(st.data())
def test_every_span_of_a_transcript_is_found_in_it(data: st.DataObject) -> None:
    index = index_of(TALK)
    first = data.draw(st.integers(0, len(index.text.words) - 1))
    last = data.draw(st.integers(first + 1, min(first + 30, len(index.text.words))))
    wanted = tokens(index.text.span(first, last))
    assert (first, last) in [index.word_range(at, at + len(wanted)) for at in index.find(wanted)]


def test_a_quote_has_the_words_times_and_segments_of_its_span_and_an_id_of_its_own() -> None:
    text = index_of(TALK).text

    def quote(first: int, last: int, sha256: str = "aa") -> Any:
        return make_quote(
            text, first, last, transcript_sha256=sha256, status="verified", score=1, why="", source="extractive"
        )

    made = quote(2, 15)
    assert made.text == "the annual meeting of the river restoration project in Wales. My name is"
    assert (made.start, made.end, made.segment_ids) == (0.8, 6.0, (0, 1))
    assert made == quote(2, 15)
    assert len({made.quote_id, quote(2, 14).quote_id, quote(2, 15, "bb").quote_id}) == 3
