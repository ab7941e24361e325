from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.domain import attempts
from core.domain.errors import ErrorClass, Refused
from core.domain.moves import settle_intent
from core.domain.run import Entry, Failure, RunRecord, Work
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus, Want
from tests.support.records import NOW, USUAL, a_run

ERROR = Failure(kind=FailureKind.ERROR, error_class=ErrorClass.NETWORK, message="No answer.")
LATER = NOW + timedelta(minutes=1)


def working(want: Want = Want.RUN, phase: Phase = Phase.RUNNING, stage: str = "transcribe") -> RunRecord:
    return a_run(phase, want, done=USUAL[: USUAL.index(stage)], working=stage)


def test_a_claim_opens_an_attempt_and_clears_the_last_error() -> None:
    run = attempts.open_attempt(a_run(failure=ERROR, front=1), "download", "a_1", 7, LATER)
    assert (run.phase, run.failure, run.front, run.started_at) == (Phase.RUNNING, None, 0, LATER)
    assert run.stages["download"].status == StageStatus.RUNNING


@pytest.mark.parametrize(
    "run",
    [a_run(want=Want.PAUSE), a_run(Phase.COMPLETED), a_run(Phase.RETRY_WAIT), working(stage="download")],
    ids=["other intent", "terminal", "waiting", "being worked on"],
)
def test_no_attempt_is_opened_when_the_record_has_changed_since(run: RunRecord) -> None:
    with pytest.raises(Refused):
        attempts.open_attempt(run, "download", "a_2", 1, NOW)


def test_no_attempt_is_opened_for_a_stage_that_is_committed() -> None:
    with pytest.raises(Refused, match="committed"):
        attempts.open_attempt(a_run(done=("download",)), "download", "a_2", 1, NOW)


def test_a_commit_notes_key_work_title_and_length_and_forgives_crashes() -> None:
    work = Work(unit="audio_s", done=90.0, reused=10.0)
    run = attempts.commit_stage(
        replace(working(), crashes=[NOW]), "k", LATER, work=work, title="Talk", duration_s=100.0, units_done=4
    )
    stage = run.stages["transcribe"]
    assert (stage.status, stage.key, stage.work) == (StageStatus.COMMITTED, "k", work)
    assert (run.title, run.duration_s, run.crashes, run.phase) == ("Talk", 100.0, [], Phase.RUNNING)
    assert (run.attempts[-1].outcome, run.attempts[-1].units_done) == (AttemptOutcome.COMMITTED, 4)


@pytest.mark.parametrize(
    ("want", "phase"),
    [
        (Want.RUN, Phase.COMPLETED),
        (Want.PAUSE, Phase.COMPLETED),
        (Want.STOP, Phase.COMPLETED),
        (Want.CANCEL, Phase.CANCELLED),
    ],
)
def test_the_last_commit_completes_unless_the_run_is_to_be_cancelled(want: Want, phase: Phase) -> None:
    run = attempts.commit_stage(working(want, stage="summary"), "k", LATER)
    assert (run.phase, run.completed_at) == (phase, LATER)
    assert run.intent.want == (Want.CANCEL if want == Want.CANCEL else Want.RUN)


def test_a_commit_that_lands_on_a_run_standing_still_counts_and_it_stays_paused() -> None:
    run = attempts.commit_stage(working(Want.PAUSE, Phase.PAUSED), "k", LATER)
    assert (run.phase, run.stages["transcribe"].key) == (Phase.PAUSED, "k")


def test_a_retryable_error_waits_and_counts_as_a_try() -> None:
    run = attempts.fail_attempt(working(), ERROR, NOW, retry_wait_s=2.0)
    assert (run.phase, run.next_at, run.wait_s) == (Phase.RETRY_WAIT, NOW + timedelta(seconds=2), 2.0)
    assert (run.stages["transcribe"].tries, run.stages["transcribe"].status) == (1, StageStatus.PENDING)
    assert (run.failure, run.attempts[-1].failure) == (ERROR, ERROR)


def test_an_error_that_is_not_the_runs_fault_uses_no_try() -> None:
    run = attempts.fail_attempt(working(), ERROR, NOW, retry_wait_s=900.0, counts=False)
    assert run.stages["transcribe"].tries == 0


def test_a_last_error_fails_the_run_or_holds_it_as_the_batch_says() -> None:
    failed = attempts.fail_attempt(working(), ERROR, NOW, retry_wait_s=None)
    assert (failed.phase, failed.completed_at) == (Phase.FAILED, NOW)
    held = attempts.fail_attempt(
        replace(working(), settings=Settings(on_exhausted="hold")), ERROR, NOW, retry_wait_s=None
    )
    assert (held.phase, held.intent.want, held.failure) == (Phase.PAUSED, Want.PAUSE, ERROR)


