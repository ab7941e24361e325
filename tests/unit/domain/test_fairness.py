"""The promises of a fair queue: nobody gets much less than a share, nothing is left idle, and alone all is as plain."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.schedule import schedule
from core.domain.states import Phase
from tests.support.queueing import LANE, Lane

lengths = st.lists(st.integers(60, 3600).map(float), min_size=1, max_size=12)


@given(st.lists(st.integers(60, 3600).map(float), min_size=50, max_size=50), st.integers(60, 3600), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_who_brings_one_run_after_fifty_of_another_is_next(many: list[float], one: int, slots: int) -> None:
    lane = Lane(slots)
    lane.add("ann", *many)
    lane.claim()
    (mine,) = lane.add("bob", float(one))
    lane.end_next()
    assert lane.claim() == [mine]


@given(lengths, lengths, st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_while_two_wait_neither_is_ahead_by_more_than_one_run_of_each(
    of_ann: list[float], of_bob: list[float], slots: int
) -> None:
    lane = Lane(slots)
    lane.add("ann", *of_ann)
    lane.add("bob", *of_bob)
    lane.claim()
    while all(
        any(run.owner == user and run.phase == Phase.QUEUED for run in lane.runs.values()) for user in ("ann", "bob")
    ):
        assert abs(lane.given_s("ann") - lane.given_s("bob")) <= max(of_ann) + max(of_bob)
        lane.end_next()
        lane.claim()


def test_short_runs_of_one_and_long_runs_of_another_share_by_time_and_not_by_number() -> None:
    lane = Lane()
    lane.add("ann", *[3600.0] * 5)
    lane.add("bob", *[600.0] * 30)
    lane.work(times=7)
    assert [lane.runs[run].owner for run in lane.begun[:8]].count("ann") == 2


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", "cem"]), lengths), min_size=1, max_size=4), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_no_worker_is_idle_while_anyone_waits_and_everyone_is_served(
    batches: list[tuple[str, list[float]]], slots: int
) -> None:
    lane = Lane(slots)
    for user, theirs in batches:
        lane.add(user, *theirs)
    total = sum(len(theirs) for _, theirs in batches)
    while len(lane.begun) < total:
        lane.claim()
        working = sum(run.phase == Phase.RUNNING for run in lane.runs.values())
        assert working == min(slots, total - len(lane.begun) + working)
        lane.end_next()
    assert sorted(lane.begun) == sorted(lane.runs)


@given(st.lists(lengths, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_one_user_alone_is_served_in_plain_order(batches: list[list[float]]) -> None:
    lane = Lane()
    added = [run for theirs in batches for run in lane.add("ann", *theirs)]
    lane.work()
    assert lane.begun == added


@given(lengths, lengths)
@settings(max_examples=30, deadline=None)
def test_priority_beats_fairness(of_ann: list[float], of_bob: list[float]) -> None:
    lane = Lane()
    lane.add("ann", *of_ann)
    urgent = lane.add("bob", *of_bob, priority=9)
    lane.work()
    assert lane.begun[: len(urgent)] == urgent


@given(lengths, lengths, st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_the_same_records_in_any_order_give_the_same_claims(
    of_ann: list[float], of_bob: list[float], ended: int
) -> None:
    lane = Lane(2)
    lane.add("ann", *of_ann)
    lane.add("bob", *of_bob)
    lane.work(times=ended)
    lane.end_next()
    before = schedule(lane.situation())
    lane.runs = dict(reversed(lane.runs.items()))
    lane.batches = dict(reversed(lane.batches.items()))
    assert schedule(lane.situation()) == before


def test_a_run_of_unknown_length_costs_what_the_known_ones_do_on_the_average() -> None:
    lane = Lane()
    lane.add("ann", 100.0, 300.0)
    (unknown,) = lane.add("bob", 0.0)
    lines = lane.situation().make_lines()
    waiting = lines.waiting(unknown)
    assert waiting is not None
    assert lines.cost_s(waiting) == 200.0
    assert lane.situation().lanes == {LANE: 1}


def test_what_was_given_before_the_other_came_is_not_held_against_anyone() -> None:
    lane = Lane()
    lane.add("ann", *[600.0] * 20)
    lane.work(times=10)
    lane.add("bob", *[600.0] * 20)
    at = len(lane.begun)
    lane.work(times=8)
    owners = [lane.runs[run].owner for run in lane.begun[at : at + 8]]
    assert owners == ["bob", "ann"] * 4
