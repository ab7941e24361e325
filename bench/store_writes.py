"""How fast the store writes durably, against what the disk can do at all.

`python -m bench.store_writes [FOLDER] [--count N]`. The ceiling is the same number of fsyncs on bare files in the same
folder, measured in turns with the store so that a busy machine slows both.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from core.store.artifacts import Artifacts, Receipt
from core.store.journal import Event
from core.store.units import UnitLog
from core.system.clock import SystemClock
from tests.support.storage import RUN, a_run, new_store

Step = Callable[[int], object]


def bare_replace(folder: Path, data: bytes) -> Step:
    """The least a durable replacement can cost: write, fsync, rename, fsync of the folder."""
    target, temporary = folder / "bare", folder / "bare.tmp"

    def step(_: int) -> None:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(fd, data)
        os.fsync(fd)
        os.close(fd)
        temporary.replace(target)
        fd = os.open(folder, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    return step


def bare_append(folder: Path, data: bytes) -> Step:
    """The least a durable line can cost: write, fsync."""
    fd = os.open(folder / "bare.lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def step(_: int) -> None:
        os.write(fd, data)
        os.fsync(fd)

    return step


def in_turns(steps: dict[str, Step], count: int) -> dict[str, float]:
    """The median seconds of each step, taken in turns."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(count):
        for name, step in steps.items():
            before = time.perf_counter()
            step(number)
            times[name].append(time.perf_counter() - before)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", type=Path)
    arguments.add_argument("--count", type=int, default=300)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        store = new_store(folder, SystemClock())
        store.runs.create(RUN, a_run())
        artifacts = Artifacts(store.layout, store.clock)
        units = UnitLog(store.layout.work("transcribe", "abc") / "units.jsonl", "a1", 1)
        state = store.layout.run_state(RUN).read_bytes()

        def publish(number: int) -> None:
            made = store.layout.work("transcribe", "abc") / f"tmp.{number}"
            made.mkdir()
            (made / "text").write_bytes(state)
            artifacts.publish("transcribe", f"{number:06}", made, Receipt(stage="", key="", version=1, params={}))

        medians = in_turns(
            {
                "replace a bare file (2 fsyncs)": bare_replace(folder, state),
                "update a run": lambda n: store.runs.update(RUN, lambda run: replace(run, position=n)),
                "create a run": lambda n: store.runs.create(f"r_{n:06}", a_run(f"r_{n:06}")),
                "append a bare line (1 fsync)": bare_append(folder, b"x" * 300 + b"\n"),
                "add a unit": lambda n: units.add(n, 30.0, {"text": "x" * 200}),
                "append to the journal": lambda n: store.journal.append([Event(type="run.claim", run_id=RUN)]),
                "publish an artifact of one file": publish,
            },
            given.count,
        )
        units.close()
    two, one = medians["replace a bare file (2 fsyncs)"], medians["append a bare line (1 fsync)"]
    print(f"{'':34} {'median ms':>10} {'a second':>9} {'x ceiling':>10}")
    for what, seconds in medians.items():
        ceiling = one if what in ("append a bare line (1 fsync)", "add a unit", "append to the journal") else two
        print(f"{what:34} {seconds * 1000:10.2f} {1 / seconds:9.0f} {seconds / ceiling:10.2f}")


if __name__ == "__main__":
    main()
