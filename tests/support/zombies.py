"""Rounds with zombies: a worker is stopped, its service killed, a new service takes over, and the worker goes on.

Who may still do what is decided by the kernel's locks, the takeover lines of units, and by who renames first. Each round
is judged by what the processes themselves noted, and by the files.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from core.bootstrap import open_storage
from core.config import Config
from core.domain.batch import BatchRecord
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.manager.intake import member
from core.store.layout import new_batch_id, new_run_id
from core.system.clock import SystemClock
from tests.support.product import ROOT
from tests.support.waiting import until
from tests.support.zombie_worker import UNITS

# How far the worker is when it is stopped: before any lock, at a unit, before the rename, before its report.
MOMENTS = ("start", *(str(number) for number in range(UNITS)), "publish", "report")
LOCKS = ("kept", "lost")  # lost: as on a second machine, or when somebody deletes lock files
WAKES = ("before", "beside", "after")  # the end of the new service's attempt, that is to say
ALL = tuple((moment, locks, wake) for moment in MOMENTS for locks in LOCKS for wake in WAKES)


@dataclass
class Ended:
    """What came of one round."""

    moment: str
    locks: str
    wake: str
    taken_over: bool  # while the worker stood still
    publications: int  # of the stage, by anybody
    late: str  # what the stopped worker's attempt came to
    phase: str
    whole: bool  # the results are what they have to be, and bit for bit as they were published
    attempts: list[str]

    def is_right(self) -> bool:
        """One publication, nothing overwritten, and taken over exactly when no lock was in the way."""
        free = self.locks == "lost" or self.moment in ("start", "report")
        return self.publications == 1 and self.whole and self.phase == "completed" and self.taken_over == free


class Haunted:
    """A storage with one run, and services and workers of its own."""

    def __init__(self, folder: Path) -> None:
        self.storage = folder / "storage"
        self.gates = self.storage / "gates"
        self.gates.mkdir(parents=True)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("REPRISE_")},
            "REPRISE_STORAGE": str(self.storage),
            "REPRISE_FREE_SPACE_BYTES": "0",
            "REPRISE_RESCAN_S": "0.2",
            "REPRISE_NETWORK_WORKERS": "1",
            "PYTHONPATH": str(ROOT),
        }
        self.opened = open_storage(Config(storage=str(self.storage)))
        self.run_id = self._add()
        self._services: list[subprocess.Popen[bytes]] = []

    def _add(self) -> str:
        clock = SystemClock()
        now, settings, store = clock.now(), Settings(quotes=False, summary=False), self.opened.store
        batch_id = new_batch_id(clock)
        run = RunRecord(
            run_id=new_run_id(clock),
            batch_id=batch_id,
            space_id="s1",
            position=1,
            source=Source(kind="url", value="https://example.com/1.mp4"),
            owner="local:ana",
            created_at=now,
            updated_at=now,
            stages=stages_for({"download": True, "transcribe": True}),
        )
        batch = BatchRecord(
            batch_id=batch_id, name="talks", owner="local:ana", created_at=now, updated_at=now, settings=settings
        )
        store.runs.create(run.run_id, run)
        store.batches.create(batch_id, replace(batch, phase=BatchPhase.RUNNING, members=[member(run)]))
        return run.run_id

    def serve(self) -> subprocess.Popen[bytes]:
        """One more service; the one before is dead."""
        with (self.storage / "serve.err").open("ab") as errors:
            service = subprocess.Popen(
                [sys.executable, "-m", "tests.support.zombie_service"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                cwd=ROOT,
            )
        self._services.append(service)
        return service

    def noted(self) -> list[dict[str, Any]]:
        """What the workers noted so far."""
        path = self.storage / "zombies.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def run(self) -> RunRecord:
        """The run as its file has it."""
        return self.opened.store.runs.get(self.run_id).value

    def open_gates(self, *names: str) -> None:
        """Let workers pass these gates."""
        for name in names:
            (self.gates / name).touch()

    def waits_at(self, moment: str, attempt: str) -> bool:
        """Whether the worker of `attempt` has come to the gate `moment`."""
        states = {line["state"] for line in self.noted() if line.get("attempt") == attempt}
        if moment == "start":
            return "handed" in states
        if moment == "report":
            return "over" in states
        counted = UNITS if moment == "publish" else int(moment)
        units = [path.read_text().count('"unit":') for path in self.storage.glob("work/transcribe/*/units.jsonl")]
        return bool(units) and units[0] >= counted and "handed" in states

    def published(self) -> dict[str, bytes]:
        """Every file of the stage's artifact, its receipt too."""
        files = [path for path in self.storage.glob("artifacts/transcribe/*/*") if path.is_file()]
        return {str(path.relative_to(self.storage)): path.read_bytes() for path in files}

    def lose_locks(self) -> None:
        """Delete the files on which the stopped worker holds its locks: it holds them still, and nobody sees it."""
        for path in [*self.storage.glob("locks/*.owner"), *self.storage.glob("locks/*.key")]:
            path.unlink()

    def close(self) -> None:
        """End every process of this storage."""
        for service in self._services:
            if service.poll() is None:
                service.kill()
            service.wait()
        pids = {line["pid"] for line in self.noted()} | self._workers()
        for pid in pids:
            signalled(pid, signal.SIGKILL)
        until(lambda: not self._workers())

    def _workers(self) -> set[int]:
        """The living workers of this storage."""
        wanted = f"tests.support.zombie_worker\0{self.storage}\0".encode()
        found = set()
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if wanted in entry.read_bytes():
                    found.add(int(entry.parent.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found


def signalled(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def a_round(folder: Path, moment: str, locks: str, wake: str, dice: Random) -> Ended:
    """One zombie, from its birth to the end of the run."""
    haunted = Haunted(folder)
    try:
        return _haunt(haunted, moment, locks, wake, dice)
    finally:
        haunted.close()


def _haunt(haunted: Haunted, moment: str, locks: str, wake: str, dice: Random) -> Ended:
    haunted.open_gates(*MOMENTS[: MOMENTS.index(moment)])
    first = haunted.serve()
    until(lambda: bool(_handed(haunted)))
    zombie = _handed(haunted)[0]
    until(lambda: haunted.waits_at(moment, zombie["attempt"]))
    signalled(zombie["pid"], signal.SIGSTOP)
    first.kill()
    first.wait()
    if locks == "lost":
        haunted.lose_locks()
    haunted.serve()
    until(lambda: bool((pool := haunted.opened.store.pool.get("pool").value).recovery) and pool.epoch == 2)
    # Nobody holds a lock at these two moments; at all others whoever keeps its lock keeps its run.
    free = locks == "lost" or moment in ("start", "report")
    if free:
        until(lambda: len(_handed(haunted)) > 1 or haunted.run().phase == "completed")
    taken_over = free
    if free and wake == "after":
        haunted.open_gates(*MOMENTS)
        until(lambda: haunted.run().phase == "completed")
        before = haunted.published()
        signalled(zombie["pid"], signal.SIGCONT)
    else:
        taken_over = free or [attempt.outcome for attempt in haunted.run().attempts] != ["committed", None]
        signals = [lambda: signalled(zombie["pid"], signal.SIGCONT), lambda: haunted.open_gates(*MOMENTS)]
        for act in signals if wake == "before" or dice.random() < 0.5 else reversed(signals):
            act()
        until(lambda: haunted.run().phase == "completed")
        before = haunted.published()
    until(lambda: _is_over(haunted, zombie))
    run = haunted.run()
    notes = haunted.noted()
    publications = [line for line in notes if str(line.get("publishes")).startswith("transcribe/")]
    return Ended(
        moment=moment,
        locks=locks,
        wake=wake,
        taken_over=taken_over,
        publications=sum(line["done"] for line in publications),
        late=_said(notes, zombie["attempt"]),
        phase=str(run.phase),
        whole=haunted.published() == before and _is_right(before),
        attempts=[str(attempt.outcome) for attempt in run.attempts],
    )


def _handed(haunted: Haunted) -> list[dict[str, Any]]:
    return [line for line in haunted.noted() if line.get("state") == "handed" and line["stage"] == "transcribe"]


def _is_over(haunted: Haunted, zombie: dict[str, Any]) -> bool:
    """Whether the stopped worker has ended, and has been seen to end."""
    mine = {line.get("state") for line in haunted.noted() if line["pid"] == zombie["pid"]}
    return "unheard" in mine or not Path(f"/proc/{zombie['pid']}").exists()


def _said(notes: list[dict[str, Any]], attempt: str) -> str:
    """In a word, what an attempt came to."""
    outcomes = [line["outcome"] for line in notes if line.get("attempt") == attempt and line["state"] == "over"]
    if not outcomes:
        return "never ended"
    outcome = outcomes[0]
    if outcome["type"] != "Committed":
        return str(outcome["type"]) + (f" {outcome['error_class']}" if "error_class" in outcome else "")
    tried = [line["done"] for line in notes if "publishes" in line and line["publishes"].endswith(outcome["key"])]
    return "found it made" if outcome.get("reused") else "published" if tried else "committed"


def _is_right(files: dict[str, bytes]) -> bool:
    """Exactly one artifact, with the result these units give, and a receipt that names its checksum."""
    results = {name: data for name, data in files.items() if name.endswith("/result.json")}
    receipts = [data for name, data in files.items() if name.endswith("/receipt.json")]
    if len(results) != 1 or len(receipts) != 1:
        return False
    ((_, data),) = results.items()
    receipt = json.loads(receipts[0])
    right = json.loads(data) == [number * number for number in range(UNITS)]
    return right and receipt["files"]["result.json"]["sha256"] == hashlib.sha256(data).hexdigest()
