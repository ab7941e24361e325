"""What the tools really did, counted from their own side: every start of a program, every decoding of a window.

A folder with a `sitecustomize.py` is put on the path of the product's processes, whose code stays as it is: the Python
of each process then loads this module, which writes a line to a log when a program is started (an audit event of the
interpreter) and when Whisper begins and ends to decode a window (its own functions, wrapped). It can also hold decodings
at a gate, so that a test kills at a chosen moment, and plant a fault.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG, FAULT = "TOOL_LOG", "TOOL_FAULT"
ROOT = Path(__file__).resolve().parent.parent.parent
_SITE = """import os
if os.environ.get("TOOL_LOG"):
    from tests.support import tool_log
    tool_log.install()
"""


@dataclass(frozen=True)
class Decoding:
    """One call of the decoder: which sound (a checksum of its features), in which process, from when to when.

    Times are seconds of CLOCK_MONOTONIC; `ended` is None when the process died meanwhile.
    """

    sound: str
    pid: int
    began: float
    ended: float | None


class ToolLog:
    """The log of the processes started with `environment`; `gate` and `open` hold and release decodings."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(_SITE)
        self._path = folder / "log"
        self._path.touch()
        self._gate = folder / "gate"

    def environment(self, fault: str = "") -> dict[str, str]:
        """What the product's processes have to be started with; `fault` names one of `FAULTS`."""
        return {"PYTHONPATH": f"{self._folder}:{ROOT}", LOG: str(self._path), FAULT: fault}

    def gate(self, decodings: int) -> None:
        """Let `decodings` more begin, in all processes together; those after them wait until `open`."""
        self._gate.write_text(str(len(self.decodings()) + decodings))

    def open(self) -> None:
        """Let every decoding go on."""
        self._gate.unlink(missing_ok=True)

    def decodings(self) -> list[Decoding]:
        """Every decoding so far, in the order of their beginnings."""
        begun = {line["n"]: line for line in self._lines("begin")}
        ended = {line["n"]: line["t"] for line in self._lines("end")}
        return [Decoding(line["sound"], line["pid"], line["t"], ended.get(n)) for n, line in begun.items()]

    def in_flight(self) -> int:
        """How many decodings have begun and not ended, of processes that still live."""
        return sum(one.ended is None and Path(f"/proc/{one.pid}").exists() for one in self.decodings())

    def waiting(self) -> int:
        """How many decodings have waited at the gate so far."""
        return len(self._lines("held"))

    def programs(self) -> Counter[str]:
        """How many times each program was started: `worker`, `child` (a download), `ffmpeg`."""
        return Counter(name for line in self._lines("start") if (name := _program(line["argv"])))

    def _lines(self, kind: str) -> list[dict[str, Any]]:
        lines = self._path.read_text().splitlines()
        return [line for text in lines if text.endswith("}") and (line := json.loads(text))["kind"] == kind]


def _program(argv: list[str]) -> str:
    if "worker" in argv:
        return "worker"
    if "core.stages.download.child" in argv:
        return "child"
    return "ffmpeg" if any("ffmpeg" in Path(word).name for word in argv) else ""


# --- inside the product's processes -----------------------------------------------------------------------------


def install() -> None:
    """Begin to log in this process, and plant the fault that the environment asks for."""
    write = _writer(os.environ[LOG])

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            write(kind="start", argv=[os.fspath(word) for word in arguments[1]])

    sys.addaudithook(audit)
    if "worker" in sys.orig_argv:
        sys.meta_path.insert(0, _Finder("ctranslate2.models", lambda module: _watch_decoder(module, write)))
        FAULTS[os.environ.get(FAULT, "")]()


def _writer(path: str) -> Any:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)

    def write(**line: Any) -> None:
        os.write(fd, (json.dumps(line) + "\n").encode())

    return write


