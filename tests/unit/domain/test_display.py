from datetime import datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from core.domain.batch import Pause, PoolRecord
from core.domain.display import (
    InFlight,
    clock,
    pause_sentence,
    pool_status,
    shown_batch_phase,
    shown_phase,
    still_since,
)
from core.domain.run import Attempt, Failure, Intent, Transition
from core.domain.states import BatchPhase, FailureKind, Phase, Want
from tests.support.records import NOW, a_batch, a_run


@pytest.mark.parametrize(
    ("phase", "want", "word"),
    [
        (Phase.RUNNING, Want.RUN, "running"),
        (Phase.RUNNING, Want.PAUSE, "pausing"),
        (Phase.RUNNING, Want.STOP, "stopping"),
        (Phase.RETRY_WAIT, Want.CANCEL, "cancelling"),
        (Phase.QUEUED, Want.SKIP, "skipping"),
        (Phase.PAUSED, Want.PAUSE, "paused"),
        (Phase.PAUSED, Want.STOP, "stopping"),
        (Phase.FAILED, Want.STOP, "failed"),
        (Phase.CANCELLED, Want.CANCEL, "cancelled"),
    ],
)
def test_a_run_is_shown_by_its_phase_or_by_what_is_being_made_of_it(phase: Phase, want: Want, word: str) -> None:
    assert shown_phase(a_run(phase, want)) == word


def test_a_run_that_somebody_stopped_is_not_shown_as_failed() -> None:
    stopped = replace(a_run(Phase.FAILED), failure=Failure(kind=FailureKind.STOPPED, message="Stopped by ana."))
    assert shown_phase(stopped) == "stopped"
    assert shown_phase(replace(stopped, intent=Intent(again=True))) == "retrying"


def test_a_run_that_waits_between_two_stages_is_not_shown_as_running() -> None:
    between = a_run(Phase.RUNNING, done=("download",))
    assert shown_phase(between, "Waits for a free cpu worker; it is next.") == "waiting"
    assert shown_phase(between) == "running", "it goes on within a moment"
    at_work = a_run(Phase.RUNNING, done=("download",), working="transcribe")
    assert shown_phase(at_work, "Waits for a free cpu worker; it is next.") == "running"
    assert shown_phase(replace(between, intent=Intent(want=Want.STOP)), "Waits.") == "stopping"


def test_a_failed_run_that_will_be_retried_is_shown_so() -> None:
    assert shown_phase(replace(a_run(Phase.FAILED), intent=Intent(again=True))) == "retrying"


def test_a_batch_is_shown_by_its_phase_and_what_is_still_in_flight() -> None:
    queued, running, ended = Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED
    assert shown_batch_phase(a_batch(), [queued, queued]) == "queued"
    assert shown_batch_phase(a_batch(), [queued, ended]) == "running"
    assert shown_batch_phase(a_batch(BatchPhase.PAUSED), [running, queued]) == "pausing"
    assert shown_batch_phase(a_batch(BatchPhase.PAUSED), [queued]) == "paused"
    assert shown_batch_phase(a_batch(BatchPhase.CANCELLED, cancel_by="ann"), [running]) == "cancelling"
    assert shown_batch_phase(a_batch(BatchPhase.CANCELLED, cancel_by="ann"), [Phase.CANCELLED]) == "cancelled"


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({}, "idle"),
        ({Phase.RUNNING: 1, Phase.COMPLETED: 4}, "running"),
        ({Phase.QUEUED: 1}, "running"),
        ({Phase.RETRY_WAIT: 1}, "running"),
        ({Phase.PAUSED: 1, Phase.COMPLETED: 2}, "paused"),
        ({Phase.COMPLETED: 2, Phase.FAILED: 1}, "completed"),
        ({Phase.QUEUED: 0}, "idle"),
    ],
)
def test_the_pool_has_one_word(counts: dict[Phase, int], word: str) -> None:
    assert pool_status(PoolRecord(), counts) == word


def test_a_pause_of_the_pool_comes_before_what_its_runs_do() -> None:
    assert pool_status(PoolRecord(pause=Pause()), {Phase.RUNNING: 1}) == "paused"


