"""What a model offers as highlights is looked up in the transcript; only what was said is kept, as it was said."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Stop
from core.domain.passages import MOST_S
from core.domain.quotes import Index
from core.domain.sentences import Text, Transcript, join
from core.stages.highlights.ask import Pick
from core.stages.highlights.verify import MOST_SENTENCES, Chosen, verify
from core.stages.language_offers import Answer
from tests.support.transcripts import TALK, transcript

SAID = TALK[5]


def text_of(said: list[str], **options: Any) -> Text:
    return join(msgspec.convert(transcript(said, **options), Transcript))


def pick(start: str, end: str, text: str = SAID, why: str = "clear", rating: float = 8) -> Pick:
    return Pick(start_id=start, end_id=end, text=text, why=why, rating=rating)


def judged(text: Text, *picks: Pick, shown: tuple[int, int] | None = None) -> tuple[list[Chosen], int]:
    first, last = shown or (0, len(text.sentences) - 1)
    answer = Answer(first=first, last=last, offers=picks, malformed=0, tokens=0)
    return verify([answer], text, Index(text), lambda: None)


def test_a_passage_whose_telling_sentence_was_said_is_taken_as_named() -> None:
    assert judged(text_of(TALK), pick("S000004", "S000006")) == ([Chosen(4, 6, "verified", "clear", 0.8)], 0)


def test_a_telling_sentence_that_is_nearly_right_makes_the_passage_a_repaired_one() -> None:
    assert judged(text_of(TALK), pick("S000004", "S000006", SAID.replace("not ", "")))[0] == [
        Chosen(4, 6, "repaired", "clear", 0.8)
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("S000000", "S000002"),  # it was said elsewhere
        ("S000006", "S000004"),  # backwards
        ("S999999", "S999999"),
        ("S000004", "S999999"),
        ("", ""),
        ("S-1", "4; drop table"),
        ("S０００００４", "S000006"),
    ],
)
def test_wrong_or_forged_numbers_leave_only_the_sentence_that_was_said(start: str, end: str) -> None:
    assert judged(text_of(TALK), pick(start, end)) == ([Chosen(5, 5, "repaired", "clear", 0.8)], 0)


def test_numbers_of_sentences_the_model_was_not_shown_do_not_count() -> None:
    chosen, _ = judged(text_of(TALK), pick("S000004", "S000008"), shown=(0, 6))
    assert chosen == [Chosen(5, 5, "repaired", "clear", 0.8)]


@pytest.mark.parametrize("invented", ["We will build a dam of gold next year.", "", "the river", "!!!", "S000005"])
def test_what_was_not_said_is_rejected_whatever_it_is_numbered(invented: str) -> None:
    assert judged(text_of(TALK), pick("S000004", "S000006", invented)) == ([], 1)


def test_a_suspect_sentence_is_not_taken_in_and_cannot_be_the_telling_one() -> None:
    text = text_of(TALK, flags={6: ["repetition"]})
    assert judged(text, pick("S000004", "S000008"))[0] == [Chosen(4, 5, "verified", "clear", 0.8)]
    assert judged(text, pick("S000004", "S000008", TALK[6])) == ([], 1)


def test_too_much_is_cut_down_round_the_telling_sentence() -> None:
    text = text_of([*TALK, *(line.replace("river", "lake") for line in TALK * 4)])
    (chosen,), _ = judged(text, pick("S000000", f"S{len(text.sentences) - 1:06d}"))
    assert chosen.first <= 5 <= chosen.last
    assert chosen.last - chosen.first + 1 <= MOST_SENTENCES
    assert text.sentences[chosen.last].end - text.sentences[chosen.first].start <= MOST_S


@pytest.mark.parametrize(("rating", "share"), [(-3, 0.1), (0, 0.1), (10, 1.0), (1e9, 1.0), (7.5, 0.75)])
def test_a_rating_out_of_range_is_brought_into_it(rating: float, share: float) -> None:
    assert judged(text_of(TALK), pick("S000004", "S000006", rating=rating))[0][0].rating == share


def test_a_stop_is_noticed_between_two_offers() -> None:
    def check() -> None:
        raise Stop

    text = text_of(TALK)
    with pytest.raises(Stop):
        verify([Answer(0, 10, (pick("", ""),), 0, 0)], text, Index(text), check)


labels = st.integers(-1, 15).map(lambda number: f"S{number:06d}")
words = st.sampled_from([*" ".join(TALK).split(), "moon"])


@given(
    st.lists(st.builds(Pick, labels, labels, st.lists(words, max_size=12).map(" ".join), st.just(""), st.floats(0, 11)))
)
def test_whatever_is_offered_what_is_kept_are_sentences_of_the_recording(picks: list[Pick]) -> None:
    text = text_of(TALK)
    chosen, rejected = judged(text, *picks)
    assert len(chosen) + rejected == len(picks)
    assert all(0 <= one.first <= one.last < len(text.sentences) and 0.1 <= one.rating <= 1.0 for one in chosen)
