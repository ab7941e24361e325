"""One worker process of the local engine: started in a group of its own, spoken to in JSON lines, buried when dead."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from core.domain.run import Owner
from core.runner.outcome import Report, encode_line
from core.runner.worker import Message
from core.system.clock import Clock
from core.system.identity import this_process
from core.system.logs import Log

GONE_POLL_S = 0.01
log = Log("engines")


class WorkerProcess:
    """A worker and the thread that reads its reports.

    `on_report(worker, report)` and `on_death(worker, how)` are called from that thread; death comes once, last, and
    after every process of the group is gone, whatever was reported before. The process is reaped only then, so its pid
    cannot be anybody else's while this object signals it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        clock: Clock,
        on_report: Callable[["WorkerProcess", Report], None],
        on_death: Callable[["WorkerProcess", str], None],
    ) -> None:
        self._on_report, self._on_death, self._clock = on_report, on_death, clock
        self._writing = threading.Lock()
        self._asked = False
        self._blind = False  # the group's states could not be read when they were looked at last
        self.frozen = False  # told to stand still, and not to go on since
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [*argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                start_new_session=True,
            )
        try:
            self.owner: Owner = this_process(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.wait()
            raise
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"worker-{self._process.pid}")
        self._reader.start()

    def send(self, message: Message) -> None:
        """Tell the worker; a worker that died meanwhile is reported through `on_death`."""
        try:
            with self._writing:
                assert self._process.stdin is not None
                self._process.stdin.write(encode_line(message))
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return

    def signal_group(self, number: signal.Signals) -> bool:
        """Send a signal to every process of the worker's group; False when it is gone."""
        if self._process.returncode is not None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def terminate(self) -> bool:
        """Ask every process of the group to end, also those that stand still; False when it is gone.

        Whoever does not end stays until `signal_group` kills the group: that is left to whoever asked.
        """
        self._asked = True
        if not self.signal_group(signal.SIGTERM):
            return False
        return self.signal_group(signal.SIGCONT)  # after it, so that what stood still does nothing else any more

    def stands_still(self) -> bool:
        """Whether every thread group in the worker's process group is stopped; False when that cannot be learnt now."""
        states = self._states()
        return bool(states) and all(state in "TtZX" for state in states or ())

    def _lives(self) -> bool:
        """Whether any process of the group still does, or may: one that is dead but not buried does not."""
        states = self._states()
        return states is None or any(state not in "ZX" for state in states)

    def _states(self) -> list[str] | None:
        """The states of all processes of the group; None when they cannot be learnt now, as without a free descriptor."""
        try:
            states = group_states(self._process.pid)
        except OSError as error:
            if not self._blind:
                log.error("not_seen", worker=self._process.pid, error=str(error), hint="it is looked for again")
            self._blind = True
            return None
        self._blind = False
        return states

    def join(self, timeout_s: float) -> bool:
        """Wait until death has been reported; False after `timeout_s` seconds."""
        self._reader.join(timeout_s)
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        decoder = msgspec.json.Decoder(Report)
        try:
            for line in self._process.stdout:
                self._on_report(self, decoder.decode(line))
        except msgspec.DecodeError as error:
            # The last line of a worker that was killed while it wrote. Of any other the attempt would never be over.
            log.error("report_not_understood", worker=self._process.pid, error=str(error))
            self.signal_group(signal.SIGKILL)
        finally:
            self._on_death(self, self._bury())

    def _bury(self) -> str:
        """Wait until no process of the group is left, and give its leader back to the kernel; says how that ended."""
        # End of file: the worker has exited or is about to. Its children hold no copy of the pipe, so they may
        # outlive it: nobody is told before the whole group is gone. Those that were asked to end are given the time
        # that whoever asked them gives; the others are killed.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        while self._asked and self._lives():
            self._clock.sleep(GONE_POLL_S)
        self.signal_group(signal.SIGKILL)
        while self._lives():
            self._clock.sleep(GONE_POLL_S)
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        return describe_exit(code)


def describe_exit(code: int) -> str:
    """What an exit code says, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def group_states(group: int) -> list[str]:
    """The kernel's state letter of every living process in the process group `group`."""
    states = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return states