class _Finder:
    """Lets `after` see the module `name` as soon as it is imported."""

    def __init__(self, name: str, after: Any) -> None:
        self._name, self._after = name, after

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self._name:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        from importlib.util import find_spec

        spec = find_spec(name)
        assert spec is not None
        loader = spec.loader
        assert loader is not None
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            self._after(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _watch_decoder(module: Any, write: Any) -> None:
    """A decoding begins with Whisper's `encode` of a window and ends with the `generate` that follows in that thread."""
    import hashlib
    import threading
    import time

    encode, generate = module.Whisper.encode, module.Whisper.generate
    log = Path(os.environ[LOG])
    gate = log.with_name("gate")
    count, lock, here = iter(range(1 << 62)), threading.Lock(), threading.local()

    def has_to_wait() -> bool:
        try:
            return log.read_text().count('"begin"') >= int(gate.read_text())
        except (FileNotFoundError, ValueError):
            return False

    def watched_encode(self: Any, features: Any, *arguments: Any, **options: Any) -> Any:
        sound = hashlib.sha256(_bytes(features)).hexdigest()[:16]
        with lock:
            here.number = f"{os.getpid()}.{next(count)}"
            line = {"n": here.number, "sound": sound, "pid": os.getpid()}
            held = has_to_wait()
            write(kind="held" if held else "begin", t=time.monotonic(), **line)
        if held:
            bell = threading.Event()
            while gate.exists():
                bell.wait(0.01)
            write(kind="begin", t=time.monotonic(), **line)
        return encode(self, features, *arguments, **options)

    def watched_generate(self: Any, *arguments: Any, **options: Any) -> Any:
        result = generate(self, *arguments, **options)
        write(kind="end", n=here.number, t=time.monotonic())
        return result

    module.Whisper.encode, module.Whisper.generate = watched_encode, watched_generate


def _bytes(features: Any) -> bytes:
    import numpy

    found: bytes = numpy.array(features).tobytes()
    return found


def _nothing() -> None:
    return


def _forget_units() -> None:
    """Units are kept in memory and never written: they die with the worker."""
    from core.store.units import UnitLog

    UnitLog._append = lambda self, line: None  # type: ignore[method-assign]


def _believe_no_units() -> None:
    """Units are written and never read again: everything is done twice."""
    from core.store.units import UnitLog

    real = UnitLog.done
    mine: set[int] = set()
    add = UnitLog.add

    def remembered(self: Any, number: int, *rest: Any) -> None:
        mine.add(number)
        add(self, number, *rest)

    UnitLog.add = remembered  # type: ignore[method-assign, assignment]
    UnitLog.done = lambda self: {n: data for n, data in real(self).items() if n in mine}  # type: ignore[method-assign]


def _write_units_twice() -> None:
    """Every unit is written once more under the next free number."""
    from core.store.units import UnitLog

    add = UnitLog.add

    def twice(self: Any, number: int, size: float, data: dict[str, Any]) -> None:
        add(self, number, size, data)
        add(self, number + 1000, size, data)

    UnitLog.add = twice  # type: ignore[method-assign]


def _round_scores_by_the_process() -> None:
    """What is heard depends a little on the process that hears it."""
    from core.stages.transcribe import gate

    keep = gate.to_unit

    def other(heard: Any, plan: str) -> Any:
        unit = keep(heard, plan)
        words = [[start, end, f"{word}{os.getpid() % 7}", *rest] for start, end, word, *rest in unit["words"]]
        return {**unit, "words": words}

    gate.to_unit = other


def _outlive_the_service() -> None:
    """A worker neither asks the kernel to die with its service nor takes the end of its input for its own."""
    from core.runner import worker

    def listen(*given: Any) -> None:
        real(*given[:3])

    def stay(code: int) -> None:
        del code

    real = worker._listen
    worker.die_with_parent = lambda parent_pid: None
    worker._listen = listen
    os._exit = stay  # type: ignore[assignment]


def _plan_by_cores() -> None:
    """The plan of an earlier attempt is not found again, and a new one depends on the number of cores."""
    from core.stages.transcribe import plan, stage

    make = plan.make_windows

    def by_cores(probabilities: Any, samples: int) -> Any:
        windows = make(probabilities, samples)
        if len(os.sched_getaffinity(0)) > 1:
            return windows
        return tuple(
            half for pieces in windows for half in (pieces[: len(pieces) // 2], pieces[len(pieces) // 2 :]) if half
        )

    stage.find_plan = lambda *_: None  # type: ignore[assignment]
    plan.make_windows = by_cores


def _hear_no_term() -> None:
    """A worker, and every program it starts, ignores being asked to end."""
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)


FAULTS: Mapping[str, Any] = {
    "": _nothing,
    "forget units.jsonl": _forget_units,
    "believe no units": _believe_no_units,
    "write units twice": _write_units_twice,
    "round scores by the process": _round_scores_by_the_process,
    "outlive the service": _outlive_the_service,
    "plan by cores": _plan_by_cores,
    "hear no term": _hear_no_term,
}
