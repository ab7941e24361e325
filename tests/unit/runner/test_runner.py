"""One attempt from its assignment to its outcome, on a real storage, with stages of the tests' own making."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.attempts import commit_stage, end_attempt, open_attempt
from core.domain.errors import ErrorClass, StageError, StorageError
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source, StageState, Work
from core.domain.states import AttemptOutcome
from core.runner.control import Control
from core.runner.outcome import Assignment, Committed, Ended, Failed, InputDamaged, Shared, Stale
from core.runner.runner import Runner
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.locks import Lock
from core.store.state import open_store
from core.system import files
from core.system.clock import SystemClock
from tests.support.stages import CountingStage, Trouble, trouble

RUN = "r_" + "a" * 26
CLOCK = SystemClock()


class Bench:
    """A storage with one run of two stages, and a runner on it."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder / "storage")
        self.layout.create()
        self.store = open_store(self.layout, CLOCK)
        self.artifacts = Artifacts(self.layout, CLOCK)
        self.first = CountingStage("download")
        self.second = CountingStage("transcribe", needs=("download",), lane="cpu")
        self.control = Control()
        now = CLOCK.now()
        run = RunRecord(
            run_id=RUN,
            batch_id="b_" + "a" * 26,
            space_id="s1",
            position=1,
            source=Source(kind="file", value="/talk.mp4"),
            owner="ana",
            created_at=now,
            updated_at=now,
            stages=self.stages(),
        )
        self.store.runs.create(RUN, run)
        self.run_id = RUN
        self.count = 0

    def another(self) -> None:
        """From now on another run is meant, of another source."""
        run_id, source = "r_" + "b" * 26, Source(kind="url", value="http://example.com/talk.mp4")
        fresh = {"space_id": "s2", "source": source, "stages": self.stages(), "attempts": []}
        self.store.runs.create(run_id, replace(self.run, run_id=run_id, **fresh))
        self.run_id = run_id

    @staticmethod
    def stages() -> dict[str, StageState]:
        return stages_for({"download": True, "transcribe": True})

    @property
    def run(self) -> RunRecord:
        return self.store.runs.get(self.run_id).value

    @property
    def runner(self) -> Runner:
        stages = {"download": self.first, "transcribe": self.second}
        return Runner(layout=self.layout, store=self.store, artifacts=self.artifacts, stages=stages, clock=CLOCK)

    def attempt(self, stage: str = "download") -> Assignment:
        self.count += 1
        attempt_id = f"a_{self.count:016x}"
        if self.run.open_attempt is not None:
            self.store.runs.update(self.run_id, self._ended)
        self.store.runs.update(self.run_id, lambda run: open_attempt(run, stage, attempt_id, 1, CLOCK.now()))
        return Assignment(attempt_id=attempt_id, run_id=self.run_id, stage=stage, epoch=1)

    def _ended(self, run: RunRecord) -> RunRecord:
        return end_attempt(run, AttemptOutcome.SHUTDOWN, CLOCK.now())

    def execute(self, stage: str = "download") -> object:
        return self.runner.execute(self.attempt(stage), self.control)

    def commit(self, outcome: object) -> None:
        assert isinstance(outcome, Committed)
        self.store.runs.update(self.run_id, lambda run: commit_stage(run, outcome.key, CLOCK.now()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_attempt_publishes_what_its_stage_wrote_with_a_receipt(bench: Bench) -> None:
    outcome = bench.execute()
    assert isinstance(outcome, Committed)
    assert not outcome.reused
    assert outcome.title == "A talk"
    assert outcome.units == 3
    folder = bench.layout.artifact("download", outcome.key)
    assert json.loads((folder / "result.json").read_text()) == [0, 1, 4]
    receipt = bench.artifacts.verify("download", outcome.key, deep=True)
    assert receipt is not None
    assert receipt.facts["title"] == "A talk"
    assert receipt.attempt == f"a_{1:016x}"
    assert receipt.cpu_s is not None
    assert receipt.memory_bytes is None or receipt.memory_bytes > 1_000_000


def test_what_is_published_is_found_and_not_made_again(bench: Bench) -> None:
    first = bench.execute()
    second = bench.execute()
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert second.reused
    assert second.key == first.key
    assert second.work is not None
    assert second.work.done == 0
    assert second.work.reused == 3
    assert bench.first.runs == 1


def test_a_stage_is_made_without_the_artifact_of_one_that_its_run_does_not_have(bench: Bench) -> None:
    bench.store.runs.update(RUN, lambda run: replace(run, stages=stages_for({"download": False, "transcribe": True})))
    outcome = bench.execute("transcribe")
    assert isinstance(outcome, Committed)
    receipt = bench.artifacts.receipt("transcribe", outcome.key)
    assert receipt is not None
    assert receipt.inputs == {}


def test_the_same_bytes_from_another_source_are_worked_on_once(bench: Bench) -> None:
    bench.commit(bench.execute())
    first = bench.execute("transcribe")
    bench.another()
    download = bench.execute()
    assert isinstance(download, Committed)
    assert not download.reused, "who fetches from elsewhere cannot know what comes"
    bench.commit(download)
    second = bench.execute("transcribe")
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert second.reused
    assert second.key == first.key
    assert bench.second.runs == 1


def test_other_bytes_are_worked_on_anew(bench: Bench) -> None:
    bench.commit(bench.execute())
    first = bench.execute("transcribe")
    bench.another()
    bench.first = CountingStage("download", units=4)
    bench.commit(bench.execute())
    second = bench.execute("transcribe")
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert second.key != first.key
    assert bench.second.runs == 2


def test_units_of_a_failed_attempt_are_not_made_again(bench: Bench) -> None:
    bench.first.before_unit = lambda number: trouble(ErrorClass.NETWORK)(number) if number == 2 else None
    failed = bench.execute()
    assert isinstance(failed, Failed)
    assert failed.error_class == ErrorClass.NETWORK
    assert failed.units == 2
    bench.first.before_unit = lambda number: None
    assert isinstance(bench.execute(), Committed)
    assert bench.first.made == [0, 1, 2]


def test_an_asked_for_end_comes_at_a_unit_boundary_and_keeps_the_units(bench: Bench) -> None:
    bench.first.before_unit = lambda number: bench.control.end() if number == 1 else None
    ended = bench.execute()
    assert ended == Ended(units=2)
    assert bench.first.made == [0, 1]


def explained_as_storage(error: OSError) -> StorageError:
    """What the store makes of an error of the disk."""
    said = files.storage_error(error, "keeping a unit")
    said.__cause__ = error
    return said


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), ErrorClass.DISK_FULL),
        (OSError(13, "Permission denied"), ErrorClass.LOCAL_IO),
        (OSError(24, "Too many open files"), ErrorClass.UNKNOWN),
        (OSError(27, "File too large"), ErrorClass.LIMIT_EXCEEDED),
        (explained_as_storage(OSError(24, "Too many open files")), ErrorClass.UNKNOWN),
        (explained_as_storage(OSError(5, "Input/output error")), ErrorClass.LOCAL_IO),
        (MemoryError(), ErrorClass.OUT_OF_MEMORY),
        (KeyError("total_bytes"), ErrorClass.UNKNOWN),
    ],
)
def test_whatever_a_tool_throws_becomes_a_failure_of_a_known_class(
    bench: Bench, error: Exception, expected: ErrorClass
) -> None:
    bench.first.before_unit = Trouble(error)
    outcome = bench.execute()
    assert isinstance(outcome, Failed)
    assert outcome.error_class == expected
    assert outcome.hint
    assert "Traceback" not in outcome.message


