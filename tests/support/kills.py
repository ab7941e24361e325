"""Killing the product's processes, and judging by files and processes what is left: nothing lost, done twice or alone."""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from core.store.check import check
from core.store.layout import Layout
from core.system.clock import SystemClock
from tests.support.product import Product, workers_of
from tests.support.waiting import until

ORPHAN_LIMIT_S = 2.0
VICTIMS = ("service", "workers", "everything")


def kill(product: Product, service: subprocess.Popen[bytes], victim: str) -> None:
    """kill -9 of the service, of all its workers and their children, or of everything at one moment.

    Returns when nothing of what was killed is left, and with the service nothing at all: within 2 seconds.
    """
    everyone = family(product)
    workers = everyone - {service.pid}
    if victim == "service":
        service.kill()
    else:
        # Stood still first, so that none of them can act on the death of another.
        victims = workers if victim == "workers" else everyone
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in victims:
                _send(pid, number)
    if victim != "workers":
        service.wait()
        assert_no_orphans(everyone)
    else:
        assert_no_orphans(workers)


def family(product: Product) -> set[int]:
    """The product's processes on this storage and everything in a session that one of them leads, children of children too."""
    known = set(workers_of(product.storage))
    return known | {pid for pid, session, _ in _processes() if session in known}


def assert_no_orphans(pids: set[int]) -> None:
    """All of `pids`, and whoever is in a session that one of them led, are gone within 2 seconds."""
    until(
        lambda: not [pid for pid, session, state in _processes() if (pid in pids or session in pids) and state != "Z"],
        patience_s=ORPHAN_LIMIT_S,
    )


def _processes() -> list[tuple[int, int, str]]:
    """Every process of this machine: pid, session, state letter."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append((int(path.parent.name), int(fields[3]), fields[0]))
    return found


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def body(product: Product, run_id: str) -> dict[str, Any]:
    """What the run's state file says."""
    found: dict[str, Any] = json.loads(product.layout.run_state(run_id).read_text())["body"]
    return found


def open_attempt(product: Product, run_id: str) -> dict[str, Any]:
    """The attempt that is open in the run's state file; empty when none is."""
    attempts = body(product, run_id).get("attempts", [])
    last: dict[str, Any] = attempts[-1] if attempts and not attempts[-1].get("outcome") else {}
    return last


def unit_numbers(product: Product, stage: str) -> list[int]:
    """The number of every whole unit line of a stage, in the order of the files."""
    found = []
    for path in sorted(product.storage.glob(f"work/{stage}/*/units.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        found += [line["unit"] for line in lines if "unit" in line]
    return found


def transitions(product: Product, run_id: str) -> list[str]:
    """The ids of the run's transitions that the journal has, in its order; a line that is only half there does not count."""
    whole = [path.read_text().rpartition("\n")[0] for path in sorted(product.layout.journal.glob("*.jsonl"))]
    events = [json.loads(line) for lines in whole for line in lines.splitlines()]
    return [
        event["data"]["transition"]
        for event in events
        if event.get("run_id") == run_id and "transition" in event.get("data", {})
    ]


def assert_no_transition_lost(product: Product, run_id: str) -> None:
    """The journal has every transition of the run once, in their order, up to the last one of the state file."""
    last = body(product, run_id)["transitions"][-1]["id"]
    count = int(last.rpartition(".")[2])
    journaled = transitions(product, run_id)
    assert journaled == [f"{run_id}.{number}" for number in range(1, count + 1)], f"journaled: {journaled}, of {count}"


def until_journaled(product: Product, run_id: str) -> None:
    """Wait until the journal, which a service writes after the state, has the run's last transition."""
    until(lambda: transitions(product, run_id)[-1:] == [body(product, run_id)["transitions"][-1]["id"]])


def copy_of(storage: Path, folder: Path) -> None:
    """A copy of a storage that no service runs on, as the storage of a `Product` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(storage, folder / "storage")


def assert_sound(product: Product) -> None:
    """`check` finds nothing wrong, once no service runs any more; the temporary file of a write cut off is nothing wrong."""
    findings = check(Layout(product.storage), SystemClock(), repair=False)
    wrong = [finding for finding in findings if not finding.path.endswith(".tmp")]
    assert wrong == [], wrong


def twice(done: list[Any], once: list[Any]) -> int:
    """How many of `done` are too many against what was done undisturbed."""
    return (Counter(done) - Counter(once)).total()


def published(product: Product, run_id: str) -> dict[str, bytes]:
    """Every file that the stages of a run published, by `stage/name`; their receipts tell of times and are left out."""
    found: dict[str, bytes] = {}
    for stage, state in body(product, run_id)["stages"].items():
        if state.get("key"):
            folder = product.layout.artifact(stage, state["key"])
            files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "receipt.json"]
            found |= {f"{stage}/{path.relative_to(folder)}": path.read_bytes() for path in files}
    return found


def end_all(product: Product) -> None:
    """Kill whatever still runs on this storage, also what should have died long ago."""
    for pid in family(product):
        _send(pid, signal.SIGKILL)
    product.close()
