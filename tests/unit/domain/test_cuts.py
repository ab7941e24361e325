"""Cut lists stay sane whatever they are made of, and no moment is lost on the way to the cut timeline and back."""

import math
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cuts import CutList, Span, joined

moments = st.one_of(st.floats(-20, 120), st.sampled_from([math.inf, -math.inf, math.nan]))
any_spans = st.lists(st.builds(Span, moments, moments), max_size=12)
rates = st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(1000), 23.976, Fraction(1, 2)])


def test_what_is_kept_and_what_goes_make_up_the_whole() -> None:
    cuts = CutList.removing(10, [Span(2, 3), Span(5, 7)])
    assert cuts.kept == (Span(0, 2), Span(3, 5), Span(7, 10))
    assert cuts.removed == (Span(2, 3), Span(5, 7))
    assert (cuts.kept_s, cuts.removed_s) == (7, 3)


def test_spans_that_overlap_touch_or_leave_the_medium_are_made_sane() -> None:
    spans = [Span(8, 99), Span(-5, 1), Span(3, 4), Span(3.5, 5), Span(5, 6), Span(7, 6.5), Span(math.nan, 9)]
    assert CutList.keeping(10, spans).kept == (Span(0, 1), Span(3, 6), Span(8, 10))


def test_a_silence_longer_than_the_film_leaves_nothing() -> None:
    cuts = CutList.removing(4.04, [Span(-1, 3600)])
    assert (cuts.kept, cuts.removed, cuts.kept_s) == ((), (Span(0, 4.04),), 0)
    assert cuts.timeline().cut(2.0) == cuts.timeline().source(2.0) == 0.0


@pytest.mark.parametrize("duration", [0.0, -1.0, math.nan, math.inf])
def test_a_medium_without_a_length_has_nothing_to_keep(duration: float) -> None:
    assert CutList.keeping(duration, [Span(0, 1)]) == CutList(duration=0.0, kept=())
    assert CutList.whole(duration).removed == ()


def test_a_moment_that_was_cut_away_stands_at_the_join() -> None:
    line = CutList.removing(10, [Span(2, 3), Span(5, 7)]).timeline()
    assert [line.cut(at) for at in (-1, 0, 1.5, 2, 2.5, 3, 4, 6, 8, 10, 99)] == [0, 0, 1.5, 2, 2, 2, 3, 4, 5, 7, 7]
    assert [line.source(at) for at in (-1, 0, 1.5, 2, 3, 4, 5, 7, 99)] == [0, 0, 1.5, 3, 4, 7, 8, 10, 10]
    assert [line.holds(at) for at in (0, 2, 2.5, 3, 10)] == [True, False, False, True, False]


def test_a_span_is_what_is_left_of_it() -> None:
    line = CutList.removing(10, [Span(2, 3), Span(5, 7)]).timeline()
    assert line.span(Span(1, 8)) == Span(1, 5)
    assert line.span(Span(5.1, 6.9)) is None


def test_snapped_cuts_stand_on_frames_and_keep_what_was_kept() -> None:
    cuts = CutList.keeping(10, [Span(1.01, 2.0), Span(2.03, 3.001), Span(9.99, 10)]).snapped(Fraction(25))
    assert cuts.kept == (Span(1.0, 3.04), Span(9.96, 10))


def test_frames_that_begin_late_shift_the_borders() -> None:
    assert CutList.keeping(10, [Span(1.0, 2.0)]).snapped(25, origin=0.021).kept == (Span(0.981, 2.021),)


def test_a_cut_list_survives_being_written_down() -> None:
    cuts = CutList.removing(10, [Span(1 / 3, 2 / 3)])
    assert msgspec.json.decode(msgspec.json.encode(cuts), type=CutList) == cuts


def test_spans_a_short_gap_apart_can_be_made_one() -> None:
    assert list(joined([Span(3, 4), Span(0, 1), Span(1.2, 2)], gap=0.2)) == [Span(0, 2), Span(3, 4)]


@given(st.floats(0, 100), any_spans)
def test_any_spans_make_a_sane_list(duration: float, spans: list[Span]) -> None:
    cuts = CutList.removing(duration, spans)
    borders = [at for span in cuts.kept for at in (span.start, span.end)]
    assert borders == sorted(set(borders))
    assert all(0 <= at <= cuts.duration for at in borders)
    assert cuts.kept_s + cuts.removed_s == pytest.approx(cuts.duration)
    assert CutList.keeping(duration, cuts.kept) == cuts == CutList.removing(duration, cuts.removed)


@given(st.floats(0.1, 100), any_spans, st.lists(st.floats(0, 100), min_size=2, max_size=8))
def test_the_way_to_the_cut_timeline_and_back_loses_no_kept_moment(
    duration: float, spans: list[Span], times: list[float]
) -> None:
    cuts = CutList.removing(duration, spans)
    line = cuts.timeline()
    there = [line.cut(at) for at in sorted(times)]
    assert there == sorted(there)
    assert all(0 <= at <= cuts.kept_s + 1e-5 for at in there)
    assert all(line.source(line.cut(at)) == pytest.approx(at, abs=1e-4) for at in times if line.holds(at))


@given(st.floats(0.1, 100), any_spans, rates)
def test_snapping_never_loses_what_was_kept_and_is_done_once(
    duration: float, spans: list[Span], fps: Fraction | float
) -> None:
    cuts = CutList.removing(duration, spans)
    snapped = cuts.snapped(fps)
    line = snapped.timeline()
    slack = 0.011 / float(fps) + 2e-6
    assert all(line.holds(span.start + slack) or span.length <= 2 * slack for span in cuts.kept)
    assert snapped.removed_s <= cuts.removed_s + 2 * slack * (len(cuts.kept) + 1)
    assert snapped.snapped(fps) == snapped
