"""Each worker of the service is seen with what it uses and what it is at; what is no worker of it is not."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.domain.run import Attempt
from core.domain.states import Phase
from core.manager.index import Index
from core.manager.workers import Workers, lane_of
from core.store.locks import Lock
from core.system.clock import ManualClock
from core.system.identity import this_process
from core.system.processes import Usage, groups_below
from tests.support.showcase import Showcase
from tests.support.waiting import until

Start = Callable[..., subprocess.Popen[bytes]]
IDLES = "import sys; sys.stdin.read()"
# Works for a fifth of a second of processor time, says so, and idles.
WORKS = "import os, sys\nwhile os.times().user < 0.2: pass\nprint(flush=True); sys.stdin.read()"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that ends with the test; its command looks like that of a worker of a lane."""
    with ExitStack() as ending:

        def started(*words: str, code: str = IDLES) -> subprocess.Popen[bytes]:
            child = subprocess.Popen(
                [sys.executable, "-c", code, "-m", "core", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            ending.enter_context(child)
            ending.callback(child.kill)
            return child

        yield started


@pytest.fixture
def case(tmp_path: Path) -> Showcase:
    return Showcase(tmp_path / "storage")


def looked_at(case: Showcase, clock: ManualClock | None = None) -> Workers:
    """What looks at the workers of a storage."""
    index = Index(case.store)
    index.load()
    return Workers(index, case.layout, clock or ManualClock())


def test_workers_are_seen_by_lane_with_memory_and_processor_time(case: Showcase, start: Start) -> None:
    working = start("worker", "cpu", "1", code=WORKS)
    assert working.stdout is not None
    working.stdout.readline()
    start("merger", "e_1", "1")
    start("serve")
    with Lock(case.layout.service_lock()).holding():
        found = {one.lane: one for one in looked_at(case).look()}
    assert found.keys() == {"cpu", "merger"}
    assert found["cpu"].pid == working.pid
    assert found["cpu"].memory_bytes > 1_000_000
    assert found["cpu"].cpu_s >= 0.2
    assert found["cpu"].load is None, "it takes two looks to know how busy it is"


def test_a_worker_is_named_with_the_run_and_the_stage_it_is_at(case: Showcase, start: Start) -> None:
    owner = this_process(start("worker", "network", "1").pid)
    at = [Attempt(id="a_1", stage="download", epoch=1, started_at=case.ago(1), owner=owner)]
    run = case.run(case.batch("Talks"), "Talk", Phase.RUNNING, attempts=at)
    with Lock(case.layout.service_lock()).holding():
        (worker,) = looked_at(case).look()
    assert (worker.run_id, worker.stage) == (run.run_id, "download")


def test_how_busy_it_is_is_told_by_two_looks_and_what_it_spent_outlives_it(case: Showcase, start: Start) -> None:
    clock = ManualClock()
    workers = looked_at(case, clock)
    with Lock(case.layout.service_lock()).holding():
        child = start("worker", "cpu", "1", code=WORKS)
        workers.look()
        assert child.stdout is not None
        child.stdout.readline()
        clock.advance(0.1)
        (worker,) = workers.look()
        assert worker.load is not None
        spent_s = workers.spent_s["cpu"]
        assert spent_s >= 0.2
        assert workers.look()[0].load is None, "no time has passed since"
        child.kill()
        child.wait()
        assert workers.look() == []
        assert workers.spent_s["cpu"] == spent_s
        start("worker", "cpu", "1")
        workers.look()
        assert workers.spent_s["cpu"] >= spent_s, "the next one begins at nothing and takes nothing away"


def test_without_a_living_service_there_are_no_workers(case: Showcase, start: Start) -> None:
    start("worker", "cpu", "1")
    assert looked_at(case).look() == []


def test_the_tools_of_a_worker_are_counted_with_it(start: Start) -> None:
    tool = "import subprocess, sys\nchild = subprocess.Popen(['cat'], stdin=subprocess.PIPE)\nprint(flush=True); sys.stdin.read()"
    worker = start("worker", "cpu", "1", code=tool)
    assert worker.stdout is not None
    worker.stdout.readline()
    (group,) = [one for one in groups_below(os.getpid()) if one.pid == worker.pid]
    assert group.processes == 2
    worker.kill()
    until(lambda: all(one.pid != worker.pid for one in groups_below(os.getpid())))


@pytest.mark.parametrize(
    ("command", "lane"),
    [
        (("python", "-m", "core", "worker", "cpu", "7"), "cpu"),
        (("python", "-m", "core", "merger", "e_1", "7"), "merger"),
        (("python", "-m", "core", "serve"), None),
        (("python", "-m", "core", "worker"), None),
        (("core", "worker", "cpu"), None),
        ((), None),
    ],
)
def test_what_is_a_worker_is_told_by_its_command(command: tuple[str, ...], lane: str | None) -> None:
    assert lane_of(Usage(pid=1, parent=2, start_ticks=3, command=command)) == lane
