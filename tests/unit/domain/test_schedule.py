import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.batch import BatchRecord, Pause, PoolRecord
from core.domain.run import RunRecord
from core.domain.schedule import Situation, schedule
from core.domain.states import BatchPhase, Phase, Want
from tests.support.records import NOW, USUAL, a_batch, a_run

LANES = {"network": 2, "cpu": 1, "api": 2}
LANE_OF = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}


def situation(runs: list[RunRecord], *batches: BatchRecord, **fields: Any) -> Situation:
    values = {
        "runs": {run.run_id: run for run in runs},
        "batches": {batch.batch_id: batch for batch in batches or (a_batch(),)},
        "pool": PoolRecord(),
        "free": LANES,
        "lanes": LANES,
        "lane_of": LANE_OF,
        "now": NOW,
    }
    return Situation(**(values | fields))


def claimed(*args: Any, **fields: Any) -> list[str]:
    return [claim.run_id for claim in schedule(situation(*args, **fields))]


def test_a_queued_run_is_claimed_for_its_first_stage_in_that_stages_lane() -> None:
    (claim,) = schedule(situation([a_run(done=("download",))]))
    assert (claim.run_id, claim.stage, claim.lane) == ("r_1", "transcribe", "cpu")


WAITING = {
    "a run that is to be paused": a_run(want=Want.PAUSE),
    "a run that is to be cancelled": a_run(want=Want.CANCEL),
    "a paused run": a_run(Phase.PAUSED),
    "a run between two tries": a_run(Phase.RETRY_WAIT, next_at=NOW, wait_s=2.0),
    "a run queued for later": a_run(next_at=NOW + timedelta(seconds=2), wait_s=2.0),
    "a run that is being worked on": a_run(Phase.RUNNING, working="download"),
    "a finished run": a_run(Phase.COMPLETED, done=USUAL),
    "a failed run that is to be retried": a_run(Phase.FAILED),
    "a run of a batch that was never completely added": a_run(batch_id="b_none"),
    "a run with nothing left to do": a_run(done=USUAL),
    "a run waiting for shared work": a_run(Phase.RUNNING, waits_for="download/k"),
}


@pytest.mark.parametrize("run", WAITING.values(), ids=WAITING.keys())
def test_not_claimed_is(run: RunRecord) -> None:
    assert claimed([run], shared_busy=frozenset({"download/k"})) == []


HELD: dict[str, dict[str, Any]] = {
    "the service is stopping": {"draining": True},
    "the disk is full": {"disk_low": True},
    "everything is paused": {"pool": PoolRecord(pause=Pause())},
    "no slot is free": {"free": {}},
}


@pytest.mark.parametrize("fields", HELD.values(), ids=HELD.keys())
def test_nothing_is_claimed_while(fields: dict[str, Any]) -> None:
    assert claimed([a_run()], **fields) == []


@pytest.mark.parametrize("phase", sorted(set(BatchPhase) - {BatchPhase.RUNNING}))
def test_nothing_of_a_batch_that_does_not_run_is_claimed(phase: BatchPhase) -> None:
    begun = a_run(Phase.RUNNING, run_id="r_2", done=("download",))
    assert claimed([a_run(), begun], a_batch(phase)) == []


def test_a_run_between_two_stages_goes_on() -> None:
    assert claimed([a_run(Phase.RUNNING, done=("download",))]) == ["r_1"]


def test_a_run_whose_shared_work_is_done_goes_on_and_only_one_of_several_is_woken() -> None:
    waiting = [a_run(Phase.RUNNING, run_id=f"r_{n}", waits_for="download/k") for n in range(3)]
    assert claimed(waiting) == ["r_0"]


def test_each_lane_has_its_own_slots_so_that_stages_of_different_runs_overlap() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n) for n in range(3)]
    runs += [a_run(Phase.RUNNING, run_id=f"r_{n}", position=n, done=("download",)) for n in (3, 4)]
    assert claimed(runs, a_batch(concurrency=5)) == ["r_3", "r_0", "r_1"]


