from datetime import timedelta
from typing import Any

import pytest

from core.domain.estimate import Estimate, Rates, Spread, estimate_run, estimate_runs, measured_rates
from core.domain.plan import PIPELINE
from core.domain.run import Attempt, RunRecord
from core.domain.states import AttemptOutcome, Phase
from tests.support.records import NOW, a_run

LANES = {"network": 2, "cpu": 1, "api": 2}
LANE_OF = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}


def exactly(value: float) -> Spread:
    return Spread(low=value, high=value)


RATES = Rates(
    stages={"download": exactly(0.1), "transcribe": exactly(0.5), "quotes": exactly(0.05), "summary": exactly(0.05)},
    media_s=exactly(200.0),
)


def finished(took_s: dict[str, float], duration_s: float = 100.0, **fields: Any) -> RunRecord:
    """A completed run whose stages took so long."""
    attempts = [
        Attempt(
            id=f"a_{stage}",
            stage=stage,
            epoch=1,
            started_at=NOW,
            ended_at=NOW + timedelta(seconds=seconds),
            outcome=AttemptOutcome.COMMITTED,
        )
        for stage, seconds in took_s.items()
    ]
    return a_run(Phase.COMPLETED, done=PIPELINE, attempts=attempts, duration_s=duration_s, **fields)


def test_what_is_left_is_the_media_length_times_the_rate_of_each_stage_left() -> None:
    run = a_run(done=("download",), duration_s=100.0)
    assert estimate_run(run, RATES) == Estimate(low_s=60.0, high_s=60.0)


def test_what_is_done_of_the_next_stage_counts() -> None:
    run = a_run(done=("download",), duration_s=100.0)
    assert estimate_run(run, RATES, progress=0.5) == Estimate(low_s=35.0, high_s=35.0)


def test_an_unknown_length_is_taken_to_be_like_that_of_others() -> None:
    assert estimate_run(a_run(), RATES) == Estimate(low_s=140.0, high_s=140.0)


def test_nothing_is_said_when_nothing_was_measured() -> None:
    assert estimate_run(a_run(duration_s=100.0), Rates()) is None
    assert estimate_run(a_run(), Rates(stages=RATES.stages)) is None
    assert estimate_runs([a_run()], Rates(), lane_of=LANE_OF, lanes=LANES) is None


def test_a_run_that_has_ended_needs_nothing_more() -> None:
    assert estimate_run(a_run(Phase.FAILED), Rates()) == Estimate(low_s=0.0, high_s=0.0)


def test_rates_come_from_attempts_that_did_a_whole_stage() -> None:
    rates = measured_rates([finished({"download": 10, "transcribe": 50})])
    assert rates.stages == {"download": Spread(low=0.05, high=0.2), "transcribe": Spread(low=0.25, high=1.0)}


def test_what_was_reused_interrupted_or_not_finished_teaches_nothing() -> None:
    reused = finished({"transcribe": 1})
    reused.stages["transcribe"] = type(reused.stages["transcribe"])(reused=True)
    twice = finished({"transcribe": 1})
    twice.attempts.append(twice.attempts[0])
    unfinished = a_run(Phase.RUNNING, working="transcribe", duration_s=100.0)
    assert measured_rates([reused, twice, unfinished]).stages == {}


def test_one_run_out_of_the_ordinary_does_not_widen_the_span() -> None:
    runs = [finished({"transcribe": 50 + n}) for n in range(10)] + [finished({"transcribe": 5000})]
    spread = measured_rates(runs).stages["transcribe"]
    assert spread.low >= 0.5
    assert spread.high <= 0.6


def test_runs_that_share_a_lane_wait_for_each_other_there() -> None:
    runs = [a_run(run_id=f"r_{n}", duration_s=100.0) for n in range(10)]
    estimate = estimate_runs(runs, RATES, lane_of=LANE_OF, lanes=LANES)
    assert estimate is not None
    assert estimate.low_s == pytest.approx(10 * 50)  # one cpu worker
    assert estimate.low_s <= estimate.high_s <= 10 * 70


def test_more_workers_make_it_shorter_but_not_shorter_than_the_longest_run() -> None:
    runs = [a_run(run_id=f"r_{n}", duration_s=100.0) for n in range(10)]
    estimate = estimate_runs(runs, RATES, lane_of=LANE_OF, lanes=dict.fromkeys(LANES, 100))
    assert estimate is not None
    assert estimate.low_s == pytest.approx(70)


def test_a_batch_that_works_on_one_at_a_time_takes_all_of_them_in_a_row() -> None:
    runs = [a_run(run_id=f"r_{n}", duration_s=100.0) for n in range(10)]
    estimate = estimate_runs(runs, RATES, lane_of=LANE_OF, lanes=LANES, concurrency=1)
    assert estimate is not None
    assert estimate.low_s == estimate.high_s == pytest.approx(10 * 70)


def test_for_one_run_a_batch_takes_as_long_as_the_run() -> None:
    run = a_run(duration_s=100.0)
    batch = estimate_runs([run], RATES, lane_of=LANE_OF, lanes=LANES, progress={"r_1": 0.5})
    alone = estimate_run(run, RATES, 0.5)
    assert batch is not None
    assert alone is not None
    assert (batch.low_s, batch.high_s) == pytest.approx((alone.low_s, alone.high_s))
