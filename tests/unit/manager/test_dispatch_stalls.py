"""Attempts that make nothing new: found by their signs of life, said once, and recovered when somebody wants that."""

from pathlib import Path

import pytest

from core.config import Config
from core.domain.pace import is_slow, is_stalled
from core.domain.run import Work
from core.domain.states import AttemptOutcome, FailureKind, Want
from core.engines.engine import Signal
from core.manager.signs import Sign
from core.runner.outcome import Committed
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def run(house: House) -> str:
    """A run that is being transcribed."""
    (made,) = house.add()
    house.turn()
    house.end(made)
    return made


def works(house: House, run: str, seconds: float, *, per_look: float = 0.0, units: bool = False) -> None:
    """So much time passes while the service looks on; `per_look` is what the attempt gets done between two looks."""
    for _ in range(round(seconds / 5)):
        house.clock.advance(5.0)
        if per_look or units:
            old = house.signs.get(run, Sign(done=0.0))
            done = (old.done or 0.0) + per_look
            house.signs[run] = Sign(told=str(done), done=done, unit_bytes=old.unit_bytes + 10 * units)
        house.turn()


def events(house: House, kind: str) -> list[str]:
    found = []
    for path in sorted(house.layout.journal.glob("*.jsonl")):
        found += [line for line in path.read_text("utf-8").splitlines() if f'"{kind}"' in line]
    return found


def test_nothing_new_for_five_minutes_is_a_stall_and_is_said_once(house: House, run: str) -> None:
    works(house, run, 300)
    assert house.run(run).verdict is None
    works(house, run, 60)
    after = house.run(run)
    assert is_stalled(after)
    assert after.verdict is not None
    assert after.verdict.message.startswith("Transcribe has made nothing new for 5 min")
    assert len(events(house, "run.stalled")) == 1
    assert house.engine.signals == [], "nobody asked for more"
    assert after.phase == "running"


def test_anything_new_clears_the_verdict(house: House, run: str) -> None:
    works(house, run, 310)
    assert is_stalled(house.run(run))
    house.signs[run] = Sign(told="window 2")
    works(house, run, 5)
    assert house.run(run).verdict is None


def test_an_attempt_that_ends_takes_its_verdict_with_it(house: House, run: str) -> None:
    works(house, run, 310)
    house.end(run)
    assert (house.run(run).verdict, house.phases(run)) == (None, ["completed"])


def test_a_stage_with_long_units_is_given_five_of_them(house: House, run: str) -> None:
    for number in range(1, 5):
        house.signs[run] = Sign(unit_bytes=number)
        works(house, run, 100)
    works(house, run, 300)
    assert not is_stalled(house.run(run)), "its own units take 100 s"
    works(house, run, 300)
    assert is_stalled(house.run(run))


def test_what_is_paused_or_waits_is_never_stalled_and_its_clock_stands_still(house: House, run: str) -> None:
    works(house, run, 200)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.turn()
    house.clock.advance(50.0)
    house.turn()
    house.ask(run, "resume")
    works(house, run, 95)
    assert house.run(run).verdict is None
    works(house, run, 15)
    assert is_stalled(house.run(run))


def test_a_stalled_run_that_is_paused_is_not_called_stalled(house: House, run: str) -> None:
    works(house, run, 310)
    house.ask(run, "pause")
    house.engine.stand_still(run)
    house.turn()
    assert house.run(run).verdict is None


def test_a_turn_that_comes_late_counts_for_little(house: House, run: str) -> None:
    """The service was stopped, or the machine slept: nobody knows what the attempt did meanwhile."""
    works(house, run, 10)
    house.clock.advance(3600.0)
    house.turn()
    assert house.run(run).verdict is None
    works(house, run, 310)
    assert is_stalled(house.run(run))


def test_the_wall_clock_has_no_say_in_it(house: House, run: str) -> None:
    house.clock.set(house.clock.now().replace(year=2030))
    works(house, run, 200)
    assert house.run(run).verdict is None


