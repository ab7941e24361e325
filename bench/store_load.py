"""How fast the states of all runs are read at start-up: `python -m bench.store_load [--count N]`.

The baseline is the standard library's json on the same files, without any checking.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from core.domain.run import Attempt, RunRecord, StageState, Work
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, StageStatus
from core.store.codec import Codec
from core.store.state import StateStore
from core.system.clock import SystemClock
from tests.support.storage import NOON, a_run, a_transition, new_store

STAGES = ("download", "transcribe", "quotes", "summary")
ROUNDS = 5


def a_finished_run(run_id: str) -> RunRecord:
    """A run as history is full of: four stages, four attempts, a full list of transitions."""
    end = NOON + timedelta(minutes=5)
    done = {"status": StageStatus.COMMITTED, "started_at": NOON, "ended_at": end}
    return a_run(
        run_id,
        settings=Settings(),
        stages={name: StageState(**done, key="0" * 32, work=Work(unit="bytes", done=12.0)) for name in STAGES},
        attempts=[
            Attempt(
                id=f"{run_id}.{name}",
                stage=name,
                epoch=1,
                started_at=NOON,
                ended_at=end,
                outcome=AttemptOutcome.COMMITTED,
            )
            for name in STAGES
        ],
        transitions=[a_transition(number, run_id) for number in range(1, 9)],
    )


def fill(store: StateStore, count: int) -> None:
    """Write `count` runs without making them durable."""
    codec = Codec("run", RunRecord)
    for number in range(count):
        run_id = f"r_{number:08}"
        store.layout.run_state(run_id).write_bytes(codec.encode(run_id, a_finished_run(run_id), gen=9, epoch=1))


def plain_json(folder: Path) -> int:
    """Read every file with the standard library and believe it."""
    return len([json.loads(path.read_bytes()) for path in folder.glob("r_*.json")])


def best(action: Callable[[], object]) -> float:
    """The median seconds of `ROUNDS` warm rounds."""
    times = []
    for _ in range(ROUNDS + 1):
        before = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - before)
        del result  # freeing ten thousand records is not part of reading them
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=10_000)
    count = arguments.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        store = new_store(Path(name), SystemClock())
        fill(store, count)
        size = sum(path.stat().st_size for path in store.layout.state.glob("r_*.json"))
        found, findings = store.runs.load_all()
        assert (len(found), findings) == (count, [])
        del found
        ours, json_s = best(store.runs.load_all), best(lambda: plain_json(store.layout.state))
    print(f"{count} states of {size // count} bytes, warm")
    print(f"store, checked and typed   {ours:6.3f} s   {ours / count * 1e6:5.1f} us each")
    print(
        f"json, believed as it is    {json_s:6.3f} s   {json_s / count * 1e6:5.1f} us each   store / json = {ours / json_s:.2f}"
    )


if __name__ == "__main__":
    main()
