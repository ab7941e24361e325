from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.batch import BatchRecord, Pause, PoolRecord
from core.domain.breaker import Breaker
from core.domain.diagnosis import Reasons, why
from core.domain.errors import ErrorClass
from core.domain.moves import settle_intent
from core.domain.run import Attempt, Failure, RunRecord, Source, Transition
from core.domain.schedule import Situation, schedule
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, BatchPhase, FailureKind, Phase, Want
from tests.support.records import NOW, USUAL, a_batch, a_run

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
    (a_run(Phase.COMPLETED, done=USUAL), {}, "terminal", "It is completed."),
    (
        a_run(Phase.FAILED, failure=broken(ErrorClass.REMOVED, "The video is gone.")),
        {},
        "terminal",
        "It failed: The video is gone.",
    ),
    (a_run(Phase.PAUSED, Want.PAUSE), {}, "paused", "Paused by ann since 12:00 UTC."),
    (a_run(Phase.QUEUED, Want.PAUSE), {"service": False}, "paused", "Paused by ann since 12:00 UTC."),
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
        a_run(run_id="r_draft"),
        {"batch": a_batch(BatchPhase.DRAFT), "service": False},
        "paused",
        "Its batch is a draft and has not been started.",
    ),
    (
        a_run(run_id="r_held"),
        {"pool": PoolRecord(pause=Pause(by="bob", why="backup")), "service": False},
        "paused",
        "Everything is paused by bob: backup",
    ),
    (
        a_run(run_id="r_full"),
        {"pool": PoolRecord(pause=Pause(reason="disk")), "service": False},
        "service_down",
        "No service is running; start one with ./reprise serve.",
    ),
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
    (waiting(ErrorClass.DISK_FULL, 30), {}, "disk", "The disk is full; it goes on once there is space."),
    (a_run(), {"disk_low": True}, "disk", "There is too little free disk space to start anything."),
    (
        a_run(Phase.PAUSED, working="transcribe"),
        {"disk_low": True},
        "disk",
        "There is too little free disk space; it goes on by itself once there is more.",
    ),
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


def test_a_turn_is_told_with_whose_runs_are_ahead() -> None:
    anns = [a_run(run_id=f"r_{n}", position=n, owner="ann") for n in range(2)]
    bobs = [a_run(run_id=f"r_b{n}", position=n + 5, owner="bob") for n in range(2)]
    now = situation([*anns, *bobs], a_batch(concurrency=5), free={"network": 1}, lanes={"network": 1})
    assert why(anns[0], now).code == "none"
    assert why(bobs[0], now).message == "Waits for its turn; 1 run is ahead of it, of ann."
    assert why(anns[1], now).message == "Waits for its turn; 2 runs are ahead of it, 1 of them of bob."


def trouble(name: str, left_s: float = 6.0, said: str = "It broke off.") -> PoolRecord:
    until = NOW + timedelta(seconds=left_s)
    breaker = Breaker(at=NOW, failures=3, why=said, opened_at=NOW - timedelta(minutes=1), until=until, open_s=30.0)
    return PoolRecord(breakers={name: breaker})


def needs(stage: str, source: Source, settings: Settings) -> tuple[str, ...]:
    return ("host:example.org", "network") if stage == "download" else ("llm",) if stage == "quotes" else ()


@pytest.mark.parametrize(
    ("run", "name", "message"),
    [
        (a_run(), "host:example.org", "example.org is in trouble: It broke off. It is tried again in 6 s."),
        (a_run(), "network", "The network seems to be down: It broke off. It is tried again in 6 s."),
        (
            a_run(done=USUAL[:2]),
            "llm",
            "The language model is in trouble: It broke off. It is tried again in 6 s.",
        ),
        (
            waiting(ErrorClass.RATE_LIMITED, 2),
            "host:example.org",
            "example.org is in trouble: It broke off. It is tried again in 6 s.",
        ),
    ],
)
def test_what_is_in_trouble_outside_is_named_with_the_time_of_the_next_trial(
    run: RunRecord, name: str, message: str
) -> None:
    reason = why(run, situation([run], pool=trouble(name), outside=needs))
    assert (reason.code, reason.message, reason.until) == ("breaker", message, NOW + timedelta(seconds=6))


