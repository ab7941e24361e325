"""Many processes at once: no change is lost, and a lock has one holder."""

import subprocess
import sys
from pathlib import Path

from tests.support.storage import RUN, a_run, new_store

COUNT = """
import sys
from pathlib import Path
from msgspec.structs import replace
from tests.support.victim import store_in
store = store_in(Path(sys.argv[1]))
sys.stdin.readline()
for _ in range(10):
    store.runs.update("r_01run", lambda run: replace(run, retry_count=run.retry_count + 1))
    store.journal.append([])
"""

RACE = """
import sys
from pathlib import Path
from core.store.locks import Lock
lock = Lock(Path(sys.argv[1]))
sys.stdin.readline()
print("got" if lock.acquire() else "held", flush=True)
sys.stdin.readline()
"""


def start(count: int, program: str, argument: Path) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", program, str(argument)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]


def tell(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_eight_processes_lose_none_of_eighty_changes(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.runs.create(RUN, a_run())
    processes = start(8, COUNT, store.layout.root)
    tell(processes)
    assert [process.communicate(timeout=120) and process.returncode for process in processes] == [0] * 8
    assert store.runs.get(RUN).value.retry_count == 80
    assert store.runs.get(RUN).gen == 81


def test_of_many_services_started_at_once_exactly_one_gets_the_lock(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    processes = start(12, RACE, store.layout.service_lock())
    tell(processes)
    said = [process.stdout.readline().strip() for process in processes if process.stdout is not None]
    tell(processes)
    for process in processes:
        process.communicate(timeout=60)
    assert sorted(said) == ["got"] + ["held"] * 11
