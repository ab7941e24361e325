"""What every engine promises, and what only the one with real processes can be asked."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.attempts import open_attempt
from core.domain.run import Owner
from core.engines.engine import Died, Engine, EngineEvent, Finished, Frozen, Signal
from core.engines.inline import InlineEngine
from core.engines.local import LocalEngine
from core.engines.process import group_states
from core.runner.outcome import Assignment, Committed, Ended
from core.runner.runner import Runner
from core.store.artifacts import Artifacts
from core.store.units import read_units
from core.system.clock import SystemClock
from core.system.identity import is_alive
from tests.support.shortage import no_more_descriptors
from tests.support.stages import CountingStage
from tests.support.storage import a_run, new_layout, open_store
from tests.support.waiting import until

CLOCK = SystemClock()
LANES = {"network": 2, "cpu": 1}


class Bench:
    """A storage, an engine on it, and a bell that rings when events wait."""

    def __init__(self, folder: Path) -> None:
        self.layout = new_layout(folder)
        self.store = open_store(self.layout, CLOCK)
        self.bell = threading.Event()
        self.engine: Engine
        self.count = 0

    def assignment(self, stage: str = "download") -> Assignment:
        self.count += 1
        run_id, attempt_id = f"r_{self.count:026d}", f"a_{self.count:016x}"
        self.store.runs.create(run_id, a_run(run_id, stages={stage: a_run().stages["download"]}))
        self.store.runs.update(run_id, lambda run: open_attempt(run, stage, attempt_id, 1, CLOCK.now()))
        return Assignment(attempt_id=attempt_id, run_id=run_id, stage=stage, epoch=1)

    def submit(self, lane: str, assignment: Assignment) -> Owner:
        slot = self.engine.reserve(lane)
        assert slot is not None
        self.engine.submit(slot, assignment)
        return slot.owner

    def next_event(self) -> EngineEvent:
        found: list[EngineEvent] = []

        def look() -> bool:
            found.extend(self.engine.events())
            return bool(found)

        until(look, self.bell)
        assert len(found) == 1
        return found[0]

    def let(self, number: int) -> None:
        (self.layout.root / f"go.{number}").touch()

    def units(self, assignment: Assignment) -> int:
        folder = self.layout.root / "work" / "transcribe"
        return sum(len(read_units(path)) for path in folder.glob("*/units.jsonl"))

    def wait_for_units(self, assignment: Assignment, count: int) -> None:
        until(lambda: self.units(assignment) >= count)


def inline(bench: Bench) -> Engine:
    stages = {"download": CountingStage("download"), "transcribe": CountingStage("transcribe", lane="cpu")}
    runner = Runner(
        layout=bench.layout, store=bench.store, artifacts=Artifacts(bench.layout, CLOCK), stages=stages, clock=CLOCK
    )
    return InlineEngine(runner, LANES)


def local(bench: Bench) -> LocalEngine:
    return LocalEngine(
        lanes=LANES,
        worker_argv=lambda lane: [
            sys.executable,
            "-m",
            "tests.support.worker_program",
            str(bench.layout.root),
            str(os.getpid()),
        ],
        environment=dict(os.environ),
        log=bench.layout.service_log(),
        clock=CLOCK,
        wake=bench.bell.set,
    )


@pytest.fixture(params=[inline, local], ids=["inline", "local"])
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.engine = request.param(made)
    yield made
    made.engine.close(0)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.engine = local(made)
    yield made
    made.engine.close(0)


def test_a_lane_gives_as_many_slots_as_it_has_and_no_more(bench: Bench) -> None:
    assert bench.engine.free() == LANES
    first, second = bench.engine.reserve("network"), bench.engine.reserve("network")
    assert first is not None
    assert second is not None
    assert bench.engine.reserve("network") is None
    assert bench.engine.free() == {"network": 0, "cpu": 1}
    bench.engine.release(first)
    assert bench.engine.free() == {"network": 1, "cpu": 1}


def test_an_attempt_finishes_once_and_gives_its_slot_back(bench: Bench) -> None:
    assignment = bench.assignment()
    bench.submit("network", assignment)
    event = bench.next_event()
    assert isinstance(event, Finished)
    assert event.attempt_id == assignment.attempt_id
    assert isinstance(event.outcome, Committed)
    assert bench.engine.free() == LANES
    assert bench.engine.events() == []


def test_a_signal_to_an_attempt_that_is_not_there_is_refused(bench: Bench) -> None:
    assert not bench.engine.signal("a_unknown", Signal.END)


def test_a_worker_is_kept_warm_for_the_next_attempt(processes: Bench) -> None:
    first = processes.submit("cpu", processes.assignment("download"))
    processes.next_event()
    second = processes.submit("cpu", processes.assignment("download"))
    processes.next_event()
    assert first == second


def test_a_worker_that_was_warmed_makes_the_first_attempt(processes: Bench) -> None:
    processes.engine.warm("cpu")
    assert processes.engine.free() == LANES
    (warmed,) = [place.worker for place in processes.engine._places if place.worker]  # type: ignore[attr-defined]
    assert processes.submit("cpu", processes.assignment("download")) == warmed.owner
    processes.next_event()


def test_warming_a_lane_without_a_free_slot_does_nothing(bench: Bench) -> None:
    slot = bench.engine.reserve("cpu")
    assert slot is not None
    bench.engine.warm("cpu")
    assert bench.engine.free()["cpu"] == 0
    bench.engine.release(slot)


def test_an_attempt_told_to_end_ends_at_the_next_unit(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    assert processes.engine.signal(assignment.attempt_id, Signal.END)
    processes.let(1)
    event = processes.next_event()
    assert isinstance(event, Finished)
    assert isinstance(event.outcome, Ended)
    assert event.outcome.units in (1, 2), "before the unit it was waiting for, or after it"


def test_a_killed_attempt_is_reported_dead_once_every_process_of_it_is_gone(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    assert processes.engine.signal(assignment.attempt_id, Signal.KILL)
    event = processes.next_event()
    assert event == Died(attempt_id=assignment.attempt_id, how="signal SIGKILL")
    assert is_alive(owner) is False
    assert processes.engine.free() == LANES


def test_an_attempt_that_is_asked_to_end_now_ends_once_and_gives_its_slot_back(bench: Bench) -> None:
    assignment = bench.assignment("transcribe")
    bench.submit("cpu", assignment)
    assert bench.engine.signal(assignment.attempt_id, Signal.TERM)
    event = bench.next_event()
    assert event.attempt_id == assignment.attempt_id
    assert isinstance(event, Died) or (isinstance(event, Finished) and isinstance(event.outcome, Ended))
    assert bench.engine.free() == LANES
    assert bench.engine.events() == []
    assert not bench.engine.signal(assignment.attempt_id, Signal.KILL), "it is over"


def test_what_stands_still_can_be_asked_to_end(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    processes.engine.signal(assignment.attempt_id, Signal.FREEZE)
    processes.next_event()
    processes.let(1)
    assert processes.engine.signal(assignment.attempt_id, Signal.TERM)
    assert processes.next_event() == Died(attempt_id=assignment.attempt_id, how="signal SIGTERM")
    assert is_alive(owner) is False
    assert processes.units(assignment) == 1, "it did nothing more"


@pytest.mark.parametrize("stage", ["quotes", "summary"])
def test_nobody_is_told_of_an_end_before_the_last_deaf_process_is_gone(processes: Bench, stage: str) -> None:
    assignment = processes.assignment(stage)
    owner = processes.submit("cpu", assignment)
    until((processes.layout.root / "deaf").exists)
    assert processes.engine.signal(assignment.attempt_id, Signal.TERM)
    if stage == "summary":  # the worker itself hears it
        until(lambda: group_states(owner.pid).count("Z") == 1)
    assert any(state not in "ZX" for state in group_states(owner.pid)), "it ignores the request"
    assert processes.engine.events() == []
    assert processes.engine.free()["cpu"] == 0
    assert processes.engine.signal(assignment.attempt_id, Signal.KILL)
    event = processes.next_event()
    assert isinstance(event, Died)
    assert all(state in "ZX" for state in group_states(owner.pid))
    assert processes.engine.free() == LANES


def test_closing_kills_what_stands_still_and_lets_it_do_nothing_more(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    processes.engine.signal(assignment.attempt_id, Signal.FREEZE)
    processes.next_event()
    processes.let(1)
    processes.let(2)
    processes.engine.close(30)
    assert processes.next_event() == Died(attempt_id=assignment.attempt_id, how="signal SIGKILL")
    assert is_alive(owner) is False
    assert processes.units(assignment) == 1


def test_a_worker_that_dies_by_itself_is_replaced_for_the_next_attempt(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    os.kill(owner.pid, 9)
    assert isinstance(processes.next_event(), Died)
    other = processes.submit("cpu", processes.assignment("download"))
    assert other != owner
    assert isinstance(processes.next_event(), Finished)


def test_a_frozen_attempt_stands_still_in_every_process_and_goes_on_unharmed(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    assert processes.engine.signal(assignment.attempt_id, Signal.FREEZE)
    assert processes.next_event() == Frozen(attempt_id=assignment.attempt_id)
    assert set(group_states(owner.pid)) == {"T"}
    processes.let(1)
    assert processes.engine.signal(assignment.attempt_id, Signal.THAW)
    processes.let(2)
    event = processes.next_event()
    assert isinstance(event, Finished)
    assert isinstance(event.outcome, Committed)
    assert event.outcome.units == 3


def test_a_pause_while_there_are_no_free_descriptors_is_told_all_the_same(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    with no_more_descriptors():
        assert processes.engine.signal(assignment.attempt_id, Signal.FREEZE)
    assert processes.next_event() == Frozen(attempt_id=assignment.attempt_id)
    assert processes.engine.signal(assignment.attempt_id, Signal.KILL)
    assert isinstance(processes.next_event(), Died)


def test_closing_lets_attempts_reach_a_checkpoint_and_leaves_no_process(processes: Bench) -> None:
    assignment = processes.assignment("transcribe")
    owner = processes.submit("cpu", assignment)
    processes.let(0)
    processes.wait_for_units(assignment, 1)
    processes.let(1)
    processes.let(2)
    processes.engine.close(10)
    (event,) = processes.engine.events()
    assert isinstance(event, Finished)
    assert is_alive(owner) is False
