"""The lines that are kept up to date record by record are those that are made from nothing."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.lines import Lines, lines_of
from core.domain.run import Attempt, RunRecord
from core.domain.states import AttemptOutcome, BatchPhase, Phase, Want
from tests.support.records import NOW, USUAL, a_batch, a_run

LANE_OF = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}


@st.composite
def some_run(draw: st.DrawFn) -> RunRecord:
    number, done = draw(st.integers(0, 9)), draw(st.integers(0, 3))
    phase = draw(st.sampled_from(Phase))
    working = USUAL[done] if phase == Phase.RUNNING and draw(st.booleans()) else None
    run = a_run(
        phase,
        draw(st.sampled_from(Want)),
        done=USUAL[:done],
        working=working,
        run_id=f"r_{number}",
        batch_id=f"b_{number % 3}",
        position=number,
        owner=draw(st.sampled_from(["ann", "bob"])),
        priority=draw(st.sampled_from([None, 1, 9])),
        front=draw(st.integers(0, 1)),
        duration_s=draw(st.sampled_from([None, 60.0, 600.0])),
        waits_for=draw(st.sampled_from([None, "download/k"])),
    )
    if working is None:
        ended = [
            Attempt(
                id=f"a_{place}",
                stage=stage,
                epoch=1,
                started_at=NOW,
                ended_at=NOW + timedelta(seconds=place),
                outcome=AttemptOutcome.COMMITTED,
            )
            for place, stage in enumerate(USUAL[:done])
        ]
        return replace(run, attempts=ended)
    return replace(run, attempts=[replace(run.attempts[0], probe=draw(st.sampled_from([None, "network llm"])))])


some_batch = st.builds(
    lambda number, phase, order, later: a_batch(
        phase,
        batch_id=f"b_{number}",
        created_at=NOW + timedelta(seconds=later),
        order=[f"r_{place * 3 + number}" for place in order],
    ),
    st.integers(0, 2),
    st.sampled_from([BatchPhase.RUNNING, BatchPhase.RUNNING, BatchPhase.PAUSED]),
    st.permutations(range(3)) | st.just([]),
    st.integers(0, 5),
)
change = some_run() | some_batch | st.sampled_from(["r_1", "r_5", "b_1"])


def told(lines: Lines) -> object:
    return (
        {lane: {rank: users for rank, users in ranks.items() if users} for lane, ranks in lines.lanes.items() if ranks},
        +lines.running_of_batch,
        +lines.running_of_user,
        +lines.probes,
        sorted(lines.shared),
        {lane: lines.given_s(lane) for lane in lines.lanes if lines.lanes[lane]},
        {
            (lane, user): lines.served_s(lane, user, NOW)
            for lane in ("network", "cpu", "api")
            for user in ("ann", "bob")
        },
    )


@given(st.lists(st.lists(change, max_size=6), max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_changes_the_lines_are_those_of_the_records(steps: list[list[RunRecord | BatchRecord | str]]) -> None:
    lines = Lines(LANE_OF)
    runs: dict[str, RunRecord] = {}
    batches: dict[str, BatchRecord] = {}
    for step in steps:
        read_runs, read_batches = {}, {}
        for one in step:
            if isinstance(one, RunRecord):
                runs[one.run_id] = read_runs[one.run_id] = one
            elif isinstance(one, BatchRecord):
                batches[one.batch_id] = read_batches[one.batch_id] = one
        lines.update(read_runs.values(), read_batches.values())
        for one in step:
            if not isinstance(one, str):
                continue
            if one in runs:
                del runs[one]
                lines.drop_run(one)
            elif one in batches:
                del batches[one]
                lines.drop_batch(one)
        assert told(lines) == told(lines_of(runs.values(), batches, LANE_OF))


def test_a_run_that_was_removed_has_no_place_in_the_order_of_its_batch_any_more() -> None:
    first, second, third = (a_run(run_id=f"r_{n}", position=n) for n in (1, 2, 3))
    batch = a_batch(order=["r_3", "r_1"])  # 3, 2, 1; without the first 2 comes before 3
    kept = Lines(LANE_OF)
    kept.update([first, second, third], [batch])
    assert [one.run_id for one in kept.lanes["network"][True, -5]["local:ann"]] == ["r_3", "r_2", "r_1"]
    kept.update([replace(first, removed=True)])
    assert [one.run_id for one in kept.lanes["network"][True, -5]["local:ann"]] == ["r_2", "r_3"]
    dropped = Lines(LANE_OF)
    dropped.update([first, second, third], [batch])
    dropped.drop_run("r_1")
    assert dropped.lanes == kept.lanes
