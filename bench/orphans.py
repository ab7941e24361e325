"""What is left of the product two seconds after something of it was killed? Nothing that should have ended with it.

    python -m bench.orphans [--rounds 32] [--seconds 60] [--seed 1] [--fault "outlive the service"]

Each round kills, at a random moment of one of the four stages: the service, the worker, the dashboard, or everything at
once, by SIGKILL or by SIGTERM. Every process of the product carries a mark of the round in its environment; with those,
whoever is in a session or group of one of them counts, whatever it did to its environment. What may live on is said in
the table: a worker's death leaves the service, and a dashboard's leaves the service that it started, which goes on.
A SIGTERM lets a service leave in up to ten seconds with everything noted: the two seconds count from its exit. `--fault`
plants a mistake, and then something must be left.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import product as combinations
from pathlib import Path

from bench.at_work import STAGES, Workshop, at, is_at, workshop
from bench.processes import scratch, talk
from tests.support.browser import Dashboard
from tests.support.kills import open_attempt
from tests.support.product import Product
from tests.support.tool_log import FAULTS, ToolLog
from tests.support.waiting import until

VICTIMS = ("service", "worker", "dashboard", "everything")
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
AFTER_S = 2.0
LEAVES_S = 12.0
MARK = "ORPHANS_ROUND"


@dataclass(frozen=True)
class One:
    """A process: its session and group, its state, its command."""

    pid: int
    session: int
    group: int
    state: str
    command: str
    marked: bool


def main() -> int:
    """Print the table; exit code 1 when anything was left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60, help="length of the talk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", choices=sorted(FAULTS), default="", help="plant this mistake")
    chosen = parser.parse_args()
    kinds = list(combinations(VICTIMS, SIGNALS, STAGES))
    random.Random(chosen.seed).shuffle(kinds)
    left: Counter[tuple[str, str]] = Counter()
    rounds: Counter[tuple[str, str]] = Counter()
    with scratch() as folder, workshop(folder, talk(folder, chosen.seconds)) as shop:
        log = ToolLog(folder / "log")
        for number in range(chosen.rounds):
            victim, how, stage = kinds[number % len(kinds)]
            product = shop.product()
            product.environment |= log.environment(chosen.fault) if chosen.fault else {}
            dice = random.Random(f"{chosen.seed}.{number}")
            found = kill_once(shop, product, victim, how, stage, dice, f"{os.getpid()}.{number}")
            rounds[victim, how.name] += 1
            left[victim, how.name] += len(found)
            said = "; ".join(one.command[:100] for one in found) or "nothing"
            print(f"{number + 1:4}  {stage:10}  {how.name:7}  {victim:10}  left: {said}", flush=True)
    print(f"\n{'victim':12}{'signal':10}{'rounds':>8}{'left':>8}")
    for (victim, name), count in sorted(rounds.items()):
        print(f"{victim:12}{name:10}{count:8}{left[victim, name]:8}")
    print(f"processes left after {AFTER_S:g} s: {left.total()}, goal 0: {'met' if not left.total() else 'MISSED'}")
    return 1 if left.total() else 0


def kill_once(
    shop: Workshop, product: Product, victim: str, how: signal.Signals, stage: str, dice: random.Random, mark: str
) -> list[One]:
    """One copy, one kill; the processes that should be gone and are not."""
    product.environment[MARK] = mark
    dashboard: subprocess.Popen[bytes] | None = None
    try:
        shop.again(product, stage)
        if victim in ("dashboard", "everything"):
            dashboard = start_dashboard(product)
        if dashboard is None:
            product.serve()
        else:
            until(product.has_service)
        while not at(product, shop.run_id, stage, dice):
            shop.again(product, stage)
        before = family(mark)
        service, workers = roles(before)
        expected = {one.pid for one in before}  # to be gone
        match victim:
            case "service":
                targets = [service]
            case "worker":
                busy = busy_worker(product, shop, stage) or workers[0]
                targets, expected = [busy], {one.pid for one in before if busy in (one.pid, one.session, one.group)}
            case "dashboard":
                assert dashboard is not None
                targets = [dashboard.pid]
                if how == signal.SIGKILL:  # the service that it started is to live on
                    expected -= {one.pid for one in before if service in (one.pid, one.group)}
                    expected -= {one.pid for one in before if one.session in workers}
            case _:
                targets = [one.pid for one in before]
        for pid in targets:
            send(pid, how)
        reap(product, dashboard, targets)
        threading.Event().wait(AFTER_S)
        return [one for one in family(mark, before) if one.pid in expected or lost(one, before, victim, how)]
    finally:
        shop.remove(product)
        if dashboard is not None:
            dashboard.kill()
            dashboard.wait()


def lost(one: One, before: list[One], victim: str, how: signal.Signals) -> bool:
    """Whether a process that was not there at the kill should not be there now: nobody is left who would start it."""
    if one.pid in {known.pid for known in before}:
        return False
    return victim in ("service", "everything") or (victim == "dashboard" and how == signal.SIGTERM)


def start_dashboard(product: Product) -> "subprocess.Popen[bytes]":
    """`streamlit run app.py`, which starts a service."""
    made = Dashboard(
        product.storage, **{k: v for k, v in product.environment.items() if k.startswith(("REPRISE_", MARK))}
    )
    made.start()
    process = made._process
    assert process is not None
    return process


def busy_worker(product: Product, shop: Workshop, stage: str) -> int | None:
    """The worker that has the open attempt."""
    return int(open_attempt(product, shop.run_id)["owner"]["pid"]) if is_at(product, shop.run_id, stage) else None


def reap(product: Product, dashboard: "subprocess.Popen[bytes] | None", targets: list[int]) -> None:
    """Wait for the exit of what was told to end and is a child of this process."""
    for process in [*product._services, *([dashboard] if dashboard is not None else [])]:
        if process.pid in targets:
            process.wait(LEAVES_S)
    until(lambda: not any(alive(pid) for pid in targets), patience_s=LEAVES_S)


def roles(before: list[One]) -> tuple[int, list[int]]:
    """The service's process id and its workers'."""
    service = next(one.pid for one in before if " serve" in one.command)
    return service, [one.pid for one in before if " worker " in one.command]


def family(mark: str, before: list[One] = []) -> list[One]:  # noqa: B006 - never changed
    """Every living process with this mark, or in a session or group of one that had it."""
    wanted = f"{MARK}={mark}".encode()
    known = {one.pid for one in before} | {one.session for one in before} | {one.group for one in before}
    known.discard(os.getsid(0))
    known.discard(os.getpgid(0))
    found = [one for path in Path("/proc").glob("[0-9]*") if (one := look(path, wanted)) is not None]
    known |= {one.pid for one in found if one.marked}
    return [one for one in found if one.state not in "ZX" and (one.marked or {one.session, one.group} & known)]


def look(path: Path, wanted: bytes) -> One | None:
    """The process of a folder in /proc, if it lives and is not this one."""
    try:
        fields = (path / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        marked = wanted in (path / "environ").read_bytes().split(b"\0")
        command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    if int(path.name) == os.getpid():
        return None
    return One(int(path.name), int(fields[3]), int(fields[2]), fields[0], command, marked)


def alive(pid: int) -> bool:
    """Whether a process lives."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def send(pid: int, number: signal.Signals) -> None:
    """A signal to one process, if it is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main())
