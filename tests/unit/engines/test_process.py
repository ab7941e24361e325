"""Whatever becomes of a worker process, its death is told once, when nothing of it is left: else its run never ends."""

import os
import threading
from pathlib import Path

import pytest

from core.engines import process
from core.engines.process import WorkerProcess
from core.runner.outcome import Ended, Report, encode_line
from core.runner.worker import End
from core.system.clock import SystemClock
from tests.support.shortage import no_more_descriptors
from tests.support.waiting import until

REPORT = Report(attempt_id="a_1", outcome=Ended(units=1))
TORN = '{"attempt_id":"a_1","outcome":{"type":"Committed","key":"k'


class Heard:
    """A worker that runs a script of the shell when it is told to `go`, and what was told of it."""

    def __init__(self, folder: Path, script: str) -> None:
        self.reports: list[Report] = []
        self.deaths: list[str] = []
        (folder / "report").write_bytes(encode_line(REPORT))
        (folder / "torn").write_text(TORN)
        self.worker = WorkerProcess(
            ["sh", "-c", f"cd '{folder}'; read go; {script}"],
            environment=dict(os.environ),
            log=folder / "log",
            clock=SystemClock(),
            on_report=lambda _, report: self.reports.append(report),
            on_death=lambda _, how: self.deaths.append(how),
        )

    def go(self) -> None:
        """Let the script begin: by then its process has been looked at, as that of a worker has before any work."""
        self.worker.send(End())

    def wait(self) -> list[str]:
        """What was told of its death, once that was waited for."""
        assert self.worker.join(30.0)
        return self.deaths


def test_a_worker_killed_while_it_writes_a_report_is_told_dead(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "cat report torn; kill -9 $$")
    heard.go()
    assert heard.wait() == ["signal SIGKILL"]
    assert heard.reports == [REPORT], "what was whole before it is believed"


def test_a_worker_whose_report_nobody_understands_is_ended(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "cat torn; echo; exec sleep 600")
    heard.go()
    assert heard.wait() == ["signal SIGKILL"]
    assert heard.reports == []


def test_a_death_while_there_are_no_descriptors_is_told_once_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    real = process.group_states

    def look(group: int) -> list[str]:
        try:
            return real(group)
        finally:
            looked.set()

    monkeypatch.setattr(process, "group_states", look)
    heard = Heard(tmp_path, "true")
    with no_more_descriptors():
        heard.worker.signal_group(process.signal.SIGKILL)
        until(looked.is_set)
        assert heard.deaths == [], "nobody knows whether it left a process behind"
    assert heard.wait() == ["signal SIGKILL"]


def test_what_cannot_be_seen_is_not_said_to_stand_still(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "true")
    heard.worker.signal_group(process.signal.SIGSTOP)
    with no_more_descriptors():
        assert not heard.worker.stands_still()
    until(heard.worker.stands_still)
    heard.worker.signal_group(process.signal.SIGKILL)
    assert heard.wait() == ["signal SIGKILL"]
