"""A suggestion rests on figures that were measured; without them there is none."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.run import Attempt, Failure, RunRecord, Work
from core.domain.states import AttemptOutcome, FailureKind, Phase
from core.domain.suggestions import Suggestion, failure_suggestions, lane_suggestions, model_suggestions
from tests.support.records import NOW, a_run

LANES = {"network": 2, "cpu": 1, "api": 2}
LANE_OF = {"download": "network", "transcribe": "cpu", "quotes": "api"}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def worked(stage: str, begin: float, end: float, number: int = 1) -> RunRecord:
    attempt = Attempt(id=f"a_{number}", stage=stage, epoch=1, started_at=after(begin), ended_at=after(end))
    return a_run(Phase.COMPLETED, run_id=f"r_{number}", attempts=[replace(attempt, outcome=AttemptOutcome.COMMITTED)])


def lanes(*runs: RunRecord, spare_cores: int = 0, until: float = 1000) -> list[Suggestion]:
    return lane_suggestions(runs, since=NOW, until=after(until), lane_of=LANE_OF, lanes=LANES, spare_cores=spare_cores)


def test_a_lane_that_is_always_full_while_another_idles_may_have_one_worker_more() -> None:
    (found,) = lanes(worked("download", 0, 900), worked("download", 50, 1000), worked("quotes", 0, 10))
    assert found.message == (
        "All network workers were busy 85% of the time, cpu workers 0%: try network_workers = 3 instead of 2."
    )
    assert found.evidence == {
        "span_s": 1000.0,
        "full_share": {"network": 0.85, "cpu": 0.0, "api": 0.0},
        "workers": LANES,
    }


def test_a_lane_that_had_a_free_worker_needs_no_other() -> None:
    assert lanes(worked("download", 0, 1000)) == []
    assert lanes(worked("download", 0, 1000), worked("download", 0, 700)) == []


def test_nothing_is_concluded_from_a_minute_or_without_a_lane_that_idles() -> None:
    full = [worked("download", 0, 1000), worked("download", 0, 1000)]
    assert lanes(*full, until=59) == []
    assert lanes(*full, worked("transcribe", 0, 500), worked("quotes", 0, 900), worked("quotes", 0, 900)) == []


def test_more_workers_on_the_processor_are_suggested_only_when_there_are_cores_for_them() -> None:
    assert lanes(worked("transcribe", 0, 1000)) == []
    (found,) = lanes(worked("transcribe", 0, 1000), spare_cores=1)
    assert "cpu_workers = 2" in found.message


def transcribed(audio_s: float, seconds: float, run_id: str = "r_1") -> RunRecord:
    run = replace(worked("transcribe", 0, seconds), run_id=run_id)
    stage = replace(run.stages["transcribe"], work=Work(unit="audio_s", done=audio_s))
    return replace(run, stages={**run.stages, "transcribe": stage})


def test_a_model_slower_than_the_recording_is_named_with_a_smaller_one() -> None:
    runs = [transcribed(600, 1000), transcribed(200, 600, "r_2")]
    (found,) = model_suggestions(runs, {"r_1": "small.en", "r_2": "small.en"})
    assert (
        found.message == "The model small.en took longer than the recordings last (0.5 times real time): try base.en."
    )
    assert found.evidence == {
        "model": "small.en",
        "runs": 2,
        "audio_s": 800.0,
        "worked_s": 1600.0,
        "times_real_time": 0.5,
    }


def test_a_model_that_is_fast_enough_or_the_smallest_or_hardly_measured_is_left_alone() -> None:
    assert model_suggestions([transcribed(600, 500)], {"r_1": "base"}) == []
    assert model_suggestions([transcribed(600, 900)], {"r_1": "tiny"}) == []
    assert model_suggestions([transcribed(100, 900)], {"r_1": "base"}) == []
    assert model_suggestions([transcribed(600, 900)], {}) == []


def failed(run_id: str, error_class: ErrorClass, times: int = 1) -> RunRecord:
    failure = Failure(kind=FailureKind.ERROR, error_class=error_class, message="No.")
    attempt = Attempt(id="a", stage="download", epoch=1, started_at=NOW, failure=failure)
    return a_run(Phase.FAILED, run_id=run_id, attempts=[attempt] * times)


def test_an_error_that_several_runs_met_comes_with_its_remedy() -> None:
    runs = [failed("r_1", ErrorClass.AUTH_REQUIRED, 2), failed("r_2", ErrorClass.AUTH_REQUIRED)]
    (found,) = failure_suggestions([*runs, failed("r_3", ErrorClass.NETWORK, 4)])
    assert found.message.startswith("2 runs met the same kind of error (auth required). Add a cookies file")
    assert found.evidence == {"class": "auth_required", "runs": 2, "attempts": 3}
