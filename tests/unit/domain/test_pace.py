"""Verdicts on attempts: by what became new in the time they worked, measured against what such work usually takes."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.pace import Baseline, Pace, baselines, cleared, is_stalled, judge, kind_of, message, with_verdict
from core.domain.run import Attempt, RunRecord, StageState, Verdict, Work
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, Phase, StageStatus
from tests.support.records import NOW, a_run

UNKNOWN = Baseline()
WORKING = a_run(Phase.RUNNING, done=("download",), working="transcribe")
STALLED = Verdict(kind="stalled", attempt="a_1", at=NOW, message="Nothing new.")


def test_nothing_new_for_longer_than_the_limit_is_a_stall() -> None:
    assert judge(Pace(quiet_s=300), UNKNOWN, 300) is None
    assert judge(Pace(quiet_s=300.1), UNKNOWN, 300) == "stalled"


@pytest.mark.parametrize(("learnt_s", "own_s"), [(100.0, None), (None, 100.0), (100.0, 3.0), (3.0, 100.0)])
def test_who_needs_long_for_a_unit_is_given_five_of_them(learnt_s: float | None, own_s: float | None) -> None:
    assert judge(Pace(quiet_s=499, unit_s=own_s), Baseline(unit_s=learnt_s), 300) is None
    assert judge(Pace(quiet_s=501, unit_s=own_s), Baseline(unit_s=learnt_s), 300) == "stalled"


def test_less_than_a_quarter_of_the_usual_speed_is_slow() -> None:
    assert judge(Pace(quiet_s=1, rate=0.24), Baseline(rate=1.0), 300) == "slow"
    assert judge(Pace(quiet_s=1, rate=0.26), Baseline(rate=1.0), 300) is None


def test_nothing_is_slow_before_it_is_known_how_fast_it_is_and_should_be() -> None:
    assert judge(Pace(quiet_s=1, rate=None), Baseline(rate=1.0), 300) is None
    assert judge(Pace(quiet_s=1, rate=0.0), UNKNOWN, 300) is None


def test_what_stands_is_stalled_and_not_slow() -> None:
    assert judge(Pace(quiet_s=301, rate=0.0), Baseline(rate=1.0), 300) == "stalled"


def test_the_verdict_is_a_sentence_with_its_figures() -> None:
    said = message("stalled", "transcribe", Pace(quiet_s=600, unit_s=3.0), UNKNOWN)
    assert said == "Transcribe has made nothing new for 10 min; a unit usually takes 3 s."
    assert "12%" in message("slow", "transcribe", Pace(quiet_s=1, rate=0.12), Baseline(rate=1.0))


def finished(number: int, *, active_s: float | None, units: int, **fields: Any) -> RunRecord:
    """A run whose transcription was made in one attempt."""
    attempt = Attempt(
        id=f"a_{number}",
        stage="transcribe",
        epoch=1,
        started_at=NOW,
        ended_at=NOW + timedelta(minutes=number),
        outcome=AttemptOutcome.COMMITTED,
        units_done=units,
        active_s=active_s,
    )
    work = Work(unit="audio_s", done=100.0 * units)
    stage = StageState(status=StageStatus.COMMITTED, key="k", work=work)
    run = a_run(Phase.COMPLETED, run_id=f"r_{number}", attempts=[attempt])
    return replace(run, stages={**run.stages, "transcribe": stage}, **fields)


def test_the_usual_is_learnt_from_attempts_that_are_over() -> None:
    runs = [finished(number, active_s=seconds, units=2) for number, seconds in enumerate([10.0, 20.0, 300.0], 1)]
    usual = baselines(runs)[("transcribe", "auto")]
    assert (usual.unit_s, usual.rate) == (10.0, 10.0), "the middle one; a single slow day says nothing"


def test_each_model_has_a_speed_of_its_own() -> None:
    tiny = finished(1, active_s=1.0, units=1, settings=Settings(model="tiny"))
    large = finished(2, active_s=60.0, units=1, settings=Settings(model="large-v3"))
    learnt = baselines([tiny, large])
    assert (learnt[kind_of(tiny, "transcribe")].unit_s, learnt[kind_of(large, "transcribe")].unit_s) == (1.0, 60.0)


def test_attempts_that_tell_nothing_about_time_teach_nothing() -> None:
    assert baselines([finished(1, active_s=None, units=3), finished(2, active_s=0.01, units=3), WORKING]) == {}


def test_only_the_latest_attempts_count() -> None:
    old = [finished(number, active_s=1.0, units=1) for number in range(1, 60)]
    new = [finished(number, active_s=9.0, units=1) for number in range(100, 150)]
    assert baselines([*new, *old])[("transcribe", "auto")].unit_s == 9.0


def test_a_verdict_is_put_on_the_attempt_it_is_about_and_on_no_other() -> None:
    assert is_stalled(with_verdict(WORKING, STALLED))
    assert with_verdict(WORKING, replace(STALLED, attempt="a_other")) is WORKING
    paused = replace(WORKING, phase=Phase.PAUSED)
    assert with_verdict(paused, STALLED) is paused
    assert cleared(with_verdict(WORKING, STALLED)) == WORKING


def test_what_rests_is_never_stalled_whatever_its_record_says() -> None:
    run = replace(WORKING, verdict=STALLED)
    assert is_stalled(run)
    for phase in set(Phase) - {Phase.RUNNING}:
        assert not is_stalled(replace(run, phase=phase))
    assert not is_stalled(replace(run, attempts=[replace(run.attempts[0], id="a_2")]))
