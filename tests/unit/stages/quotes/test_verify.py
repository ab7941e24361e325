"""What a model offers as quotes is looked up in the transcript; only what was said is kept, as it was said."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import Stop
from core.domain.quotes import Index, Quote
from core.domain.sentences import Text, Transcript, join
from core.stages.language_offers import Answer, Offer
from core.stages.quotes.verify import verify
from tests.support.transcripts import TALK, transcript

SAID = "We do not think that the new dam would improve the situation for anybody."


def text_of(said: list[str], **options: Any) -> Text:
    return join(msgspec.convert(transcript(said, **options), Transcript))


def judged(text: Text, *offers: Offer) -> tuple[list[Quote], int]:
    answer = Answer(first=0, last=len(text.sentences) - 1, offers=offers, malformed=0, tokens=0)
    return verify([answer], text, Index(text), "aa", lambda: None)


def test_words_that_were_said_are_verified_with_their_place() -> None:
    (quote,), rejected = judged(text_of(TALK), Offer("S000005", "S000005", SAID, "it is clear"))
    assert (quote.text, quote.status, quote.score, quote.segment_ids) == (SAID, "verified", 1.0, (5,))
    assert (quote.why, quote.source, rejected) == ("it is clear", "llm", 0)


def test_other_punctuation_and_case_are_the_same_words_and_the_spoken_ones_are_shown() -> None:
    (quote,), _ = judged(text_of(TALK), Offer("S000005", "S000005", "“we do NOT think, that the new dam", ""))
    assert (quote.text, quote.status) == ("We do not think that the new dam", "verified")


def test_a_dropped_not_is_put_back() -> None:
    turned = "We do think that the new dam would improve the situation for anybody."
    (quote,), rejected = judged(text_of(TALK), Offer("S000005", "S000005", turned, ""))
    assert (quote.text, quote.status, rejected) == (SAID, "repaired", 0)
    assert 0.85 <= quote.score < 1.0


def test_of_two_places_nearly_so_said_the_one_named_is_taken_and_a_wrong_number_does_not_hide_it() -> None:
    said = [f"{SAID[:-1]} {when}." for when in ("today", "tomorrow")]
    text = text_of([said[0], *TALK[6:], *TALK[6:], said[1]])
    turned = SAID.replace("not ", "")
    for label, expected in (("S000000", 0), ("S000011", 11), ("S000005", 0)):
        (quote,), _ = judged(text, Offer(label, label, turned, ""))
        assert (quote.segment_ids, quote.status) == ((expected,), "repaired")


@pytest.mark.parametrize(
    "invented",
    [
        "Dams are the future of this country and its people.",
        "Salmon will never come back to this river again.",
        "We do all agree that the old mill should be sold to somebody.",
        "the river",
        "",
        "!!! ??? ...",
    ],
)
def test_an_invented_or_tiny_quote_is_rejected(invented: str) -> None:
    assert judged(text_of(TALK), Offer("S000005", "S000005", invented, "")) == ([], 1)


@pytest.mark.parametrize("label", ["S999999", "", "5", "S-1", "S０００００５", "../../etc", "S00000500000000000000"])
def test_a_wrong_number_does_not_harm_a_true_quote(label: str) -> None:
    (quote,), _ = judged(text_of(TALK), Offer(label, label, SAID, ""))
    assert (quote.text, quote.segment_ids) == (SAID, (5,))


def test_of_several_places_the_one_nearest_to_the_number_is_taken() -> None:
    text = text_of(["We will come back.", *TALK, "We will come back.", "Good night.", "We will come back."])
    (quote,), _ = judged(text, Offer("S000012", "S000012", "We will come back.", ""))
    assert quote.segment_ids == (12,)


def test_a_quote_in_a_suspect_segment_is_refused() -> None:
    text = text_of(TALK, flags={5: ["repetition"]})
    near = SAID.replace("not ", "")
    offers = [Offer("S000005", "S000005", said, "") for said in (SAID, near, f"{TALK[4]} {SAID}")]
    assert judged(text, *offers) == ([], 3)


def test_a_sound_place_is_taken_before_a_suspect_one() -> None:
    text = text_of([SAID, *TALK], flags={0: ["repetition"]})
    (quote,), _ = judged(text, Offer("S000000", "S000000", SAID, ""))
    assert quote.segment_ids == (6,)


def test_the_whole_transcript_is_no_quote() -> None:
    text = text_of([*TALK, *TALK[:1] * 3])
    assert judged(text, Offer("S000000", "S000010", " ".join(TALK), "")) == ([], 1)


def test_the_same_words_twice_are_one_quote_and_the_order_is_that_of_the_recording() -> None:
    offers = [Offer("S000008", "S000008", TALK[8], ""), Offer("S000005", "S000005", SAID, ""), Offer("", "", SAID, "x")]
    quotes, rejected = judged(text_of(TALK), *offers)
    assert [quote.text for quote in quotes] == [SAID, TALK[8]]
    assert rejected == 0


def test_a_stop_is_noticed_between_two_offers() -> None:
    def check() -> None:
        raise Stop

    text = text_of(TALK)
    with pytest.raises(Stop):
        verify([Answer(0, 10, (Offer("", "", SAID, ""),), 0, 0)], text, Index(text), "aa", check)


words = st.sampled_from([*" ".join(TALK).split(), "not", "never", "moon", "—", "Wales'"])
offered = st.builds(
    Offer,
    start_id=st.integers(0, 15).map(lambda number: f"S{number:06d}"),
    end_id=st.integers(0, 15).map(lambda number: f"S{number:06d}"),
    text=st.lists(words, max_size=20).map(" ".join)
    | st.integers(0, 10).flatmap(lambda at: st.sampled_from([TALK[at], TALK[at].replace(" the ", " a ")])),
    why=st.just(""),
)


@given(st.lists(offered, max_size=6), st.sets(st.integers(0, 10), max_size=3))
def test_whatever_is_offered_every_quote_kept_was_said_where_it_says(offers: list[Offer], suspect: set[int]) -> None:
    text = text_of(TALK, flags={number: ["repetition"] for number in suspect})
    quotes, rejected = judged(text, *offers)
    assert len(quotes) + rejected <= len(offers)
    for quote in quotes:
        segments = " ".join(TALK[number] for number in quote.segment_ids)
        assert quote.text in segments
        assert suspect.isdisjoint(quote.segment_ids)
        assert quote.start < quote.end
        assert (quote.status == "verified") == (quote.score == 1.0) or quote.score >= 0.85
