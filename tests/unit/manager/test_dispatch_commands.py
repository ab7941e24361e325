"""What a turn of the service makes of commands: work is paused, ended and taken up again, and said only when it is so."""

from pathlib import Path

import pytest

from core.config import Config
from core.domain.states import AttemptOutcome, FailureKind
from core.engines.engine import Signal
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_queued_run_is_paused_at_once_and_goes_on_before_others(house: House) -> None:
    first, second, third = house.add(3, concurrency=1)
    house.turn()
    house.ask(third, "pause", why="later")
    assert house.phases(second, third) == ["queued", "paused"]
    house.ask(third, "resume")
    house.finish(first)
    assert list(house.engine.running) == [third], "what was resumed goes to the front"


def test_a_pause_stands_the_processes_still_and_a_resume_lets_the_same_attempt_go_on(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.turn(2)
    assert house.engine.signals == [(run, Signal.FREEZE)], "once"
    assert house.phases(run) == ["running"], "paused is said when every process is still"
    house.engine.stand_still(run)
    house.turn()
    assert house.phases(run) == ["paused"]
    attempt = house.run(run).open_attempt
    assert attempt is not None
    house.ask(run, "resume")
    assert house.engine.signals[1:] == [(run, Signal.THAW)]
    assert house.run(run).open_attempt == attempt
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert len(house.engine.begun) == 2, "no work was begun again"


def test_standing_still_that_is_heard_after_it_was_let_go_on_is_no_pause(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.ask(run, "resume")
    assert house.engine.signals == [(run, Signal.FREEZE), (run, Signal.THAW)]
    assert house.phases(run) == ["running"]
    assert "pause" not in [step.event for step in house.run(run).transitions]


def test_a_long_pause_frees_the_memory_and_the_run_stays_paused(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(pause_free_s=20.0))
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    assert house.turn() == pytest.approx(20.0)
    house.clock.advance(19.0)
    assert house.turn() == pytest.approx(1.0)
    assert house.engine.signals == [(run, Signal.FREEZE)]
    house.clock.advance(1.0)
    house.turn()
    assert house.engine.signals[1:] == [(run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert after.phase == "paused"
    assert after.open_attempt is None
    assert after.attempts[-1].outcome == AttemptOutcome.PAUSED
    assert after.crashes == []
    house.ask(run, "resume")
    assert house.engine.begun[-1] == (run, "transcribe")


def test_a_pause_of_everything_between_two_claims_is_followed_by_none(tmp_path: Path) -> None:
    house = House(tmp_path, network=3)
    house.add(3, concurrency=3)
    other = house.commands_of_another_process()

    def paused_after_the_first_claim() -> bool:
        if house.engine.begun and house.index.pool.pause is None:
            other.pool("pause", by=ANA)
        return bool(house.engine.begun)

    house.urgent = paused_after_the_first_claim
    assert house.turn() == 0.0, "the next turn comes at once"
    assert len(house.engine.begun) == 1
    house.urgent = lambda: False
    house.index.refresh("pool", "pool")
    house.turn()
    assert len(house.engine.begun) == 1


def test_what_ended_before_an_urgent_change_is_heard_after_it(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.urgent = lambda: True
    house.end(run)
    assert house.turn() == 0.0
    assert house.run(run).open_attempt is not None
    house.urgent = lambda: False
    house.turn()
    assert house.run(run).stages["download"].status == "committed"


def test_work_stands_still_before_anything_is_written_about_other_runs(tmp_path: Path) -> None:
    house = House(tmp_path, network=2, cpu=1)
    talk, other = house.add(2, concurrency=2)
    house.turn()
    house.end(talk)
    house.turn()
    house.commands.pool("pause", by=ANA)
    house.urgent = lambda: True  # the turn comes no further than its signals
    house.end(other)
    assert house.engine.signals == [(talk, Signal.FREEZE)]
    assert house.run(other).open_attempt is not None


def test_a_pause_ends_a_transfer_which_would_time_out_on_the_other_side(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "pause")
    assert house.engine.signals == [(run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert (after.phase, after.attempts[-1].outcome, after.resumed_count) == ("paused", AttemptOutcome.PAUSED, 0)


def test_work_that_ends_while_it_is_being_paused_is_kept(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.ask(run, "pause")
    house.end(run)
    assert house.phases(run) == ["completed"], "a landed commit is a fact"


@pytest.mark.parametrize(("verb", "phase"), [("stop", "failed"), ("cancel", "cancelled")])
def test_a_run_is_ended_only_when_its_processes_are_gone(house: House, verb: str, phase: str) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, verb, why="enough")
    assert house.engine.signals == [(run, Signal.TERM)]
    assert house.phases(run) == ["running"]
    house.engine.die(run)
    house.turn()
    assert house.phases(run) == [phase]
    assert "killed" not in house.run(run).transitions[-1].why
    house.ask(run, "retry")
    house.finish(run)
    assert house.phases(run) == ["completed"]
    assert house.run(run).retry_count == 1


@pytest.mark.parametrize(("verb", "phase"), [("stop", "failed"), ("cancel", "cancelled")])
def test_what_does_not_end_when_asked_is_killed_after_the_grace_and_that_is_said(
    house: House, verb: str, phase: str
) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, verb, why="enough")
    house.clock.advance(9.0)
    assert house.turn() == pytest.approx(1.0), "the service wakes when the grace is over"
    assert house.engine.signals == [(run, Signal.TERM)]
    house.clock.advance(1.0)
    house.turn(2)
    assert house.engine.signals == [(run, Signal.TERM), (run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    assert after.phase == phase
    assert after.transitions[-1].why == "enough. It had to be killed after 10 s."
    assert after.failure is None or "It had to be killed after 10 s." in after.failure.message


def test_a_stopped_run_says_by_whom(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "stop")
    house.engine.die(run)
    house.turn()
    failure = house.run(run).failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.STOPPED, "Stopped by ana.")


def test_a_run_that_is_cancelled_with_its_batch_says_who_cancelled_that_and_why(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "pause", drain=True, why="cookies expired")
    house.commands.batch(house.run(run).batch_id, "cancel", by="local:bob", why="wrong talks")
    house.turn()
    house.engine.die(run)
    house.turn()
    last, intent = house.run(run).transitions[-1], house.run(run).intent
    assert (last.event, last.by, last.why) == ("cancel", "local:bob", "wrong talks")
    assert (intent.want, intent.by, intent.why, intent.drain) == ("cancel", "local:bob", "wrong talks", False)


def test_cancelling_a_batch_cancels_its_runs_and_keeps_what_is_finished(house: House) -> None:
    done, working, waiting = house.add(3, concurrency=1)
    house.turn()
    house.finish(done)
    house.commands.batch(house.run(done).batch_id, "cancel", by=ANA)
    house.turn()
    assert house.phases(done, working, waiting) == ["completed", "running", "cancelled"]
    house.engine.die(working)
    house.turn()
    assert house.phases(working) == ["cancelled"]
    assert house.batch(done).phase == "cancelled"
    assert house.engine.running == {}


def test_a_skipped_run_counts_as_done(house: House) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.ask(second, "skip")
    house.finish(first)
    assert house.phases(second) == ["skipped"]
    assert house.batch(first).outcome == "success"
    house.ask(second, "unskip")
    house.turn()
    house.finish(second)
    assert house.phases(second) == ["completed"]


@pytest.mark.parametrize("what", ["pool", "batch"])
def test_a_pause_of_all_holds_running_and_queued_and_lets_both_go_on(house: House, what: str) -> None:
    first, second = house.add(2, concurrency=1)
    house.turn()
    house.end(first)
    batch_id = house.run(first).batch_id

    def command(verb: str) -> None:
        if what == "pool":
            house.commands.pool(verb, by=ANA, why="tea")
        else:
            house.commands.batch(batch_id, verb, by=ANA, why="tea")
        house.turn()

    command("pause")
    house.engine.stand_still(first)
    house.turn()
    assert house.phases(first, second) == ["paused", "queued"]
    assert house.run(first).transitions[-1].why == "tea"
    (later,) = house.add()
    house.turn()
    assert (later in house.engine.running) == (what == "batch"), "another batch is not held by the pause of one"
    command("resume")
    house.finish(first)
    house.turn()
    assert house.phases(first) == ["completed"]
    assert second in house.engine.running


def test_an_intent_that_changed_before_the_claim_wins(house: House) -> None:
    """The service has not heard of the command yet; the file has it."""
    (run,) = house.add()
    house.commands_of_another_process().run(run, "cancel", by=ANA)
    house.turn()
    assert house.engine.running == {}
    house.turn()
    assert house.phases(run) == ["cancelled"]


def test_a_retry_from_a_stage_makes_that_and_what_rests_on_it_again(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    house.ask(run, "retry", from_stage="transcribe")
    house.turn()
    assert house.batch(run).phase == "running", "its batch is open again"
    house.finish(run)
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe", "transcribe"]
    assert house.run(run).stages["transcribe"].redo == 1
    assert house.batch(run).phase == "completed"
