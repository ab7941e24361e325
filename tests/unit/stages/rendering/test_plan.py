"""Which frames go into which group."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cuts import Span
from core.stages.rendering.media import Media
from core.stages.rendering.plan import GROUP_PIECES, GROUP_S, make_plan
from core.stages.rendering.spec import Spec
from tests.unit.stages.rendering.test_spec import PICTURE

TALK = Media(path="/talk.mp4", container="mp4", demuxer="mov", duration=3600.0, start=0.0, picture=PICTURE)
TIMES = st.floats(min_value=-10, max_value=3700, allow_nan=False)


def test_a_whole_hour_is_made_in_minutes() -> None:
    plan = make_plan(TALK, [Span(0.0, 3600.0)], Spec())
    assert [group.frames for group in plan.groups] == [1500] * 60
    assert sum(group.cuts for group in plan.groups) == 1


def test_many_cuts_are_made_fifty_at_a_time() -> None:
    plan = make_plan(TALK, [Span(second, second + 0.5) for second in range(120)], Spec())
    assert [len(group.pieces) for group in plan.groups] == [50, 50, 20]


def test_a_long_gap_begins_a_new_group() -> None:
    plan = make_plan(TALK, [Span(0.0, 1.0), Span(2.0, 3.0), Span(1000.0, 1001.0)], Spec())
    assert [len(group.pieces) for group in plan.groups] == [2, 1]


@given(st.lists(st.tuples(TIMES, TIMES).map(lambda pair: Span(min(pair), max(pair))), min_size=1, max_size=80))
def test_groups_together_are_what_is_kept_each_frame_once_and_in_order(spans: list[Span]) -> None:
    try:
        plan = make_plan(TALK, spans, Spec())
    except ValueError:
        shortest = 1e-5  # cut lists count in millionths of a second
        assert not any(min(span.end, 3600.0) - max(0.0, span.start) > shortest for span in spans)
        return
    frames = [piece for group in plan.groups for piece in group.pieces]
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(frames))
    assert sum(end - start for start, end in frames) == plan.frames == sum(end - start for start, end in plan.kept)
    assert sum(group.cuts for group in plan.groups) == len(plan.kept)
    assert all(len(group.pieces) <= GROUP_PIECES and group.frames <= GROUP_S * 25 for group in plan.groups)


def test_the_place_of_a_file_is_no_part_of_its_plan_but_its_facts_are() -> None:
    moved = msgspec.structs.replace(TALK, path="/elsewhere.mp4")
    longer = msgspec.structs.replace(TALK, duration=3601.0)
    plans = [make_plan(media, [Span(0.0, 9.0)], Spec()).id for media in (TALK, moved, longer)]
    assert plans[0] == plans[1] != plans[2]


def test_a_group_is_drawn_in_strands_of_as_many_frames_which_begin_and_end_anywhere() -> None:
    small = msgspec.structs.replace(TALK, picture=msgspec.structs.replace(PICTURE, width=1280, height=720))
    group = make_plan(small, [Span(second, second + 1.4) for second in range(0, 100, 2)], Spec()).groups[0]
    assert [strand.frames for strand in group.strands] == [437, 437, 438, 438]
    assert [len(strand.pieces) for strand in group.strands] == [13, 13, 14, 13]
    assert group.pieces[12:14] == ((600, 617), (617, 635))


@pytest.mark.parametrize(
    ("seconds", "spec", "strands"),
    [
        (7.0, Spec(), 1),
        (17.0, Spec(), 2),
        (40.0, Spec(), 2),
        (40.0, Spec(video="vp9"), 1),
    ],
)
def test_short_groups_and_large_pictures_are_drawn_in_fewer_strands(seconds: float, spec: Spec, strands: int) -> None:
    (group,) = make_plan(TALK, [Span(10.0, 10.0 + seconds)], spec).groups
    assert len(group.strands) == strands
