"""Durable runs whose stages do nothing: how many steps a second, beside DBOS on SQLite with as many steps?

    python -m bench.durable_runs [--runs 150] [--rounds 3] [--dbos PYTHON]

Ours: a real service with real worker processes; a run has four stages that do nothing, and a stage that is committed is
a step: its attempt was opened durably, its artifact published with a receipt, its end written and journaled. DBOS:
workflows of four steps that do nothing, started directly, in the journal mode of SQLite that it comes with and in the
faster one (WAL), every commit fsynced (`synchronous=FULL`). Both on one disk, in turn, `--rounds` times; the best round of
each counts. The gap is measured within the stages and steps themselves: from the end of one to the beginning of the next.

DBOS is installed into an environment of its own for the time of the benchmark, or taken from the Python that `--dbos` names.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from bench.noop_product import LANES, stages
from bench.processes import percentile, scratch
from core.bootstrap import open_manager
from core.config import load_config
from core.domain.batch import BatchRecord
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase, Phase
from core.manager.intake import member
from core.manager.writer import Writer
from core.store.layout import new_batch_id, new_run_id
from tests.support.product import ROOT, Product
from tests.support.stillness import processor_ticks
from tests.support.waiting import until

DBOS_VERSION = "3.4.0"
GOAL = 1.5
A_BATCH = 5  # as many as a batch works on at once
STEPS = len(LANES)
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Result:
    """One side in one round."""

    steps: int
    seconds: float
    cpu_ms: float
    gaps_ms: Sequence[float]

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds


def main() -> int:
    """Print the table; exit code 1 when the goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="*", default=[1, 4], help="workflows at any time, each tried")
    parser.add_argument("--workers", type=int, default=1, help="worker processes in each of three lanes")
    parser.add_argument("--dbos", help="a Python that has DBOS; `none` leaves that side out")
    chosen = parser.parse_args()
    with scratch() as folder:
        ways: dict[str, list[Result]] = {}
        python = None if chosen.dbos == "none" else chosen.dbos or an_environment_with_dbos(folder)
        for number in range(chosen.rounds):
            print(f"round {number + 1}: one fsync {fsync_ms(folder):.2f} ms", flush=True)
            ours = Ours(folder / f"ours-{number}", chosen.runs, chosen.workers)
            note(ways, "Reprise", ours.measure(chosen.runs))
            note(ways, "Reprise, one run at a time", ours.measure(max(1, chosen.runs // 10), at_once=1))
            ours.close()
            for journal in ("delete", "wal") if python else ():
                for at_once in chosen.at_once:
                    place = folder / f"dbos-{number}-{journal}-{at_once}"
                    name = f"DBOS, {journal}, {at_once} at once"
                    note(ways, name, dbos(str(python), place, chosen.runs, at_once, journal))
        return report(ways, fsync_ms(folder))


def note(ways: dict[str, list[Result]], name: str, result: Result) -> None:
    """Keep and tell one result."""
    ways.setdefault(name, []).append(result)
    print(f"  {name:28} {result.rate:8.1f} steps/s  {result.cpu_ms / result.steps:6.2f} ms CPU a step", flush=True)


def report(ways: dict[str, list[Result]], fsync: float) -> int:
    """The best round of each way, and the ratio."""
    print(f"\n{'':28}{'steps/s':>10}{'CPU ms':>10}{'gap p50':>10}{'gap p99':>10} ms")
    best = {name: max(results, key=lambda one: one.rate) for name, results in ways.items()}
    for name, one in best.items():
        gaps = [percentile(one.gaps_ms, share) for share in (0.5, 0.99)]
        print(f"{name:28}{one.rate:10.1f}{one.cpu_ms / one.steps:10.2f}{gaps[0]:10.1f}{gaps[1]:10.1f}")
    ours = best["Reprise"].rate
    print(f"{'fsync ceiling, one writer':28}{1000 / fsync:10.1f}")
    met = True
    for journal, what in (("delete", "as it comes"), ("wal", "tuned: WAL")):
        theirs = [one.rate for name, one in best.items() if name.startswith(f"DBOS, {journal}")]
        if theirs:
            ratio = ours / max(theirs)
            print(f"{ratio:.2f} times DBOS {what}, goal {GOAL}: {'met' if ratio >= GOAL else 'MISSED'}")
            met = met and (ratio >= GOAL or journal == "wal")
    return 0 if met else 1


class Ours:
    """A service with warm workers on a storage of its own."""

    def __init__(self, folder: Path, runs: int, workers: int) -> None:
        lanes = {f"{lane}_workers": workers for lane in ("network", "cpu", "api")}
        self.product = Product(folder, **lanes)
        self.product.storage.mkdir(parents=True)
        with (folder / "service.err").open("ab") as errors:
            self.service = subprocess.Popen(
                [sys.executable, "-m", "bench.noop_product", "serve"],
                env={**self.product.environment, "PYTHONPATH": str(ROOT)},
                stderr=errors,
                start_new_session=True,
            )
        until(self.product.has_service)
        self.manager = open_manager(load_config(self.product.environment), via="bench")
        self.writer = Writer(store=self.manager.storage.store, index=self.manager.storage.index, via="bench")
        self.measure(A_BATCH)  # workers started, everything imported

    def measure(self, runs: int, at_once: int = 0) -> Result:
        """Work off so many runs (`at_once`: of one batch that works on so many at a time)."""
        size = runs if at_once else A_BATCH
        self.manager.commands.pool("pause", by="bench")
        batches = [self._batch(min(size, runs - first), at_once or 5) for first in range(0, runs, size)]
        pids = self._processes()
        ticks, began = processor_ticks(pids), time.monotonic()
        self.manager.commands.pool("resume", by="bench")
        run_ids = [run_id for batch in batches for run_id in batch]
        until(lambda: self._done(run_ids), patience_s=600)
        cpu_ms = (processor_ticks(pids) - ticks) * 1000 / TICKS_PER_S
        spans = [self._spans(run_id) for run_id in run_ids]
        ended = max(self._ended(run_id) for run_id in run_ids) - datetime.now(UTC).timestamp() + time.monotonic()
        gaps = [(b[0] - a[1]) * 1000 for one in spans for a, b in pairwise(one)]
        return Result(runs * STEPS, ended - began, cpu_ms, gaps)

    def _batch(self, runs: int, concurrency: int) -> list[str]:
        clock, wanted = self.manager.storage.clock, stages().wanted(Settings())
        now = clock.now()
        batch = BatchRecord(
            batch_id=new_batch_id(clock), name="bench", owner="bench", phase=BatchPhase.RUNNING,
            settings=Settings(), concurrency=concurrency, created_at=now, updated_at=now,
        )  # fmt: skip
        made = []
        for number in range(1, runs + 1):
            run_id = new_run_id(clock)
            run = RunRecord(
                run_id=run_id, batch_id=batch.batch_id, space_id=run_id, position=number, owner="bench",
                source=Source(kind="url", value="https://example.com/"), created_at=now, updated_at=now,
                stages=stages_for(wanted),
            )  # fmt: skip
            made.append(run)
            self.writer.new_run(run)
        self.writer.new_batch(replace(batch, members=[member(run) for run in made]), "bench", {})
        return [run.run_id for run in made]

    def _processes(self) -> set[int]:
        from tests.support.kills import family

        return family(self.product)

    def _done(self, run_ids: list[str]) -> bool:
        """Whether all are completed; looks at the last ones only, so as not to be a load itself."""
        return all(self._phase(run_id) == Phase.COMPLETED for run_id in reversed(run_ids))

    def _phase(self, run_id: str) -> Phase:
        return self.manager.storage.store.runs.get(run_id).value.phase

    def _ended(self, run_id: str) -> float:
        """When the last state of a run was put in place: its file's time, at most a tick of the kernel early."""
        return self.manager.storage.layout.run_state(run_id).stat().st_mtime

    def _spans(self, run_id: str) -> list[tuple[float, float]]:
        run = self.manager.storage.store.runs.get(run_id).value
        found = []
        for stage in LANES:
            receipt = self.manager.storage.artifacts.receipt(stage, run.stages[stage].key or "")
            assert receipt is not None
            found.append((receipt.facts["began"], receipt.facts["ended"]))
        return found

    def close(self) -> None:
        """End the service."""
        self.service.terminate()
        self.service.wait()
        self.product.close()


def dbos(python: str, folder: Path, runs: int, at_once: int, journal: str) -> Result:
    """The other side, in a process of its own."""
    folder.mkdir()
    program = [python, str(ROOT / "bench" / "dbos_side.py"), str(folder)]
    options = ["--runs", str(runs), "--steps", str(STEPS), "--at-once", str(at_once), "--journal", journal]
    done = subprocess.run([*program, *options], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(f"DBOS failed:\n{done.stderr[-3000:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["journal_mode"] == journal, said
    assert said["synchronous used"] == 2, said
    return Result(said["steps"], said["seconds"], said["cpu_ms"], said["gaps_ms"])


def an_environment_with_dbos(folder: Path) -> str:
    """An environment with DBOS in it, made for this run of the benchmark."""
    print(f"installing DBOS {DBOS_VERSION} beside the benchmark", flush=True)
    venv.create(folder / "dbos", with_pip=True)
    python = str(folder / "dbos" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", f"dbos=={DBOS_VERSION}"], check=True)
    return python


def fsync_ms(folder: Path, count: int = 300) -> float:
    """The median milliseconds of an append of 200 bytes with fsync."""
    path = folder / "fsync"
    times = []
    with path.open("ab", buffering=0) as file:
        for _ in range(count):
            before = time.perf_counter()
            file.write(b"x" * 200)
            os.fsync(file.fileno())
            times.append(time.perf_counter() - before)
    path.unlink()
    return statistics.median(times) * 1000


if __name__ == "__main__":
    sys.exit(main())
