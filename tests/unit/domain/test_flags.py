import pytest

from core.domain.flags import flags
from core.domain.run import RunRecord
from core.domain.states import Phase, Want
from tests.support.records import a_run

WORKING = a_run(Phase.RUNNING, working="transcribe")


def test_a_run_without_a_new_unit_for_long_enough_is_stalled() -> None:
    assert flags(WORKING, 299, stall_s=300) == ()
    assert flags(WORKING, 301, stall_s=300) == ("stalled",)


def test_long_units_make_the_stall_clock_longer() -> None:
    assert flags(WORKING, 301, expected_unit_s=100, stall_s=300) == ()
    assert flags(WORKING, 501, expected_unit_s=100, stall_s=300) == ("stalled",)


@pytest.mark.parametrize(
    "run",
    [
        a_run(),
        a_run(Phase.PAUSED, Want.PAUSE, working="transcribe"),
        a_run(Phase.RUNNING, Want.PAUSE, working="transcribe"),
        a_run(Phase.RUNNING),
        a_run(Phase.RETRY_WAIT),
    ],
)
def test_who_waits_or_is_paused_is_never_stalled_or_slow(run: RunRecord) -> None:
    assert flags(run, 1e9, rate=0, baseline_rate=1, rate_over_s=1e9) == ()


def test_a_run_under_a_quarter_of_the_usual_rate_for_two_minutes_is_slow() -> None:
    assert flags(WORKING, 1, rate=0.2, baseline_rate=1, rate_over_s=120) == ("slow",)
    assert flags(WORKING, 1, rate=0.2, baseline_rate=1, rate_over_s=119) == ()
    assert flags(WORKING, 1, rate=0.3, baseline_rate=1, rate_over_s=120) == ()


def test_resumed_and_adopted_are_told_whatever_the_phase() -> None:
    assert flags(a_run(resumed=True, adopted=True)) == ("resumed", "adopted")
