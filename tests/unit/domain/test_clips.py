"""Which clip is meant by what somebody asks for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.clips import MOST_S, Recorded, clip_of, seconds_of
from core.domain.cuts import CutList, Span
from core.domain.errors import BadInput, NotFound
from core.domain.highlights import Highlight, Highlights, cut_list, highlight_id
from core.domain.quotes import Quote
from core.domain.sentences import Transcript, join
from tests.support.transcripts import TALK, transcript

SPANS = [(10.0, 20.0), (60.0, 75.0), (80.0, 90.0)]
FOUND = tuple(
    Highlight(
        highlight_id=highlight_id("aa", start, end),
        start=start,
        end=end,
        text="",
        segment_ids=(),
        score=0.5,
        reason="",
        status="verified",
        source="extractive",
    )
    for start, end in SPANS
)
QUOTE = Quote(
    quote_id="q_" + "0" * 20,
    text="",
    start=30.0,
    end=33.0,
    segment_ids=(),
    status="verified",
    score=1.0,
    why="",
    source="llm",
)
RECORDED = Recorded(
    duration=100.0,
    highlights=Highlights(highlights=FOUND, cuts=cut_list(FOUND, 100.0)),
    quotes=(QUOTE,),
)


@pytest.mark.parametrize("wanted", ["2", "h2", " H2 ", FOUND[1].highlight_id])
def test_a_highlight_is_named_by_its_number_or_its_id(wanted: str) -> None:
    clip = clip_of(wanted, RECORDED)
    assert clip.name == "highlight 2"
    assert clip.kept.kept == (Span(59.75, 75.4),)


@pytest.mark.parametrize("wanted", ["q1", "Q1", QUOTE.quote_id])
def test_a_quote_is_named_by_its_number_or_its_id(wanted: str) -> None:
    clip = clip_of(wanted, RECORDED)
    assert (clip.name, clip.kept.kept) == ("quote 1", (Span(29.75, 33.4),))


def test_a_reel_is_all_highlights_one_after_another() -> None:
    clip = clip_of("reel", RECORDED)
    assert clip.kept.kept == (Span(9.75, 20.4), Span(59.75, 75.4), Span(79.75, 90.4))
    assert clip.seconds == pytest.approx(36.95)


@pytest.mark.parametrize(
    ("wanted", "span", "name"),
    [
        ("65-80.5", Span(65.0, 80.5), "clip 1.05-1.20"),
        ("1:05-1:20.5", Span(65.0, 80.5), "clip 1.05-1.20"),
        ("0:01:05-0:01:20", Span(65.0, 80.0), "clip 1.05-1.20"),
        ("90-500", Span(90.0, 100.0), "clip 1.30-8.20"),
    ],
)
def test_any_stretch_is_named_by_its_times_and_ends_with_the_recording(wanted: str, span: Span, name: str) -> None:
    clip = clip_of(wanted, RECORDED)
    assert (clip.kept.kept, clip.name) == ((span,), name)


@pytest.mark.parametrize("wanted", ["80-65", "100-120", "5-5", "0-0.05"])
def test_a_stretch_with_nothing_in_it_is_refused(wanted: str) -> None:
    with pytest.raises(BadInput, match="lasts 100"):
        clip_of(wanted, RECORDED)


@pytest.mark.parametrize(
    "wanted", ["", "x", "3;ls", "../../etc/passwd", "h", "q_zz", "1-2-3", "-5-10", "٣", "1e3-1e4", "nan-inf"]
)
def test_what_means_no_clip_is_refused_with_what_would(wanted: str) -> None:
    with pytest.raises(BadInput) as caught:
        clip_of(wanted, RECORDED)
    assert "reel" in caught.value.hint


@pytest.mark.parametrize("wanted", ["0", "4", "h9999", "q2", "q0", "h_" + "f" * 20, "q_" + "f" * 20])
def test_a_highlight_or_quote_that_is_not_there_is_not_found(wanted: str) -> None:
    with pytest.raises(NotFound):
        clip_of(wanted, RECORDED)


@pytest.mark.parametrize("wanted", ["1", "q1", "reel", FOUND[0].highlight_id])
def test_of_a_run_without_highlights_and_quotes_only_stretches_can_be_had(wanted: str) -> None:
    bare = Recorded(duration=100.0)
    with pytest.raises(NotFound):
        clip_of(wanted, bare)
    assert clip_of("1-2", bare).seconds == 1.0


def test_a_reel_of_nothing_is_not_found() -> None:
    empty = Highlights(highlights=(), cuts=CutList.keeping(100.0, ()))
    with pytest.raises(NotFound):
        clip_of("reel", msgspec.structs.replace(RECORDED, highlights=empty))


def test_half_a_film_is_no_clip() -> None:
    long = Recorded(duration=3 * MOST_S)
    assert clip_of(f"0-{MOST_S:.0f}", long).seconds == MOST_S
    with pytest.raises(BadInput, match="30 minutes"):
        clip_of(f"0-{MOST_S + 1:.0f}", long)


def test_a_clip_of_a_quote_does_not_begin_in_the_word_before_it() -> None:
    text = join(msgspec.convert(transcript(TALK), Transcript))
    said = text.sentences[2]
    quote = msgspec.structs.replace(QUOTE, start=round(said.start, 3), end=round(said.end, 3))
    clip = clip_of("q1", msgspec.structs.replace(RECORDED, quotes=(quote,), text=text))
    assert clip.kept.kept == (Span(quote.start, quote.end),)


@given(st.text(max_size=30))
def test_whatever_is_asked_for_is_a_clip_inside_the_recording_or_refused(wanted: str) -> None:
    try:
        clip = clip_of(wanted, RECORDED)
    except (BadInput, NotFound):
        return
    assert clip.kept.kept
    assert 0.0 <= clip.kept.kept[0].start < clip.kept.kept[-1].end <= 100.0


def test_times_are_read_as_players_show_them() -> None:
    assert [seconds_of(text) for text in ("80", "1:20", "1:01:20.5")] == [80.0, 80.0, 3680.5]
