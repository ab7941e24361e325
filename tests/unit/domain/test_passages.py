"""What speaks for a sentence, and how passages grow round the weightiest ones."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.levels import STEP_S, Levels, byte_of
from core.domain.loudness import Loudness
from core.domain.passages import MOST_S, Passage, Weighed, passages, weigh
from core.domain.quotes import Index
from core.domain.sentences import Text, Transcript, join
from tests.support.transcripts import TALK, WORD_S, transcript

PLAIN = [f"The {colour} door stands near the wall of the garden today." for colour in ("red", "blue", "old", "new")]


def text_of(lines: Sequence[str], **options: Any) -> Text:
    return join(msgspec.convert(transcript(lines, **options), Transcript))


def weights(text: Text, *keywords: str, loudness: Loudness | None = None) -> dict[int, Weighed]:
    return weigh(text, Index(text), loudness, keywords, lambda: None)


def found(lines: Sequence[str], *keywords: str, **options: Any) -> tuple[Text, list[Passage]]:
    text = text_of(lines, **options)
    return text, passages(text, weights(text, *keywords), text.sentences[-1].end, lambda: None)


def test_a_sentence_with_an_own_keyword_weighs_more_than_any_sign_of_its_words() -> None:
    weighed = weights(text_of(TALK), "hectares")
    assert max(weighed, key=lambda number: weighed[number].weight) == 8
    assert weighed[8].keywords == ("hectares",)
    assert "mentions “hectares”" in weighed[8].reasons


@pytest.mark.parametrize(
    ("keyword", "places"),
    [
        ("SALMON", [2]),
        ("weir", [3, 6]),
        ("upper river", [2]),
        ("river-restoration", [0]),
        ("ri", []),
        ("farm", []),
        ("new", [5]),
        ("!!!", []),
        ("", []),
        ("=cmd|' /C calc'!A0", []),
    ],
)
def test_a_keyword_is_found_in_any_case_with_a_short_ending_and_never_inside_a_word(
    keyword: str, places: list[int]
) -> None:
    assert [number for number, one in weights(text_of(TALK), keyword).items() if one.keywords] == places


def test_what_is_louder_than_the_rest_says_so() -> None:
    text = text_of(PLAIN * 5)
    loud = text.sentences[10]
    steps = range(round(text.sentences[-1].end / STEP_S))
    heard = bytes(byte_of(-14.0 if loud.start <= step * STEP_S < loud.end else -20.0) for step in steps)
    weighed = weights(text, loudness=Loudness(Levels(peaks=heard, loudness=heard)))
    louder = [number for number, one in weighed.items() if "is louder than what is around it" in one.reasons]
    assert louder == [10]


def test_what_is_spoken_faster_than_the_rest_says_so() -> None:
    made = transcript(PLAIN * 5)
    at = 0.0
    for number, segment in enumerate(made["segments"]):
        word_s = WORD_S / 3 if number == 7 else WORD_S
        for word in segment["words"]:
            word["start"], word["end"], at = at, at + word_s, at + word_s
    text = join(msgspec.convert(made, Transcript))
    faster = [
        number for number, one in weights(text).items() if "is spoken faster than what is around it" in one.reasons
    ]
    assert faster == [7]


@pytest.mark.parametrize("sound", ["[Laughter]", "(Applause.)", "[audience cheering]", "*lautes Gelächter*"])
def test_laughter_and_applause_speak_for_what_was_said_before(sound: str) -> None:
    weighed = weights(text_of([*PLAIN[:2], f"{sound}", *PLAIN[2:]]))
    assert [n for n, one in weighed.items() if "is followed by laughter or applause" in one.reasons] == [1]


def test_speech_about_laughter_is_no_laughter() -> None:
    weighed = weights(text_of([*PLAIN, "There was much laughter and applause in the old house that day."]))
    assert not any("is followed by laughter or applause" in one.reasons for one in weighed.values())


def test_a_sentence_that_leans_on_the_one_before_takes_it_along() -> None:
    text, made = found(
        [*PLAIN * 4, "A stone fell into it.", "And that was the most important surprise of 1974.", *PLAIN * 4]
    )
    said = [text.span(text.sentences[one.first].first, text.sentences[one.last].last) for one in made]
    assert any("A stone fell into it. And that was" in passage for passage in said)


def test_suspect_segments_are_in_no_passage() -> None:
    text, made = found(TALK, flags={2: ["repetition"]})
    assert made
    assert not any(text.suspect(text.sentences[one.first].first, text.sentences[one.last].last) for one in made)


def test_a_passage_does_not_reach_over_a_long_pause() -> None:
    document = transcript(PLAIN)
    for segment in document["segments"][2:]:
        for word in segment["words"]:
            word["start"] += 30.0
            word["end"] += 30.0
    text = join(msgspec.convert(document, Transcript))
    made = passages(text, weights(text), 60.0, lambda: None)
    assert not any(one.first <= 1 < one.last for one in made)


lines = st.lists(st.sampled_from([*TALK, "Yes.", "[Laughter]", "no", "", "x" * 300]), min_size=1, max_size=40)


@given(lines, st.booleans())
def test_passages_are_trusted_neighbours_in_order_that_neither_overlap_nor_grow_too_long(
    said: list[str], words: bool
) -> None:
    text = text_of(said, words=words)
    made = passages(text, weights(text, "salmon"), 600.0, lambda: None)
    trusted = {sentence.number for sentence in text.trusted}
    for one in made:
        assert set(range(one.first, one.last + 1)) <= trusted
        length = text.sentences[one.last].end - text.sentences[one.first].start
        assert one.first == one.last or length <= MOST_S
        assert 0.0 <= one.score <= 1.0
    assert all(left.last < right.first for left, right in itertools.pairwise(made))
