"""The product as its user has it: real processes of `./reprise` on a storage of the test's own."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from core.store.layout import Layout
from core.store.locks import Lock
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 300.0


def command() -> list[str]:
    """`./reprise` where it is set up, else what it would start."""
    return [str(ROOT / "reprise")] if (ROOT / ".venv" / "bin" / "python").exists() else [sys.executable, "-m", "core"]


class Answer:
    """What one command line said: exit code, and its JSON if it was asked for."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error document on standard error."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])["error"]
        return found


class Product:
    """A storage folder and the processes that work on it; `close` leaves none of them behind."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.storage = folder / "storage"
        self.layout = Layout(self.storage)
        named = {f"REPRISE_{name.upper()}": str(value) for name, value in settings.items()}
        # Tests are given little disk; what happens when it is short has tests of its own.
        self.environment = {
            **os.environ,
            "REPRISE_STORAGE": str(self.storage),
            "REPRISE_HUB": "false",
            "REPRISE_FREE_SPACE_BYTES": "0",
            **named,
        }
        self._services: list[subprocess.Popen[bytes]] = []

    def __call__(self, *arguments: object, check: bool = True, cpus: str | None = None, **environment: str) -> Answer:
        """Run `./reprise ARGUMENTS`; `check` fails the test when it does not succeed."""
        pinned = ["taskset", "-c", cpus] if cpus else []
        done = subprocess.run(  # noqa: PLW1510
            [*pinned, *command(), *[str(argument) for argument in arguments]],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
        )
        if check:
            assert done.returncode == 0, (
                f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}"
            )
        return Answer(done)

    def serve(self, cpus: str | None = None, *, api: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        """Start `./reprise serve` and wait until it holds the storage and its name stands in the lock.

        With `api`, at REPRISE_API_PORT, until that answers too.
        """
        pinned = ["taskset", "-c", cpus] if cpus else []
        self.storage.mkdir(parents=True, exist_ok=True)
        with (self.storage / "serve.err").open("ab") as errors:
            service = subprocess.Popen(
                [*pinned, *command(), "serve", *([] if api else ["--no-api"])],
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._services.append(service)
        until(lambda: service.poll() is not None or self._held_by(service.pid))
        if api:
            until(lambda: service.poll() is not None or _answers(int(environment["REPRISE_API_PORT"])))
        assert service.poll() is None, self.log()
        return service

    def has_service(self) -> bool:
        """Whether some service holds the storage."""
        path = self.layout.service_lock()
        return path.exists() and Lock(path).held_by_other()

    def _held_by(self, pid: int) -> bool:
        holder = Lock(self.layout.service_lock()).holder()
        return holder is not None and holder.pid == pid and self.has_service()

    def kill(self, service: subprocess.Popen[bytes]) -> None:
        """kill -9 the service, and wait until it and all its workers are gone."""
        service.send_signal(signal.SIGKILL)
        service.wait()
        until(lambda: not workers_of(self.storage))

    def run_of(self, added: Answer, number: int = 0) -> str:
        """The id of a run that `add --json` named."""
        run_id: str = added.json["runs"][number]["run_id"]
        return run_id

    def phase(self, run_id: str) -> str:
        """The phase in the run's state file."""
        body = json.loads(self.layout.run_state(run_id).read_text())["body"]
        phase: str = body["phase"]
        return phase

    def wait_for(self, run_id: str, *phases: str) -> str:
        """Wait until the run's state file has one of these phases."""
        until(lambda: self.phase(run_id) in phases, patience_s=LIMIT_S)
        return self.phase(run_id)

    def results(
        self, run_id: str, names: tuple[str, ...] = ("transcript.json", "quotes.json", "summary.json")
    ) -> list[bytes]:
        """The bytes of a run's results."""
        return [self("get", run_id, name).out.encode() for name in names]

    def units(self) -> list[dict[str, Any]]:
        """Every unit line of every piece of work, as the files have them."""
        lines = [
            line for path in sorted(self.storage.glob("work/*/*/units.jsonl")) for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def log(self) -> str:
        """The end of what the services said."""
        texts = [path.read_text("utf-8", "replace")[-3000:] for path in self.storage.glob("serve.err")]
        texts += [path.read_text("utf-8", "replace")[-3000:] for path in self.storage.glob("logs/service*")]
        return "\n".join(texts)

    def close(self) -> None:
        """Kill what still runs."""
        for service in self._services:
            if service.poll() is None:
                service.kill()
            service.wait()
        until(lambda: not workers_of(self.storage))


def workers_of(storage: Path) -> list[int]:
    """The processes that have this storage in their environment, beside this one and its ancestors."""
    marker = f"REPRISE_STORAGE={storage}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker in (entry / "environ").read_bytes().split(b"\0"):
                state = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
                if state != "Z":
                    found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
