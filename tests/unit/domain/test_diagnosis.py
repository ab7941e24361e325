from datetime import timedelta
from typing import Any

import pytest

from core.domain.batch import BatchRecord, Pause, PoolRecord
from core.domain.diagnosis import flags, lines_of, why
from core.domain.errors import ErrorClass
from core.domain.plan import PIPELINE
from core.domain.run import Failure, RunRecord
from core.domain.schedule import Situation, schedule
from core.domain.states import BatchPhase, FailureKind, Phase, Want
from tests.support.records import NOW, a_batch, a_run

LANES = {"network": 2, "cpu": 1, "api": 2}
LANE_OF = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}
BUSY = {"network": 0, "cpu": 0, "api": 0}


def situation(runs: list[RunRecord], batch: BatchRecord | None = None, **fields: Any) -> Situation:
    batch = batch or a_batch()
    values = {
        "runs": {run.run_id: run for run in runs},
        "batches": {batch.batch_id: batch},
        "pool": PoolRecord(),
        "free": LANES,
        "lanes": LANES,
        "lane_of": LANE_OF,
        "now": NOW,
    }
    return Situation(**(values | fields))


def broken(error_class: ErrorClass, message: str = "") -> Failure:
    return Failure(kind=FailureKind.ERROR, error_class=error_class, message=message)


def waiting(error_class: ErrorClass, wait_s: float, message: str = "") -> RunRecord:
    until = NOW + timedelta(seconds=wait_s)
    return a_run(Phase.RETRY_WAIT, next_at=until, wait_s=wait_s, failure=broken(error_class, message))


CASES: list[tuple[RunRecord, dict[str, Any], str, str]] = [
    (a_run(Phase.COMPLETED, done=PIPELINE), {}, "terminal", "It is completed."),
    (
        a_run(Phase.FAILED, failure=broken(ErrorClass.REMOVED, "The video is gone.")),
        {},
        "terminal",
        "It failed: The video is gone.",
    ),
    (a_run(Phase.PAUSED, Want.PAUSE), {}, "paused", "Paused by ann."),
    (a_run(Phase.QUEUED, Want.PAUSE), {"service": False}, "paused", "Paused by ann."),
    (a_run(), {"service": False}, "service_down", "No service is running; start one with ./reprise serve."),
    (
        a_run(),
        {"draining": True},
        "service_down",
        "The service is stopping; the run goes on when it is started again.",
    ),
    (a_run(Phase.RUNNING, working="transcribe"), {}, "none", "It is being worked on: transcribe."),
    (a_run(Phase.RUNNING, Want.PAUSE, working="transcribe"), {}, "none", "It is being paused."),
    (a_run(Phase.RUNNING, Want.CANCEL, working="transcribe"), {}, "none", "It is being cancelled."),
    (a_run(Phase.RECEIVING), {}, "dependency", "Waits for its upload to be whole."),
    (
        a_run(batch_id="b_none"),
        {},
        "dependency",
        "Its batch was never completely added; add it again.",
    ),
    (
        a_run(),
        {"pool": PoolRecord(pause=Pause(by="bob", why="backup"))},
        "paused",
        "Everything is paused by bob: backup",
    ),
    (a_run(), {"batch": a_batch(BatchPhase.DRAFT)}, "paused", "Its batch is a draft and has not been started."),
    (
        a_run(),
        {"batch": a_batch(BatchPhase.PAUSED, pause=Pause(by="bob"))},
        "paused",
        "Its batch is paused by bob.",
    ),
    (
        waiting(ErrorClass.NETWORK, 7.2, "The site did not answer."),
        {},
        "backoff",
        "Tries again in 7 s after: The site did not answer.",
    ),
    (waiting(ErrorClass.RATE_LIMITED, 900), {}, "breaker", "The site asks to slow down; tries again in 15 min."),
    (waiting(ErrorClass.DISK_FULL, 30), {}, "disk", "The disk is full; it goes on once there is space."),
    (a_run(), {"disk_low": True}, "disk", "There is too little free disk space to start anything."),
    (
        a_run(Phase.RUNNING, waits_for="transcribe/k"),
        {"shared_busy": frozenset({"transcribe/k"})},
        "shared_work",
        "Another run does the same transcribe just now; its result will be taken over.",
    ),
    (a_run(), {"lanes": {"cpu": 1}}, "dependency", "This service has no worker for download."),
    (a_run(), {"free": BUSY}, "slot", "Waits for a free network worker; it is next."),
    (a_run(), {}, "none", "Its download starts within a moment."),
    (a_run(Phase.PAUSED), {}, "none", "It goes on within a moment."),
]


@pytest.mark.parametrize(("run", "fields", "code", "message"), CASES, ids=[case[3] for case in CASES])
def test_the_one_reason_is(run: RunRecord, fields: dict[str, Any], code: str, message: str) -> None:
    now = dict(fields)
    alive = now.pop("service", True)
    reason = why(run, situation([run], **now), service_alive=alive)
    assert (reason.code, reason.message) == (code, message)


def test_a_reason_that_ends_says_when() -> None:
    run = waiting(ErrorClass.NETWORK, 7)
    assert why(run, situation([run])).until == NOW + timedelta(seconds=7)


def test_who_waits_for_a_worker_is_told_how_many_are_ahead() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n) for n in range(3)]
    now = situation(runs, a_batch(concurrency=5), free=BUSY)
    assert why(runs[1], now).message == "Waits for a free network worker; 1 run is ahead of it."
    assert why(runs[2], now).message == "Waits for a free network worker; 2 runs are ahead of it."


def test_who_waits_though_a_worker_is_free_waits_for_its_turn() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n) for n in range(3)]
    reason = why(runs[2], situation(runs, a_batch(concurrency=5)))
    assert (reason.code, reason.message) == ("turn", "Waits for its turn; 2 runs are ahead of it.")


def test_who_waits_for_its_batch_is_told_its_concurrency() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_1", working="download"), a_run(run_id="r_2", position=2)]
    reason = why(runs[1], situation(runs, a_batch(concurrency=1)))
    assert (reason.code, reason.message) == (
        "turn",
        "Its batch works on one of its runs at a time; it is next in the batch.",
    )


@pytest.mark.parametrize("run", [case[0] for case in CASES], ids=[case[3] for case in CASES])
def test_whoever_can_be_claimed_at_once_has_no_reason_to_wait(run: RunRecord) -> None:
    now = situation([run])
    if schedule(now):
        assert why(run, now).code == "none"


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


def test_the_lines_made_once_for_many_runs_give_the_same_reasons() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n, done=PIPELINE[: n % 3]) for n in range(9)]
    now = situation(runs, a_batch(concurrency=5), free={"network": 1})
    lines = lines_of(now)
    assert [why(run, now, lines=lines) for run in runs] == [why(run, now) for run in runs]
