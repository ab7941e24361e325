"""Which highlights are taken, and what a clip and a reel of them show."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cuts import Span
from core.domain.errors import Damaged
from core.domain.highlights import (
    SENSITIVITIES,
    Highlight,
    clip_span,
    cut_list,
    highlight_id,
    read_highlights,
    taken,
)
from core.domain.sentences import Text, Transcript, join
from tests.support.transcripts import transcript


def a_highlight(start: float, end: float, score: float = 0.9) -> Highlight:
    return Highlight(
        highlight_id=highlight_id("aa", start, end),
        start=start,
        end=end,
        text="",
        segment_ids=(),
        score=score,
        reason="",
        status="verified",
        source="extractive",
    )


def text_of(*lines: str) -> Text:
    return join(msgspec.convert(transcript(lines), Transcript))


spans = st.tuples(st.floats(0, 590), st.floats(1, 10), st.floats(0, 1)).map(
    lambda drawn: a_highlight(round(drawn[0], 2), round(drawn[0] + drawn[1], 2), round(drawn[2], 2))
)


@given(st.lists(spans, max_size=60))
def test_what_a_lower_sensitivity_takes_a_higher_one_takes_too(found: list[Highlight]) -> None:
    before: set[str] = set()
    for sensitivity in SENSITIVITIES:
        now = taken(found, sensitivity, 600.0)
        assert before <= {one.highlight_id for one in now}
        assert bool(now) == bool(found)
        assert [one.start for one in now] == sorted(one.start for one in now)
        assert all(left.end <= right.start for left, right in itertools.pairwise(now))
        before = {one.highlight_id for one in now}


def test_no_more_is_taken_than_the_sensitivity_allows() -> None:
    found = [a_highlight(10.0 * number, 10.0 * number + 9) for number in range(300)]
    counts = [len(taken(found, sensitivity, 3000.0)) for sensitivity in SENSITIVITIES]
    assert counts == [6, 12, 30, 80]
    assert len(taken(found, "max", 300.0)) == 16  # half of it, and no piece of one


def test_what_little_stands_out_is_taken_only_as_the_best_of_all() -> None:
    found = [a_highlight(0, 5, 0.2), a_highlight(10, 15, 0.3)]
    assert [one.start for one in taken(found, "max", 600.0)] == [10]
    assert taken([], "max", 600.0) == []


def test_of_two_that_overlap_the_better_one_is_taken() -> None:
    assert [one.start for one in taken([a_highlight(0, 10, 0.8), a_highlight(8, 18, 0.9)], "max", 600.0)] == [8]


def test_the_same_span_has_the_same_name_and_another_recording_another() -> None:
    assert highlight_id("aa", 1.0, 2.0) == highlight_id("aa", 1.0000001, 2.0)
    assert len({highlight_id("aa", 1.0, 2.0), highlight_id("bb", 1.0, 2.0), highlight_id("aa", 1.0, 2.1)}) == 3


def test_a_clip_has_a_margin_that_stays_inside_the_recording() -> None:
    assert clip_span(10.0, 12.0, 60.0) == Span(9.75, 12.4)
    assert clip_span(0.1, 59.9, 60.0) == Span(0.0, 60.0)


def test_a_clip_never_begins_or_ends_inside_a_word_beside_it() -> None:
    text = text_of("one two three four five.")  # 0.4 s each, without pauses
    assert clip_span(0.8, 1.2, 2.0, text) == Span(0.8, 1.2)
    assert clip_span(0.0, 0.4, 2.0, text) == Span(0.0, 0.4)
    spread = msgspec.convert(transcript(["one two."]), Transcript)
    said = spread.segments[0]
    words = (said.words[0], msgspec.structs.replace(said.words[1], start=0.6, end=0.9))
    late = msgspec.structs.replace(spread, segments=(msgspec.structs.replace(said, words=words),))
    assert clip_span(0.0, 0.4, 5.0, join(late)) == Span(0.0, 0.5)
    assert clip_span(0.6, 0.9, 5.0, join(late)) == Span(0.5, 1.3)


def test_a_reel_is_a_cut_list_of_the_clips() -> None:
    cuts = cut_list([a_highlight(10, 12), a_highlight(12.2, 14), a_highlight(58, 60)], 60.0)
    assert cuts.kept == (Span(9.75, 14.4), Span(57.75, 60.0))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"highlights": 5}'])
def test_what_is_no_file_of_highlights_is_told_as_damage(content: bytes) -> None:
    with pytest.raises(Damaged):
        read_highlights(content)
