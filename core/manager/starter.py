"""Starting a service of one's own, and stopping only that one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from core.domain.errors import NoService
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock
from core.system.logs import bound_log

START_LIMIT_S = 20.0
POLL_S = 0.02
TAIL_BYTES = 65_536


class ServiceStarter:
    """Makes sure a service runs on this storage; remembers whether it was this process that started it."""

    def __init__(self, layout: Layout, clock: Clock, environment: dict[str, str], *, may_start: bool = True) -> None:
        self._layout, self._clock, self._environment, self.may_start = layout, clock, environment, may_start
        self._child: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        """Whether a service holds this storage; buries a child that has ended."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        return Lock(self._layout.service_lock()).held_by_other()

    def ensure(self) -> bool:
        """Start a service when none runs, and wait until one holds the storage; True when it is ours.

        Raises `NoService` with the last line of its log when it cannot be started, or with the system's reason, and where
        none is to be started from here.
        """
        try:
            return self._ensure()
        except OSError as error:
            raise NoService(
                f"The service could not be started: {error.strerror or error}.",
                hint="See that the storage can be written, and that this machine has memory and processes to spare.",
            ) from error

    def _ensure(self) -> bool:
        if self.alive():
            return self._child is not None
        if not self.may_start:
            raise NoService(
                "No service runs on this storage, and none is started from here.",
                hint="start_service is off: start it where it belongs, such as systemctl start reprise.",
            )
        path = self._layout.service_log()
        bound_log(path)
        with path.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "core", "serve", "--no-api"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        self._child = child
        try:
            return self._until_it_holds(child, path)
        except OSError:
            self.stop(0)  # what cannot be watched is not left behind half begun
            raise

    def _until_it_holds(self, child: subprocess.Popen[bytes], path: Path) -> bool:
        deadline = self._clock.monotonic() + START_LIMIT_S
        while not Lock(self._layout.service_lock()).held_by_other():
            if child.poll() is not None:
                self._child = None
                if self.alive():
                    return False  # somebody else was faster
                raise NoService(f"The service ended as it started: {last_line(path)}")
            if self._clock.monotonic() > deadline:
                self.stop(0)
                raise NoService(f"The service did not start within {START_LIMIT_S:.0f} seconds: {last_line(path)}")
            self._clock.sleep(POLL_S)
        return True

    def stop(self, grace_s: float) -> None:
        """Let our own service finish at a checkpoint; kill it when it takes longer than `grace_s` seconds."""
        if self._child is None:
            return
        child, self._child = self._child, None
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def service_environment(storage: Path) -> dict[str, str]:
    """The environment of a service or worker on `storage`: this one's, with the folder named absolutely."""
    return {**os.environ, "REPRISE_STORAGE": str(storage)}


def last_line(path: Path) -> str:
    """The last line of a log, for an error message; of a long one only the end is read."""
    with path.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
        lines = log.read(TAIL_BYTES).decode("utf-8", "replace").strip().splitlines()[-1:]
    return lines[0][:300] if lines else "it left nothing in its log."