def test_what_needs_nothing_that_is_in_trouble_goes_on() -> None:
    run = a_run(done=("download",))
    assert why(run, situation([run], pool=trouble("llm"), outside=needs)).code == "none"


def test_a_single_run_tries_what_was_in_trouble_and_the_others_know_that() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n) for n in range(2)]
    now = situation(runs, a_batch(concurrency=5), pool=trouble("host:example.org", -1.0), outside=needs)
    assert [(claim.run_id, claim.probe) for claim in schedule(now)] == [("r_0", "host:example.org")]
    reason = why(runs[1], now)
    assert reason.code == "breaker"
    assert reason.message == "Another run tries whether example.org answers again; this one goes on if it does."


def test_a_user_who_has_as_many_runs_at_work_as_allowed_waits_and_others_do_not() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_0", owner="ann", working="transcribe")]
    runs += [a_run(run_id=f"r_{user}", owner=user, position=5) for user in ("ann", "bob")]
    now = situation(runs, a_batch(concurrency=5), max_runs_per_user=1)
    reason = why(runs[1], now)
    assert (reason.code, reason.message) == (
        "quota",
        "ann has 1 run at work, as many as one user may have; it is next.",
    )
    assert why(runs[2], now).code == "none"


def test_who_waits_for_its_own_user_is_told_of_runs_of_that_user_only() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_0", owner="ann", working="transcribe")]
    runs += [a_run(run_id=f"r_{place}", owner=user, position=place) for place, user in enumerate(("bob", "ann", "ann"))]
    now = situation(runs, a_batch(concurrency=5), max_runs_per_user=1)
    assert why(runs[3], now).message.endswith("; 1 run is ahead of it.")


def test_a_cancelled_run_says_who_cancelled_it_and_that_it_had_to_be_forced() -> None:
    cancelled = Transition(
        id="t_1", at=NOW, event="cancel", source="running", target="cancelled", by="ann", why="Too long."
    )
    forced = replace(cancelled, why="It had to be killed after 10 s.")
    for last, said in (
        (cancelled, "Cancelled by ann. Too long."),
        (forced, "Cancelled by ann. It had to be killed after 10 s."),
    ):
        run = replace(a_run(Phase.CANCELLED), transitions=[last])
        assert why(run, situation([run])).message == said


def test_a_lane_that_is_held_back_says_why() -> None:
    run = a_run(done=("download",))
    reason = why(run, situation([run], throttled={"cpu": "Waits for memory."}))
    assert (reason.code, reason.message) == ("slot", "Waits for memory.")


def test_a_full_disk_is_told_in_numbers() -> None:
    reason = why(a_run(), situation([a_run()], disk_low=True, disk_free=1_200_000_000, disk_needed=12_000_000_000))
    assert reason.message.endswith("1.2 GB are free, 12.0 GB are needed.")


def test_a_batch_that_tries_whether_it_works_again_begins_one_run_until_a_stage_is_committed() -> None:
    runs = [a_run(Phase.RUNNING, run_id="r_0", working="download"), a_run(run_id="r_1", position=2)]
    probing = a_batch(concurrency=3, probing_since=NOW)
    now = situation(runs, probing)
    assert schedule(now) == []
    assert why(runs[1], now).message == (
        "Its batch tries one run first, to see whether it works again; it is next in the batch."
    )
    done = Attempt(
        id="a_0",
        stage="download",
        epoch=1,
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=1),
        outcome=AttemptOutcome.COMMITTED,
    )
    after = a_run(Phase.RUNNING, run_id="r_0", done=("download",), attempts=[done])
    assert "r_1" in [claim.run_id for claim in schedule(situation([after, runs[1]], probing))]


