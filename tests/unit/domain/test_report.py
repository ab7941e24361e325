"""The report adds up receipts and ledgers, and values what was taken over by the speed that was measured."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.report import (
    Step,
    amount,
    retries,
    roughly,
    saved_s,
    saved_sentence,
    seconds_in,
    speeds,
    took_s,
    work_sums,
    worked_s,
)
from core.domain.run import Attempt, RunRecord, Work
from core.domain.states import AttemptOutcome, Phase
from tests.support.records import NOW, a_run


def an_attempt(outcome: str, seconds: float = 10.0, stage: str = "transcribe", **fields: Any) -> Attempt:
    ended = NOW + timedelta(seconds=seconds)
    attempt = Attempt(id="a", stage=stage, epoch=1, started_at=NOW, ended_at=ended, outcome=AttemptOutcome(outcome))
    return replace(attempt, **fields)


def made(work: Work, *attempts: Attempt) -> RunRecord:
    run = a_run(Phase.COMPLETED, done=("transcribe",))
    stage = replace(run.stages["transcribe"], work=work)
    return replace(run, stages={**run.stages, "transcribe": stage}, attempts=list(attempts))


def audio(done: float, reused: float = 0.0, redone: float | None = 0.0) -> Work:
    return Work(unit="audio_s", done=done, reused=reused, redone=redone)


def test_work_is_added_up_for_each_stage() -> None:
    sums = work_sums([made(audio(100, 20, 30)), made(audio(1, 2, 3)), a_run()])
    assert sums == {"transcribe": audio(101, 22, 33)}


def test_what_a_run_took_is_the_work_of_all_its_tries_and_not_the_days_between_them() -> None:
    failed = an_attempt("error", seconds=20, active_s=5.25)
    days_later = replace(
        an_attempt("committed"), started_at=NOW + timedelta(days=3), ended_at=NOW + timedelta(days=3, seconds=9)
    )
    lost = an_attempt("interrupted", seconds=86_400)
    assert took_s([failed, lost, days_later]) == 14.2
    assert took_s([]) == 0


@pytest.mark.parametrize("order", [(None, 3.0), (3.0, None)])
def test_a_sum_with_an_unknown_part_is_unknown(order: tuple[float | None, ...]) -> None:
    assert work_sums(made(audio(1, 1, redone)) for redone in order)["transcribe"].redone is None


def test_a_speed_is_what_the_finishing_attempts_made_in_the_time_they_really_worked() -> None:
    interrupted = an_attempt("interrupted", seconds=500)
    slow = made(audio(100), interrupted, an_attempt("committed", seconds=900, active_s=50.0))
    assert speeds([slow]) == {"transcribe": 2.0}
    assert speeds([slow, made(audio(300), an_attempt("committed", seconds=50))]) == {"transcribe": 4.0}
    assert speeds([made(audio(0, 0), an_attempt("committed"))]) == {}, "nothing was made"


def test_where_the_finishing_attempt_had_little_left_to_do_all_attempts_tell_the_speed() -> None:
    killed = an_attempt("interrupted", active_s=40.0)
    assert speeds([made(audio(10, 90), killed, an_attempt("committed"))]) == {"transcribe": 2.0}
    assert speeds([made(audio(10, 90), an_attempt("interrupted"), an_attempt("committed"))]) == {}, "not measured"
    shared = made(audio(0, 100), an_attempt("committed"))
    shared = replace(shared, stages={"transcribe": replace(shared.stages["transcribe"], reused=True)})
    assert speeds([shared]) == {}, "another run made it"


def test_what_was_taken_over_is_worth_the_time_it_would_have_taken() -> None:
    assert saved_s(audio(0, 3120), 3.7) == 843.2
    assert saved_s(audio(10, 0), None) == 0.0
    assert saved_s(audio(10, 5), None) is None


def test_an_attempt_worked_as_long_as_was_measured_or_else_from_start_to_end() -> None:
    assert worked_s(an_attempt("committed", seconds=10)) == 10
    assert worked_s(an_attempt("committed", seconds=10, active_s=4.0)) == 4.0
    assert worked_s(an_attempt("committed", seconds=-10)) == 0.0
    assert worked_s(replace(an_attempt("committed"), ended_at=None)) is None
    assert worked_s(an_attempt("interrupted", seconds=30_000)) is None, "its end is that of the night it lay dead"
    assert worked_s(an_attempt("interrupted", active_s=4.0)) == 4.0


def test_a_retry_follows_an_error_and_no_pause_or_crash() -> None:
    outcomes = ("error", "paused", "error", "interrupted", "stalled", "committed")
    run = made(audio(1), *(an_attempt(outcome) for outcome in outcomes), an_attempt("committed", stage="quotes"))
    assert retries(run) == 3


def test_the_time_in_each_phase_is_added_up_from_the_transitions() -> None:
    def at(seconds: float) -> Any:
        return NOW + timedelta(seconds=seconds)

    steps = [
        Step(at(10), "queued", "running"),
        Step(at(40), "running", "paused"),
        Step(at(100), "paused", "queued"),
        Step(at(90), "queued", "running"),
    ]
    assert seconds_in(steps, NOW, at(120)) == {"queued": 10.0, "running": 60.0, "paused": 60.0}
    assert seconds_in([], NOW, at(120)) == {}


def test_what_was_saved_is_said_as_people_say_it() -> None:
    assert saved_sentence({"transcribe": audio(1, 3120)}, 840.0) == (
        "Resuming saved about 14 min of work (52 min of audio were not transcribed again)."
    )
    several = {"download": Work(unit="bytes", reused=12_500_000), "quotes": Work(unit="tokens", reused=1200)}
    assert saved_sentence(several, None) == (
        "Resuming saved work of unknown length (12.5 MB were not fetched again, 1,200 tokens were not spent again)."
    )
    films = {"transcribe": audio(1, 60), "export": audio(1, 720)}
    assert saved_sentence(films, 840.0) == (
        "Resuming saved about 14 min of work (60 s of audio were not transcribed again, "
        "12 min of video were not coded again)."
    )
    assert saved_sentence({"transcribe": audio(100)}, 0.0).startswith("Nothing was there already")


@pytest.mark.parametrize(("seconds", "said"), [(41, "41 s"), (840, "14 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")])
def test_durations_are_told_no_more_exactly_than_they_are_worth(seconds: float, said: str) -> None:
    assert roughly(seconds) == amount(seconds, "audio_s") == said