def test_without_a_service_nothing_runs() -> None:
    assert pool_status(PoolRecord(), {Phase.QUEUED: 3}, service_alive=False) == "idle"


def test_a_service_that_cannot_work_at_all_is_failed() -> None:
    assert pool_status(PoolRecord(), {Phase.QUEUED: 3}, broken=True) == "failed"


TALK = InFlight(run_id="r_1", title="Talk 7", stage="transcribe", at_s=41 * 60 + 20.4)
BERLIN = timezone(timedelta(hours=2))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_pause_says_what_still_moves_and_where_it_is() -> None:
    download = InFlight(run_id="r_2", title="Talk 8", stage="download", share=0.43)
    starting = InFlight(run_id="r_3", title="Talk 9", stage="summary")
    pause = Pause(by="local:ana", why="cookies expired", at=NOW)
    assert pause_sentence(pause, [TALK], None, NOW) == 'pausing, 1 in flight: "Talk 7" transcribe at 41:20'
    assert pause_sentence(pause, [TALK, download, starting], None, NOW) == (
        'pausing, 3 in flight: "Talk 7" transcribe at 41:20, "Talk 8" download at 43%, "Talk 9" summary'
    )
    assert pause_sentence(pause, [TALK] * 5, None, NOW).endswith('"Talk 7" transcribe at 41:20 and 2 more')


def test_a_pause_that_lets_stages_end_says_so() -> None:
    pause = Pause(by="ana", at=NOW, drain=True)
    assert pause_sentence(pause, [TALK], None, NOW) == (
        'pausing: the running stage of 1 goes on to the end: "Talk 7" transcribe at 41:20'
    )
    assert pause_sentence(pause, [TALK, TALK], None, NOW).startswith(
        "pausing: the running stages of 2 go on to the end: "
    )


@pytest.mark.parametrize(
    ("by", "why", "sentence"),
    [
        ("local:ana", "cookies expired", 'paused at 14:03:11 by ana: "cookies expired"'),
        ("ana", "", "paused at 14:03:11 by ana"),
        ("service", "The disk is full.", "paused at 14:03:11: The disk is full."),
        ("", "", "paused at 14:03:11"),
    ],
)
def test_a_pause_says_when_all_stood_still_by_whom_and_why(by: str, why: str, sentence: str) -> None:
    since = datetime(2026, 5, 4, 14, 3, 11, tzinfo=BERLIN)
    assert pause_sentence(Pause(by=by, why=why, at=NOW), [], since, NOW) == sentence


def test_a_pause_of_another_day_says_the_day_and_one_of_an_unknown_moment_none() -> None:
    since = datetime(2026, 5, 3, 14, 3, 11, tzinfo=BERLIN)
    assert pause_sentence(Pause(by="ana", at=NOW), [], since, NOW) == "paused on 2026-05-03 at 14:03:11 by ana"
    assert pause_sentence(Pause(by="ana"), [], None, NOW) == "paused by ana"


def test_everything_stands_still_when_the_last_run_does() -> None:
    def stopped(seconds: float, source: Phase = Phase.RUNNING) -> Transition:
        return Transition(id="t", at=after(seconds), event="pause", source=source, target="paused")

    moving = a_run(Phase.RUNNING, working="transcribe")
    frozen = replace(a_run(Phase.PAUSED, working="transcribe"), transitions=[stopped(-60), stopped(2)])
    resting = replace(a_run(Phase.PAUSED), transitions=[stopped(90, Phase.QUEUED)])
    ended = Attempt(id="a", stage="download", epoch=1, started_at=NOW, ended_at=after(5))
    between = replace(a_run(Phase.RUNNING), attempts=[replace(ended, outcome="committed")])
    assert still_since(NOW, []) == NOW
    assert still_since(NOW, [resting]) == NOW, "it did not move before either"
    assert still_since(NOW, [frozen, resting]) == after(2)
    assert still_since(NOW, [frozen, between]) == after(5)
    assert still_since(NOW, [frozen, moving]) is None


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (2480, "41:20"), (3723, "1:02:03")])
def test_a_place_in_a_recording_is_shown_as_players_do(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