@st.composite
def some_situation(draw: st.DrawFn) -> Situation:
    batches = [
        a_batch(
            draw(st.sampled_from([BatchPhase.RUNNING] * 4 + list(BatchPhase))),
            batch_id=f"b_{n}",
            concurrency=draw(st.integers(1, 3)),
            probing_since=draw(st.sampled_from([None, None, NOW])),
            order=draw(st.sampled_from([[], ["r_6", "r_0"]])),
        )
        for n in range(2)
    ]
    runs = []
    for number in range(draw(st.integers(0, 9))):
        done = draw(st.integers(0, 4))
        phase = draw(st.sampled_from([Phase.QUEUED] * 4 + [Phase.RUNNING] * 3 + list(Phase)))
        working = USUAL[done] if done < 4 and phase == Phase.RUNNING and draw(st.booleans()) else None
        later = draw(st.sampled_from([None, None, 5.0]))
        runs.append(
            a_run(
                phase,
                draw(st.sampled_from([Want.RUN] * 5 + list(Want))),
                done=USUAL[:done],
                working=working,
                run_id=f"r_{number}",
                batch_id=f"b_{draw(st.sampled_from([0, 0, 1, 2]))}",
                position=number,
                owner=draw(st.sampled_from(["ann", "bob"])),
                waits_for=draw(st.sampled_from([None, None, f"{USUAL[min(done, 3)]}/k"])),
                next_at=None if later is None else NOW + timedelta(seconds=later),
                wait_s=later,
            )
        )
    breakers = {
        name: trouble(name, left_s).breakers[name]
        for name in draw(st.sets(st.sampled_from(["host:example.org", "network", "llm"])))
        for left_s in [draw(st.sampled_from([-1.0, 5.0]))]
    }
    return Situation(
        runs={run.run_id: run for run in runs},
        batches={batch.batch_id: batch for batch in batches},
        pool=PoolRecord(pause=draw(st.sampled_from([None] * 5 + [Pause(by="bob")])), breakers=breakers),
        free=draw(st.dictionaries(st.sampled_from(sorted(LANES)), st.integers(0, 2))),
        lanes=LANES,
        lane_of=LANE_OF,
        now=NOW,
        outside=needs,
        draining=draw(st.sampled_from([False] * 7 + [True])),
        disk_low=draw(st.sampled_from([False] * 5 + [True])),
        shared_busy=frozenset(draw(st.sets(st.sampled_from([f"{stage}/k" for stage in USUAL])))),
        throttled=draw(st.sampled_from([{}, {}, {"cpu": "Waits for memory."}])),
        max_runs_per_user=draw(st.integers(0, 2)),
    )


@given(some_situation())
@settings(max_examples=400, deadline=None)
def test_who_has_no_reason_to_wait_starts_or_moves_and_whoever_starts_has_none(now: Situation) -> None:
    claimed = {claim.run_id for claim in schedule(now)}
    reasons = Reasons(now)
    for run in now.runs.values():
        reason = reasons.why(run)
        assert reason.message
        if run.run_id in claimed:
            assert reason.code == "none"
        elif reason.code == "none":
            at_work = run.open_attempt is not None
            moved_by_the_service = settle_intent(run, NOW) is not run or run.phase == Phase.RETRY_WAIT
            batch = now.batches[run.batch_id].phase
            opened_or_cancelled = batch in (BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED)
            assert at_work or moved_by_the_service or run.intent.want != Want.RUN or opened_or_cancelled, reason.message


def test_many_answers_worked_out_together_are_the_same() -> None:
    runs = [a_run(run_id=f"r_{n}", position=n, done=USUAL[: n % 3]) for n in range(9)]
    now = situation(runs, a_batch(concurrency=5), free={"network": 1})
    together = Reasons(now)
    assert [together.why(run) for run in runs] == [why(run, now) for run in runs]
