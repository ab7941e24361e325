"""A real process that renders, to be killed: `python -m tests.support.rendering_program FOLDER ATTEMPT`.

FOLDER has `order.json`; work, durable units and the result stay in it. Every start of ffmpeg is logged by an audit event
of the interpreter, so that what was done twice is counted from outside.
"""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from core.domain.cuts import Span
from core.stages.rendering.groups import render
from core.stages.rendering.media import look
from core.stages.rendering.spec import Spec
from core.store.units import UnitLog


class Order(msgspec.Struct):
    """What to render."""

    media: str
    kept: list[Span]
    spec: Spec


class KilledPlace:
    """A folder with real units; nobody listens."""

    def __init__(self, folder: Path, attempt: int) -> None:
        self.work = folder / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.units = UnitLog(self.work / "units.jsonl", f"a_{attempt}", attempt)

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Nobody looks."""

    def log(self, text: str) -> None:
        """Nobody reads it."""

    def check(self) -> None:
        """Nobody stops it but by SIGKILL."""


def main() -> int:
    folder, attempt = Path(sys.argv[1]), int(sys.argv[2])
    log = os.open(folder / "starts.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            os.write(log, msgspec.json.encode([os.fspath(word) for word in arguments[1]]) + b"\n")

    sys.addaudithook(audit)
    order = msgspec.json.decode((folder / "order.json").read_bytes(), type=Order)
    place = KilledPlace(folder, attempt)
    out = folder / f"out.{order.spec.suffix}"
    rendered = render(look(Path(order.media), place.check), order.kept, order.spec, attempt=place, out=out)
    (folder / "rendered.json").write_bytes(msgspec.json.encode([rendered.done, rendered.reused]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
