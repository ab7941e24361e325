"""A worker that outlives its service: the kernel was not asked to kill it, and the end of its input does not end it.

`python -m tests.support.zombie_worker STORAGE`. It makes attempts with the real runner. Files in STORAGE/gates hold it: it
goes on at `start` (before it takes any lock), unit `0`, `1`, … , `publish` and `report` only once such a file is there.
What became of each publication and each attempt is appended to STORAGE/zombies.log by the process itself.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from core.runner.control import Control
from core.runner.outcome import Report, encode_line
from core.runner.runner import Runner
from core.runner.worker import Do, Message
from core.stages.stage import Attempt, Expanded, Made
from core.store import artifacts
from core.store.layout import Layout
from core.store.state import open_store
from core.system.clock import SystemClock
from tests.support.stages import CountingStage
from tests.support.worker_program import wait_for_file

UNITS = 3


class GatedStage(CountingStage):
    """Makes its units, and waits once more before what it made is published."""

    def __init__(self, gates: Path) -> None:
        super().__init__(
            "transcribe",
            lane="cpu",
            needs=("download",),
            units=UNITS,
            before_unit=lambda number: wait_for_file(gates / str(number)),
        )
        self._gates = gates

    def run(self, attempt: Attempt) -> Made | Expanded:
        """The units, and then the gate."""
        made = super().run(attempt)
        wait_for_file(self._gates / "publish")
        return made


def stages(gates: Path) -> tuple[CountingStage, ...]:
    """The two stages of these runs."""
    return CountingStage("download"), GatedStage(gates)


def main() -> None:
    """Serve assignments on the storage named on the command line."""
    storage = Path(sys.argv[1])
    gates, log = storage / "gates", storage / "zombies.log"

    def note(**said: Any) -> None:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, json.dumps({"pid": os.getpid(), **said}).encode() + b"\n")
        os.close(fd)

    publish = artifacts.files.publish_folder

    def publish_folder(tmp: Path, final: Path) -> bool:
        done = publish(tmp, final)
        note(publishes=f"{final.parent.name}/{final.name}", done=done)
        return done

    artifacts.files.publish_folder = publish_folder  # what happened is counted by who did it
    clock, layout = SystemClock(), Layout(storage)
    runner = Runner(
        layout=layout,
        store=open_store(layout, clock),
        artifacts=artifacts.Artifacts(layout, clock),
        stages={stage.name: stage for stage in stages(gates)},
        clock=clock,
    )
    decoder = msgspec.json.Decoder(Message)
    for line in sys.stdin.buffer:
        message = decoder.decode(line)
        if not isinstance(message, Do):
            continue
        attempt = message.assignment
        gated = attempt.stage == "transcribe"
        note(attempt=attempt.attempt_id, stage=attempt.stage, state="handed")
        if gated:
            wait_for_file(gates / "start")
        control = Control()
        control.begin()
        outcome = runner.execute(attempt, control)
        note(attempt=attempt.attempt_id, stage=attempt.stage, state="over", outcome=msgspec.to_builtins(outcome))
        if gated:
            wait_for_file(gates / "report")
        try:
            sys.stdout.buffer.write(encode_line(Report(attempt_id=attempt.attempt_id, outcome=outcome)))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            note(attempt=attempt.attempt_id, state="unheard")
            os._exit(0)


if __name__ == "__main__":
    main()