def recover(house: House, run: str) -> None:
    house.commands.run(run, "recover", by=ANA)
    house.turn()


def test_a_recovery_kills_the_group_and_puts_the_run_at_the_front(tmp_path: Path) -> None:
    house = House(tmp_path, network=1, cpu=1)
    before, run, behind = house.add(3)
    house.turn()
    house.end(before)
    works(house, run, 310)
    recover(house, run)
    assert house.engine.signals == [(run, Signal.KILL)]
    house.engine.die(run)
    house.turn()
    after = house.run(run)
    stage = after.stages["download"]
    assert (stage.stalls, stage.tries, after.crashes, after.intent.recover) == (1, 0, [], None)
    assert after.attempts[-2].outcome == AttemptOutcome.STALLED
    assert house.engine.begun[-1] == (run, "download"), "before the one that waits"
    assert behind not in house.engine.running


def test_a_recovery_of_what_drains_leaves_it_paused_as_was_asked(house: House, run: str) -> None:
    house.ask(run, "pause", drain=True, why="meeting")
    works(house, run, 310)
    house.commands.run(run, "recover", by="local:bob")
    house.turn()
    house.engine.die(run)
    house.turn(2)
    after = house.run(run)
    assert (after.phase, after.intent.want, after.intent.by, after.intent.why) == ("paused", "pause", ANA, "meeting")
    assert after.attempts[-1].outcome == AttemptOutcome.STALLED
    assert after.stages["transcribe"].stalls == 1


def test_recovery_happens_by_itself_where_that_is_configured_and_not_for_ever(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(stall_recovery="automatic", max_recoveries=2))
    (run,) = house.add()
    house.turn()
    house.end(run)
    for stalls in (1, 2, 3):
        works(house, run, 310)
        assert house.engine.signals[stalls - 1 :] == [(run, Signal.KILL)]
        house.engine.die(run)
        house.turn(2)
        assert house.run(run).stages["transcribe"].stalls == stalls
    failure = house.run(run).failure
    assert failure is not None
    assert (failure.kind, house.phases(run)) == (FailureKind.STALLED, ["failed"])
    house.ask(run, "retry")
    house.turn()
    assert house.run(run).stages["transcribe"].stalls == 0
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_a_cancel_of_what_is_being_recovered_wins(house: House, run: str) -> None:
    works(house, run, 310)
    recover(house, run)
    house.ask(run, "cancel")
    house.engine.die(run)
    house.turn()
    assert house.phases(run) == ["cancelled"]


def test_a_commit_that_lands_while_it_is_recovered_is_a_fact(house: House, run: str) -> None:
    works(house, run, 310)
    recover(house, run)
    house.end(run)
    assert house.phases(run) == ["completed"]
    assert house.run(run).intent.want == Want.RUN


def test_less_than_a_quarter_of_the_usual_speed_for_two_minutes_is_slow(house: House) -> None:
    first, second = house.add(2)
    house.turn()
    house.end(first)
    works(house, first, 100, per_look=50.0)
    house.end(first, Committed(key="k1", work=Work(unit="audio_s", done=1000.0), units=20))
    house.end(second)
    house.clock.advance(60.0)
    works(house, second, 110, per_look=10.0)
    assert house.run(second).verdict is None, "too early to say"
    works(house, second, 60, per_look=10.0)
    after = house.run(second)
    assert is_slow(after)
    assert after.verdict is not None
    assert "20% of its usual speed" in after.verdict.message
    assert len(events(house, "run.slow")) == 1
    works(house, second, 120, per_look=50.0)
    assert house.run(second).verdict is None


def test_what_cannot_be_counted_yet_is_not_slow(house: House) -> None:
    first, second = house.add(2)
    house.turn()
    house.end(first)
    works(house, first, 100, per_look=50.0)
    house.end(first, Committed(key="k1", work=Work(unit="audio_s", done=1000.0), units=20))
    house.end(second)
    for number in range(50):
        house.signs[second] = Sign(told=f"looking for speech: {number}")
        works(house, second, 5)
    assert house.run(second).verdict is None
