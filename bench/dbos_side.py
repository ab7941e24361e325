"""The other side of `bench.durable_runs`: the same durable steps by DBOS on SQLite. Runs in a Python that has DBOS.

    python bench/dbos_side.py FOLDER --runs 100 --steps 4 --at-once 4 --journal delete|wal

Workflows are started directly, `--at-once` of them at any time, each with so many steps that do nothing. Prints one line
of JSON. It imports nothing of this repository.
"""

import argparse
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import sqlalchemy
from dbos import DBOS, DBOSConfig

SPANS: dict[str, list[tuple[float, float]]] = {}  # by workflow: when each of its steps began and ended


@DBOS.step()
def nothing(run: str, number: int) -> int:
    """A step that does nothing but tell when."""
    now = time.monotonic()
    SPANS.setdefault(run, []).append((now, time.monotonic()))
    return number


@DBOS.workflow()
def workflow(run: str, steps: int) -> int:
    """So many steps one after the other."""
    return sum(nothing(run, number) for number in range(steps))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--journal", choices=("delete", "wal"), default="delete")
    chosen = parser.parse_args()
    database = chosen.folder / "dbos.sqlite"
    with sqlite3.connect(database) as made:  # the mode stays with the file
        made.execute(f"PRAGMA journal_mode={chosen.journal}")
    made.close()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{database}",
        "log_level": "ERROR",
        "enable_otlp": False,
    }
    DBOS(config=config)
    pragmas: dict[str, object] = {}

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "connect")
    def durable(connection, _record):  # type: ignore[no-untyped-def]
        pragmas["synchronous as it comes"] = connection.execute("PRAGMA synchronous").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        pragmas["synchronous used"] = connection.execute("PRAGMA synchronous").fetchone()[0]
        pragmas["journal_mode"] = connection.execute("PRAGMA journal_mode").fetchone()[0]

    DBOS.launch()
    one_after_the_other(chosen.at_once, chosen.steps)  # everything imported, connections open
    SPANS.clear()

    began, cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(chosen.at_once) as starters:
        waiting = [starters.submit(workflow, f"run-{number}", chosen.steps) for number in range(chosen.runs)]
        assert sum(one.result() for one in waiting) == chosen.runs * sum(range(chosen.steps))
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    with sqlite3.connect(database) as written:
        steps = written.execute("SELECT count(*) FROM operation_outputs").fetchone()[0]
    assert steps == (chosen.runs + chosen.at_once) * chosen.steps, steps
    gaps = [(after[0] - before[1]) * 1000 for spans in SPANS.values() for before, after in pairwise(spans)]
    print(
        json.dumps(
            {
                "seconds": took,
                "steps": chosen.runs * chosen.steps,
                "cpu_ms": cpu * 1000,
                "gaps_ms": gaps,
                "version": version("dbos"),
                **pragmas,
            }
        ),
        flush=True,
    )
    DBOS.destroy()


def one_after_the_other(runs: int, steps: int) -> None:
    """Warm up."""
    for number in range(runs):
        workflow(f"warm-{number}", steps)


if __name__ == "__main__":
    main()
