"""A real worker process whose stages are the tests' own: `python -m tests.support.worker_program STORAGE PARENT_PID`.

Stage `download` makes its units at once; stage `transcribe` makes one unit each time a file `go.N` appears in STORAGE,
so that a test decides, by real files, how far a real process gets. Stage `quotes` hears no SIGTERM, and `summary` has a
child that does not.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

from core.runner.runner import Runner
from core.runner.worker import die_with_parent, serve_assignments
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.state import open_store
from core.system.clock import SystemClock
from tests.support.stages import CountingStage


def wait_for_file(path: Path) -> None:
    """Return once `path` exists; woken by the kernel, not by a timer."""
    import threading

    there = threading.Event()

    class Seen(FileSystemEventHandler):
        def on_any_event(self, event: object) -> None:
            there.set()

    observer = Observer()
    observer.schedule(Seen(), str(path.parent))
    observer.start()
    try:
        while not path.exists():
            there.wait()
            there.clear()
    finally:
        observer.stop()
        observer.join()


def stubborn(storage: Path, be: Callable[[Path], None]) -> None:
    """Becomes one that does not end when asked, and works on until `go.0` is there."""
    be(storage)
    wait_for_file(storage / "go.0")


def deaf(storage: Path) -> None:
    """Hears no SIGTERM from now on, and says so."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (storage / "deaf").touch()


def with_deaf_child(storage: Path) -> None:
    """Has a child in its process group that hears no SIGTERM; itself it does."""
    subprocess.Popen(["sh", "-c", f"trap '' TERM; touch '{storage / 'deaf'}'; while :; do read x; done"], stdin=PIPE)
    wait_for_file(storage / "deaf")


def main() -> None:
    """Serve assignments on the storage named on the command line."""
    storage = Path(sys.argv[1])
    die_with_parent(int(sys.argv[2]))
    clock = SystemClock()
    layout = Layout(storage)
    stages = {
        "download": CountingStage("download"),
        "transcribe": CountingStage(
            "transcribe", lane="cpu", before_unit=lambda number: wait_for_file(storage / f"go.{number}")
        ),
        "quotes": CountingStage("quotes", lane="cpu", before_unit=lambda number: stubborn(storage, deaf)),
        "summary": CountingStage("summary", lane="cpu", before_unit=lambda number: stubborn(storage, with_deaf_child)),
    }
    runner = Runner(
        layout=layout, store=open_store(layout, clock), artifacts=Artifacts(layout, clock), stages=stages, clock=clock
    )
    serve_assignments(lambda: runner, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
