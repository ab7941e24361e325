"""What a turn of the service makes of failures, deaths and damage: how often, how soon, and what is never held against a run."""

from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.attempts import end_attempt
from core.domain.errors import ErrorClass
from core.domain.run import RunRecord
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, FailureKind
from core.domain.tries import ended
from core.engines.engine import Finished
from core.runner.outcome import Committed, Failed, InputDamaged, Shared
from core.store.locks import Lock
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def failing(error_class: ErrorClass, **how: float) -> Failed:
    return Failed(error_class=error_class, message="It did not work.", hint="Wait.", **how)  # type: ignore[arg-type]


def test_a_worker_that_dies_is_replaced_and_the_third_death_at_one_place_ends_the_run(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.engine.die(run)
    house.turn()
    assert run in house.engine.running, "the first time at once"
    assert house.run(run).resumed
    house.engine.die(run)
    wait_s = house.turn()
    assert run not in house.engine.running
    assert 0 < wait_s <= 2.0
    house.clock.advance(2.0)
    house.turn(2)
    house.engine.die(run)
    house.turn()
    failure = house.run(run).failure
    assert failure is not None
    assert failure.kind == FailureKind.POISON


def test_a_worker_that_dies_after_new_units_is_never_held_against_the_run(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.new_units = 1
    for _ in range(10):
        house.engine.die(run)
        house.turn()
        assert run in house.engine.running
    assert house.run(run).resumed_count == 10


def test_a_failed_try_is_repeated_after_two_four_and_eight_seconds_and_then_no_more(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for wait_s in (2.0, 4.0, 8.0):
        house.end(run, failing(ErrorClass.SERVER))
        after = house.run(run)
        assert after.phase == "retry_wait"
        assert after.next_at == house.clock.now() + timedelta(seconds=wait_s)
        assert house.turn() == pytest.approx(wait_s)
        house.clock.advance(wait_s - 0.01)
        house.turn()
        assert run not in house.engine.running, "never earlier"
        house.clock.advance(0.01)
        house.turn()
        assert run in house.engine.running
    house.end(run, failing(ErrorClass.SERVER))
    failure = house.run(run).failure
    assert failure is not None
    assert failure.kind == FailureKind.EXHAUSTED
    assert failure.hint == f"Wait. It was tried 4 times; ./reprise retry {run} tries again."
    assert house.batch(run).phase == "failed"


def test_what_will_not_get_better_is_not_tried_again(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, failing(ErrorClass.REMOVED))
    assert house.phases(run) == ["failed"]
    assert len(house.engine.begun) == 1


def test_a_site_that_asks_to_slow_down_is_waited_for_and_no_try_is_used(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for _ in range(5):
        house.end(run, failing(ErrorClass.RATE_LIMITED, retry_after_s=40.0))
        house.clock.advance(39.9)
        house.turn(2)
        assert run not in house.engine.running
        house.clock.advance(0.1)
        house.turn()
        assert run in house.engine.running
    assert house.run(run).stages["download"].tries == 0
    assert {ended(attempt) for attempt in house.run(run).attempts[:-1]} == {"asked to wait"}


def test_a_run_that_used_its_tries_is_held_when_the_batch_wants_that(house: House) -> None:
    (run,) = house.add(settings=Settings(on_exhausted="hold", max_retries=0))
    house.turn()
    house.end(run, failing(ErrorClass.SERVER))
    assert house.phases(run) == ["paused"]
    assert house.batch(run).phase == "running"
    failure = house.run(run).failure
    assert failure is not None
    assert "It was tried once;" in failure.hint
    house.ask(run, "resume")
    house.turn()
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_a_run_waits_for_another_that_does_the_same_and_takes_its_place_when_that_dies(house: House) -> None:
    one, other = house.add(2)
    lock = Lock(house.layout.key_lock("download", "abc"))
    assert lock.acquire()
    house.turn()
    house.end(other, Shared(key="abc"))
    house.turn()
    waiting = house.run(other)
    assert (waiting.phase, waiting.waits_for) == ("running", "download/abc")
    assert other not in house.engine.running, "nobody asks again and again"
    lock.release()
    house.engine.die(one)
    house.turn()
    assert other in house.engine.running
    assert house.run(other).stages["download"].tries == 0


def test_damaged_input_is_made_again_before_the_stage_goes_on(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run)
    house.end(run, InputDamaged(stage="download"))
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe", "download"]
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_an_outcome_of_an_attempt_that_somebody_closed_in_the_file_is_dropped(house: House) -> None:
    (run,) = house.add()
    house.turn()

    def taken_over(run: RunRecord) -> RunRecord:
        return end_attempt(run, AttemptOutcome.INTERRUPTED, house.clock.now())

    house.writer.run(run, taken_over)
    before = house.run(run)
    house.dispatcher.draining = True
    house.end(run, Committed(key="late"))
    assert house.run(run) == before


def test_news_of_an_attempt_that_is_not_open_any_more_changes_nothing(house: House) -> None:
    (run,) = house.add()
    house.turn()
    attempt_id = house.engine.running[run].attempt_id
    house.engine.die(run)
    house.turn()
    before = house.run(run)
    house.engine._events.append(Finished(attempt_id=attempt_id, outcome=Committed(key="late")))
    house.turn()
    assert house.run(run) == before


@pytest.mark.parametrize("when", ["waiting", "working"])
def test_a_run_whose_file_is_destroyed_under_the_service_holds_up_no_other(house: House, when: str) -> None:
    first, second = house.add(2)
    if when == "working":
        house.turn()
    path = house.layout.run_state(first)
    path.write_bytes(b"")
    Path(f"{path}.prev").unlink(missing_ok=True)
    if when == "working":
        house.engine.end(first, Committed(key="k"))
    house.turn()
    house.turn()
    house.finish(second)
    assert house.phases(second) == ["completed"]
    assert "is damaged" in house.index.damaged[first]
    assert first not in house.index.runs
    assert house.engine.free() == house.engine.lanes(), "no place is lost"