def test_a_batch_begins_no_more_runs_than_its_concurrency() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_9", working="transcribe", done=("download",))]
    runs += [a_run(run_id=f"r_{n}", position=n) for n in range(3)]
    assert claimed(runs, a_batch(concurrency=2), free={"network": 5}) == ["r_0"]


def test_a_full_batch_does_not_keep_another_one_waiting() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_9", working="transcribe"), a_run()]
    other = a_run(run_id="r_2", batch_id="b_2")
    assert claimed([*runs, other], a_batch(concurrency=1), a_batch(batch_id="b_2")) == ["r_2"]


def test_the_order_is_begun_then_priority_then_front_then_batch_then_position() -> None:
    later = a_batch(batch_id="b_2", created_at=NOW + timedelta(seconds=1), concurrency=50)
    urgent = a_batch(batch_id="b_3", created_at=NOW + timedelta(seconds=2), priority=9, concurrency=50)
    runs = [
        a_run(run_id="second", position=2),
        a_run(run_id="other batch", batch_id="b_2", position=1),
        a_run(run_id="first", position=1),
        a_run(run_id="resumed", position=8, front=1),
        a_run(run_id="prior", position=9, priority=8),
        a_run(run_id="urgent", batch_id="b_3"),
        a_run(Phase.RUNNING, run_id="begun", position=10),
    ]
    order = claimed(runs, a_batch(concurrency=50), later, urgent, free={"network": 50})
    assert order == ["begun", "urgent", "prior", "resumed", "first", "second", "other batch"]


@given(
    st.lists(
        st.tuples(st.sampled_from(Phase), st.sampled_from(Want), st.integers(0, 3), st.integers(0, 2), st.booleans()),
        max_size=30,
    ),
    st.dictionaries(st.sampled_from(sorted(LANES)), st.integers(0, 3)),
    st.integers(1, 3),
)
@settings(max_examples=100)
def test_no_slot_or_place_is_given_twice_and_none_is_left_free_while_someone_could_use_it(
    rows: list[tuple[Phase, Want, int, int, bool]], free: dict[str, int], concurrency: int
) -> None:
    runs = []
    for number, (phase, want, done, of, works) in enumerate(rows):
        working = USUAL[done] if works and phase == Phase.RUNNING else None
        fields = {"run_id": f"r_{number}", "batch_id": f"b_{of}", "position": number}
        runs.append(a_run(phase, want, done=USUAL[:done], working=working, **fields))
    batches = [a_batch(batch_id=f"b_{n}", concurrency=concurrency) for n in range(3)]
    now = situation(runs, *batches, free=free)
    claims = schedule(now)
    assert len({claim.run_id for claim in claims}) == len(claims)
    used = {lane: sum(claim.lane == lane for claim in claims) for lane in LANES}
    assert all(used[lane] <= free.get(lane, 0) for lane in LANES)
    chosen = {claim.run_id for claim in claims}
    running = {
        batch.batch_id: sum(
            run.batch_id == batch.batch_id and (run.phase == Phase.RUNNING or run.run_id in chosen) for run in runs
        )
        for batch in batches
    }
    new = [now.runs[claim.run_id] for claim in claims if now.runs[claim.run_id].phase == Phase.QUEUED]
    assert all(running[run.batch_id] <= concurrency for run in new)
    for run in runs:
        if run.run_id in chosen or run.intent.want != Want.RUN or run.open_attempt is not None:
            continue
        lane = LANE_OF[run.next_stage or "download"]
        if run.phase == Phase.RUNNING or (run.phase == Phase.QUEUED and running[run.batch_id] < concurrency):
            assert used[lane] == free.get(lane, 0), f"{run.run_id} could have started"


def test_ten_thousand_runs_are_scheduled_within_half_a_second_of_processor_time() -> None:
    batches = [a_batch(batch_id=f"b_{n}", concurrency=5) for n in range(200)]
    runs = [a_run(run_id=f"r_{n}", batch_id=f"b_{n % 200}", position=n) for n in range(10_000)]
    now = situation(runs, *batches)
    started = time.process_time()
    assert len(schedule(now)) == 2
    assert time.process_time() - started < 0.5
