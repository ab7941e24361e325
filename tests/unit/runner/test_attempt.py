"""What a running stage tells of itself."""

import os
from pathlib import Path

import pytest

from core.domain.run import Source
from core.domain.settings import Settings
from core.runner.attempt import KEPT_LOGS, STANDSTILL_S, RunningAttempt
from core.runner.control import Control
from core.stages.stage import Job
from core.store.layout import Layout
from core.store.progress import read_progress
from core.store.units import UnitLog
from core.system.clock import ManualClock
from tests.support.storage import NOON, new_layout

RUN = "r_1"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return new_layout(tmp_path)


def attempt(layout: Layout, clock: ManualClock, number: int = 1, key: str = "key") -> RunningAttempt:
    work = layout.work("download", key)
    work.mkdir(parents=True, exist_ok=True)
    return RunningAttempt(
        layout=layout,
        clock=clock,
        control=Control(),
        job=Job(space_id="s", source=Source(kind="file", value="/talk.mp4"), settings=Settings(), inputs={}),
        run_id=RUN,
        stage="download",
        unit="bytes",
        attempt_id=f"a_{number}",
        key=key,
        work=work,
        units=UnitLog(work / "units.jsonl", f"a_{number}", 1),
    )


def share(layout: Layout) -> float:
    progress = read_progress(layout, RUN)
    assert progress is not None
    return float(progress["share"])


def test_the_share_that_is_told_never_falls_also_over_attempts(layout: Layout) -> None:
    clock = ManualClock(NOON)
    first = attempt(layout, clock)
    first.progress(60, 100, "downloading")
    clock.advance(1)
    first.progress(0, None, "looking")
    assert share(layout) == 0.6
    second = attempt(layout, clock, 2)
    second.progress(0, 100, "downloading")
    assert share(layout) == 0.6
    clock.advance(1)
    second.progress(80, 100, "downloading")
    assert share(layout) == 0.8


def test_another_piece_of_work_begins_at_nothing(layout: Layout) -> None:
    clock = ManualClock(NOON)
    attempt(layout, clock).progress(100, 100)
    attempt(layout, clock, 2, key="other").progress(0, 100)
    assert share(layout) == 0.0


def test_progress_is_written_four_times_a_second_at_most_and_its_end_always(layout: Layout) -> None:
    clock = ManualClock(NOON)
    running = attempt(layout, clock)
    running.progress(1, 100)
    running.progress(2, 100)
    assert share(layout) == 0.01
    clock.advance(0.25)
    running.progress(3, 100)
    assert share(layout) == 0.03
    running.progress(100, 100)
    assert share(layout) == 1.0


def test_a_log_that_grows_without_end_is_cut_and_says_so(layout: Layout) -> None:
    running = attempt(layout, ManualClock(NOON))
    for _ in range(40):
        running.log("x" * 100_000)
    lines = layout.attempt_log(RUN, "download", "a_1").read_text().splitlines()
    assert "the log is full" in lines[-1]
    assert sum(map(len, lines)) < 2.2 * 1024 * 1024


def test_a_line_of_output_can_neither_steer_a_terminal_nor_forge_another_line(layout: Layout) -> None:
    running = attempt(layout, ManualClock(NOON))
    running.log("\x1b[31mred\nnext\u202e \ud800 end\n")
    (line,) = layout.attempt_log(RUN, "download", "a_1").read_text().splitlines()
    assert "\\u" not in line
    assert "red" in line
    assert "\x1b" not in line


def test_what_was_reached_before_is_told_over_attempts_on_the_same(layout: Layout) -> None:
    def reached() -> tuple[float, float]:
        told = read_progress(layout, RUN)
        assert told is not None
        return told["reached_before"], told["reached"]

    clock = ManualClock(NOON)
    attempt(layout, clock).progress(60, None, "downloading")
    assert reached() == (0.0, 60.0)
    second = attempt(layout, clock, 2)
    second.progress(40, None, "downloading")
    assert reached() == (60.0, 60.0), "what is fetched once more is nothing new"
    clock.advance(1)
    second.progress(90, None, "downloading")
    assert reached() == (60.0, 90.0)
    attempt(layout, clock, 3, key="another").progress(10, None, "downloading")
    assert reached() == (0.0, 10.0)


def test_a_run_keeps_the_logs_of_its_newest_attempts(layout: Layout) -> None:
    for number in range(KEPT_LOGS + 3):
        attempt(layout, ManualClock(NOON), number).log("started")
        path = layout.attempt_log(RUN, "download", f"a_{number}")
        os.utime(path, (number, number))
    left = {path.stem for path in path.parent.iterdir()}
    assert left == {f"download.a_{number}" for number in range(3, KEPT_LOGS + 3)}


def test_the_time_in_which_the_process_stood_still_is_no_work(layout: Layout) -> None:
    clock = ManualClock(NOON)
    running = attempt(layout, clock)
    clock.advance(1)
    running.progress(0, None, "preparing")
    running.progress(25, 100)
    for _ in range(10):
        clock.advance(1)
        running.check()
    clock.advance(3600)  # stopped, and told to go on
    running.check()
    running.progress(50, 100)
    told = read_progress(layout, RUN)
    assert told is not None
    assert (told["began_share"], told["worked_s"], told["elapsed_s"]) == (
        0.25,
        10.0 + STANDSTILL_S,
        11.0 + STANDSTILL_S,
    )