def test_of_what_became_too_long_only_the_units_are_kept(bench: Bench) -> None:
    def too_long(number: int) -> None:
        (work,) = bench.layout.work_root.glob("download/*")
        (work / "part").write_text("moving pic")
        if number == 2:
            raise OSError(27, "File too large")

    bench.first.before_unit = too_long
    assert isinstance(bench.execute(), Failed)
    left = {path.name for path in bench.layout.work_root.glob("download/*/*")}
    assert left == {"begun.jsonl", "units.jsonl"}
    bench.first.before_unit = lambda number: None
    assert isinstance(bench.execute(), Committed)
    assert bench.first.made == [0, 1, 2]


def test_a_damaged_input_is_named_and_not_used(bench: Bench) -> None:
    made = bench.execute()
    bench.commit(made)
    assert isinstance(made, Committed)
    (bench.layout.artifact("download", made.key) / "result.json").write_text("[0, 1, 5]")
    assert bench.execute("transcribe") == InputDamaged(stage="download")
    assert bench.second.runs == 0


def test_an_attempt_that_is_not_the_open_one_does_nothing(bench: Bench) -> None:
    old = bench.attempt()
    bench.attempt()
    assert bench.runner.execute(old, bench.control) == Stale()
    assert bench.first.runs == 0


def test_a_key_somebody_else_works_on_is_waited_for_and_not_worked_on_twice(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    (work,) = (bench.layout.root / "work" / "download").iterdir()
    lock = Lock(bench.layout.key_lock("download", work.name))
    assert lock.acquire()
    try:
        assert bench.execute() == Shared(key=work.name)
    finally:
        lock.release()


def test_what_a_killed_attempt_left_half_made_is_cleared_by_the_next(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    work = next((bench.layout.root / "work" / "download").iterdir())
    leftover = work / "tmp.a_killed"
    leftover.mkdir()
    (leftover / "half").write_text("half")
    bench.execute()
    assert not leftover.exists()


def test_published_work_keeps_its_units_and_nothing_big(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    (work,) = (bench.layout.root / "work" / "download").iterdir()
    (work / "audio.pcm").write_bytes(b"0" * 1000)
    assert isinstance(bench.execute(), Committed)
    assert sorted(path.name for path in work.iterdir()) == ["begun.jsonl", "units.jsonl"]


def test_the_log_has_the_sentence_of_a_known_error_and_the_trace_of_an_unknown_one(bench: Bench) -> None:
    logs: list[str] = []
    for error in (StageError(ErrorClass.NETWORK, "The line broke."), KeyError("total_bytes")):
        bench.first.before_unit = Trouble(error)
        assignment = bench.attempt()
        bench.runner.execute(assignment, bench.control)
        logs.append(bench.layout.attempt_log(RUN, "download", assignment.attempt_id).read_text())
    assert "The line broke." in logs[0]
    assert "Traceback" not in logs[0]
    assert "Traceback" in logs[1]
    assert "total_bytes" in logs[1]


def killed_at(number: int) -> Callable[[int], None]:
    """What kills this process for real when the unit `number` is begun."""
    return lambda unit: os.kill(os.getpid(), signal.SIGKILL) if unit == number else None


def in_a_process_of_its_own(act: Callable[[], object]) -> int:
    """Call `act` in a forked process and give how that ended (a signal as its negative number)."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("kills", [1, 2])
def test_what_was_in_flight_when_the_process_was_killed_is_what_the_receipt_calls_done_again(
    bench: Bench, kills: int
) -> None:
    bench.first.before_unit = killed_at(2)
    for _ in range(kills):
        assignment = bench.attempt()
        assert in_a_process_of_its_own(lambda: bench.runner.execute(assignment, bench.control)) == -signal.SIGKILL  # noqa: B023
    bench.first.before_unit = lambda number: None
    outcome = bench.execute()
    assert isinstance(outcome, Committed)
    assert outcome.work == Work(unit="audio_s", done=1.0, reused=2.0, redone=float(kills))


def test_no_published_file_tells_of_what_was_done_twice(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    outcome = bench.execute()
    assert isinstance(outcome, Committed)
    assert outcome.work is not None
    assert outcome.work.redone == 1.0
    receipt = bench.artifacts.receipt("download", outcome.key)
    assert receipt is not None
    assert receipt.work is not None
    assert receipt.work.redone is None


def test_a_run_that_finds_what_it_published_before_a_crash_still_knows_what_it_did_twice(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    bench.execute()
    found = bench.execute()
    assert isinstance(found, Committed)
    assert found.reused
    assert found.work == Work(unit="audio_s", done=0.0, reused=3.0, redone=1.0)


def test_work_that_is_made_once_more_later_is_no_work_done_twice_now(bench: Bench) -> None:
    bench.first.before_unit = trouble(ErrorClass.NETWORK)
    bench.execute()
    first = bench.execute()
    assert isinstance(first, Committed)
    (bench.layout.artifact("download", first.key) / "result.json").write_text("damaged")
    second = bench.execute()
    assert isinstance(second, Committed)
    assert second.work == Work(unit="audio_s", done=0.0, reused=3.0, redone=0.0)
