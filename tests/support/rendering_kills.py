"""Rendering in a real process that is killed and goes on, judged against an undisturbed one."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from core.domain.cuts import Span
from core.stages.rendering.spec import Spec
from tests.support.rendering_program import Order
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Rendering:
    """One folder in which the same thing is rendered, again and again if need be."""

    def __init__(self, folder: Path, media: Path, kept: Sequence[Span], spec: Spec) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "order.json").write_bytes(msgspec.json.encode(Order(str(media), list(kept), spec)))
        self._attempts = 0
        self._out = folder / f"out.{spec.suffix}"

    def start(self) -> subprocess.Popen[bytes]:
        """Begin, or go on, in a process group of its own."""
        self._attempts += 1
        argv = [sys.executable, "-m", "tests.support.rendering_program", str(self.folder), str(self._attempts)]
        return subprocess.Popen(argv, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE)

    def kill_when(self, so: Callable[[], bool]) -> bool:
        """Go on until `so()` and kill everything then; False when it was finished before."""
        process = self.start()
        until(lambda: so() or process.poll() is not None, patience_s=600.0)
        was_alive = process.poll() is None
        if was_alive:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        return was_alive

    def finish(self) -> bytes:
        """Go on to the end; the bytes that came out."""
        process = self.start()
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, said.decode()
        return self._out.read_bytes()

    def half_made(self, pattern: str) -> bool:
        """Whether such a file is there and has something in it."""
        return any(path.stat().st_size > 0 for path in self.folder.glob(f"work/{pattern}"))

    def made(self) -> Counter[str]:
        """How many times each unit was begun by ffmpeg: `group.0001` (by its first strand)."""
        starts = [msgspec.json.decode(line) for line in (self.folder / "starts.jsonl").read_bytes().splitlines()]
        outputs = [next((word for word in reversed(argv) if word.startswith("file:")), "") for argv in starts]
        found = (re.search(r"\.(group\.\d+)\.0\.\w+\.part$", output) for output in outputs)
        return Counter(match[1] for match in found if match)