def test_a_held_run_gets_its_tries_back_when_it_is_resumed() -> None:
    run = replace(working(), settings=Settings(on_exhausted="hold"), crashes=[NOW])
    held = attempts.fail_attempt(run, ERROR, NOW, retry_wait_s=None)
    run = settle_intent(replace(held, intent=replace(held.intent, want=Want.RUN)), NOW)
    assert (run.phase, run.stages["transcribe"].tries, run.crashes) == (Phase.QUEUED, 0, [])
    assert attempts.open_attempt(run, "transcribe", "a_2", 1, NOW).phase == Phase.RUNNING


def test_an_error_of_a_run_that_stands_still_leaves_it_paused() -> None:
    run = attempts.fail_attempt(working(Want.PAUSE, Phase.PAUSED), ERROR, NOW, retry_wait_s=2.0)
    assert (run.phase, run.open_attempt, run.stages["transcribe"].tries) == (Phase.PAUSED, None, 1)


def test_a_stop_keeps_the_last_error_in_words() -> None:
    run = attempts.fail_attempt(working(Want.STOP), ERROR, NOW, retry_wait_s=2.0)
    assert run.phase == Phase.FAILED
    assert run.failure is not None
    assert (run.failure.kind, run.failure.message) == (FailureKind.STOPPED, "Stopped by ann. Last error: No answer.")


@pytest.mark.parametrize(
    ("want", "outcome", "phase", "event"),
    [
        (Want.RUN, AttemptOutcome.SHUTDOWN, Phase.QUEUED, "shutdown"),
        (Want.RUN, AttemptOutcome.INTERRUPTED, Phase.QUEUED, "crash"),
        (Want.RUN, AttemptOutcome.PAUSED, Phase.QUEUED, "release"),
        (Want.RUN, AttemptOutcome.STALLED, Phase.QUEUED, "recover"),
        (Want.PAUSE, AttemptOutcome.SHUTDOWN, Phase.PAUSED, "pause"),
        (Want.STOP, AttemptOutcome.SHUTDOWN, Phase.FAILED, "stop"),
        (Want.CANCEL, AttemptOutcome.SHUTDOWN, Phase.CANCELLED, "cancel"),
    ],
)
def test_an_attempt_that_was_ended_leaves_its_run_where_the_intent_says(
    want: Want, outcome: AttemptOutcome, phase: Phase, event: str
) -> None:
    run = attempts.end_attempt(working(want), outcome, NOW, units_done=3)
    assert (run.phase, run.transitions[-1].event) == (phase, event)
    assert (run.attempts[-1].outcome, run.attempts[-1].units_done) == (outcome, 3)
    stage = run.stages["transcribe"]
    assert (stage.tries, stage.stalls) == (0, outcome == AttemptOutcome.STALLED)


def test_a_frozen_run_keeps_its_attempt_and_can_go_on_or_be_freed() -> None:
    still = attempts.frozen(working(Want.PAUSE), NOW, by="ann", why="")
    assert still.open_attempt is not None
    assert attempts.thawed(still, NOW, by="ann").phase == Phase.RUNNING
    freed = attempts.set_free(still, NOW, units_done=2)
    assert (freed.phase, freed.open_attempt) == (Phase.PAUSED, None)


def test_a_playlist_becomes_its_first_video_and_remembers_the_others() -> None:
    entries = tuple(Entry(run_id=f"r_{n}", space_id=f"s_{n}", url=f"https://example.org/{n}") for n in (1, 2))
    run = attempts.expand(working(stage="download"), "Talks", entries, NOW)
    assert (run.source.value, run.space_id, run.playlist, run.entries) == (
        "https://example.org/1",
        "s_1",
        "Talks",
        list(entries),
    )
    assert (run.open_attempt, run.next_stage, run.phase) == (None, "download", Phase.RUNNING)


def test_a_playlist_that_brings_nothing_new_fails_with_a_sentence() -> None:
    run = attempts.expand(working(stage="download"), "Talks", (), NOW)
    assert run.phase == Phase.FAILED
    assert run.failure is not None
    assert "no video" in run.failure.message


def test_a_run_waits_for_shared_work_until_it_is_paused_or_goes_on() -> None:
    waits = attempts.wait_for(working(), "transcribe/k", NOW)
    assert (waits.phase, waits.open_attempt, waits.waits_for) == (Phase.RUNNING, None, "transcribe/k")
    assert waits.stages["transcribe"].tries == 0
    assert attempts.open_attempt(waits, "transcribe", "a_2", 1, NOW).waits_for is None
    paused = settle_intent(replace(waits, intent=replace(waits.intent, want=Want.PAUSE)), NOW)
    assert (paused.phase, paused.waits_for) == (Phase.PAUSED, None)


def test_a_skip_asked_for_while_a_run_stands_still_survives_its_last_error() -> None:
    run = replace(working(Want.SKIP, Phase.PAUSED), settings=Settings(on_exhausted="hold"))
    held = attempts.fail_attempt(run, ERROR, NOW, retry_wait_s=None)
    assert settle_intent(held, NOW).phase == Phase.SKIPPED
