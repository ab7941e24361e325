from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.estimate import Estimate, Rates, Spread, estimate_run, estimate_runs, measured_rates, own_left
from core.domain.run import Attempt, RunRecord, Work
from core.domain.states import AttemptOutcome, Phase
from tests.support.records import NOW, USUAL, a_run

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
    return a_run(Phase.COMPLETED, done=USUAL, attempts=attempts, duration_s=duration_s, **fields)


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


def test_rates_leave_out_pauses_and_count_what_the_last_attempt_made_of_an_interrupted_stage() -> None:
    paused = finished({"transcribe": 500.0})
    paused = replace(paused, attempts=[replace(paused.attempts[0], active_s=50.0)])
    assert measured_rates([paused]).stages["transcribe"] == Spread(low=0.25, high=1.0)

    def resumed(done: float, reused: float) -> RunRecord:
        run = finished({"transcribe": 20.0})
        broken = replace(run.attempts[0], id="a_0", outcome=AttemptOutcome.INTERRUPTED)
        stage = replace(run.stages["transcribe"], work=Work(unit="audio_s", done=done, reused=reused))
        stages = {**run.stages, "transcribe": stage}
        return replace(run, attempts=[broken, *run.attempts], stages=stages)

    assert measured_rates([resumed(40, 60)]).stages["transcribe"] == Spread(low=0.25, high=1.0)
    assert measured_rates([resumed(10, 90)]).stages == {}, "too little was made to judge by"


def test_an_attempt_that_shows_its_own_speed_is_judged_by_that() -> None:
    run = a_run(done=("download",), working="transcribe", duration_s=100.0)
    own = own_left(share=0.5, began_share=0.25, worked=30.0)
    assert own == Spread(low=45.0, high=pytest.approx(79.8))
    assert estimate_run(run, RATES, 0.5, own) == Estimate(low_s=55.0, high_s=pytest.approx(89.8))
    shared = estimate_runs([run], RATES, lane_of=LANE_OF, lanes=LANES, own={"r_1": own})
    assert shared == Estimate(low_s=55.0, high_s=pytest.approx(89.8))


def test_a_stage_never_measured_is_known_once_its_attempt_shows_its_speed() -> None:
    run = a_run(done=("download", "transcribe", "quotes"), working="summary")
    assert estimate_run(run, Rates()) is None
    assert estimate_run(run, Rates(), 0.5, own_left(0.5, 0.0, 10.0)) == Estimate(low_s=7.5, high_s=13.3)


def test_the_first_moments_of_an_attempt_say_nothing_about_its_speed() -> None:
    assert own_left(0.51, 0.5, 100.0) is None
    assert own_left(0.9, 0.5, 4.9) is None
    assert own_left(0.4, 0.5, 100.0) is None


SHARES = st.floats(0, 1)
SECONDS = st.floats(0, 1e6)
SPREADS = st.tuples(SECONDS, SECONDS).map(lambda pair: Spread(low=min(pair), high=max(pair)))
ANY_RATES = st.builds(
    lambda spreads, media_s: Rates(stages=dict(zip(USUAL, spreads, strict=True)), media_s=media_s),
    st.lists(SPREADS, min_size=len(USUAL), max_size=len(USUAL)),
    SPREADS,
)
ANY_RUN = st.builds(
    lambda done, duration_s: a_run(done=USUAL[:done], duration_s=duration_s),
    st.integers(0, len(USUAL) - 1),
    st.none() | st.floats(0.1, 1e5),
)


@given(share=SHARES, began=SHARES, worked=SECONDS)
def test_what_is_left_by_its_own_speed_is_never_negative_nor_upside_down(
    share: float, began: float, worked: float
) -> None:
    left = own_left(share, began, worked)
    assert left is None or 0 <= left.low <= left.high


@given(shares=st.tuples(SHARES, SHARES), speed=st.floats(1e-4, 1.0))
def test_at_one_speed_more_left_takes_longer(shares: tuple[float, float], speed: float) -> None:
    less, more = (own_left(share, 0.0, share / speed) for share in (max(shares), min(shares)))
    assert less is None or more is None or less.high <= more.high + 1e-6


@given(rates=ANY_RATES, runs=st.lists(ANY_RUN, min_size=1, max_size=5), share=SHARES, workers=st.integers(1, 4))
def test_an_estimate_is_never_negative_nor_upside_down(
    rates: Rates, runs: list[RunRecord], share: float, workers: int
) -> None:
    lanes = dict.fromkeys(LANES, workers)
    several = [replace(run, run_id=f"r_{number}") for number, run in enumerate(runs)]
    progress = {run.run_id: share for run in several}
    for found in (
        estimate_run(runs[0], rates, share),
        estimate_runs(several, rates, lane_of=LANE_OF, lanes=lanes, progress=progress),
        estimate_runs(several, rates, lane_of=LANE_OF, lanes=lanes, concurrency=1, progress=progress),
    ):
        assert found is not None
        assert 0 <= found.low_s <= found.high_s


@given(rates=ANY_RATES, run=ANY_RUN, shares=st.tuples(SHARES, SHARES))
def test_the_less_of_a_run_is_left_the_shorter_it_takes(
    rates: Rates, run: RunRecord, shares: tuple[float, float]
) -> None:
    later, earlier = estimate_run(run, rates, max(shares)), estimate_run(run, rates, min(shares))
    assert later is not None
    assert earlier is not None
    assert later.low_s <= earlier.low_s
    assert later.high_s <= earlier.high_s


@given(rates=ANY_RATES, runs=st.lists(ANY_RUN, min_size=2, max_size=5))
def test_one_run_more_never_makes_a_batch_shorter(rates: Rates, runs: list[RunRecord]) -> None:
    several = [replace(run, run_id=f"r_{number}") for number, run in enumerate(runs)]
    fewer = estimate_runs(several[:-1], rates, lane_of=LANE_OF, lanes=LANES)
    more = estimate_runs(several, rates, lane_of=LANE_OF, lanes=LANES)
    assert fewer is not None
    assert more is not None
    assert fewer.low_s <= more.low_s * (1 + 1e-9)
    assert fewer.high_s <= more.high_s * (1 + 1e-9)
