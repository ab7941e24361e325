"""A transcription by real Whisper in real processes that is killed and goes on, judged against an undisturbed one."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.kills import (
    assert_no_transition_lost,
    assert_sound,
    body,
    end_all,
    kill,
    open_attempt,
    published,
    twice,
    unit_numbers,
    until_journaled,
)
from tests.support.product import Product
from tests.support.tool_log import ToolLog
from tests.support.waiting import until

THREADS = 2
PATIENCE_S = 120.0


class Reference:
    """What comes out when nobody disturbs: every published byte, every decoding; and the storage it lies in."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.source = source
        log = ToolLog(folder / "log")
        self.product = Product(folder, transcribe_threads=THREADS)
        self.product.environment.update(log.environment())
        self.run_id = self.product.run_of(self.product("add", source, "--wait", "--json"))
        assert self.product.phase(self.run_id) == "completed"
        self.published = published(self.product, self.run_id)
        self.sounds = [one.sound for one in log.decodings()]
        self.programs = log.programs()
        self.windows = len(unit_numbers(self.product, "transcribe"))

    def same(self, killed: "Killed") -> bool:
        """Whether every byte that was published is the same."""
        return published(killed.product, killed.run_id) == self.published


class Killed:
    """A storage on which the same source is worked at, and killed; use it with `with`."""

    def __init__(self, folder: Path, reference: Reference, *, cpus: str | None = None, fault: str = "") -> None:
        self.reference = reference
        self.log = ToolLog(folder / "log")
        self.product = Product(folder, transcribe_threads=0 if cpus else THREADS)
        self.product.environment.update(self.log.environment(fault))
        self.run_id = self.product.run_of(self.product("add", reference.source, "--json"))
        self._cpus = cpus
        self.service: subprocess.Popen[bytes] | None = None
        self.begun = 0
        self.lost_s = 0.0

    def __enter__(self) -> "Killed":
        return self

    def __exit__(self, *_: object) -> None:
        self.log.open()
        end_all(self.product)

    def serve(self, cpus: str | None = None) -> None:
        """Start the service, unless it lives."""
        if self.service is None or self.service.poll() is not None:
            self.service = self.product.serve(cpus=cpus or self._cpus)

    def kill(self, victim: str) -> None:
        """kill -9; the number of decodings begun by then is kept, and the seconds of the windows that were in flight."""
        assert self.service is not None
        attempt = open_attempt(self.product, self.run_id).get("id", "")
        kill(self.product, self.service, victim)
        self.begun = len(self.log.decodings())
        self.lost_s += self._in_flight_s(attempt)

    def ended(self, attempt: str) -> None:
        """Note that a command, or the end of the service, has ended `attempt`: what it had in flight is lost too."""
        self.lost_s += self._in_flight_s(attempt)

    def _in_flight_s(self, attempt: str) -> float:
        """The sizes of the windows that `attempt` had begun and that were not whole: read from the files."""
        whole = {line["unit"] for line in self._lines("units.jsonl") if "unit" in line}
        begun = [line for line in self._lines("begun.jsonl") if line["attempt"] == attempt]
        return float(sum(line["size"] for line in begun if line["begun"] not in whole))

    def _lines(self, name: str) -> list[dict[str, Any]]:
        lines = [
            line
            for path in self.product.storage.glob(f"work/transcribe/*/{name}")
            for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines if line.endswith("}")]

    def finish(self, cpus: str | None = None) -> None:
        """Go on until the run is completed, then stop the service."""
        self.log.open()
        self.serve(cpus)
        phase = self.product.wait_for(self.run_id, "completed", "failed")
        assert phase == "completed", self.product.log()
        assert self.service is not None
        until_journaled(self.product, self.run_id)
        kill(self.product, self.service, "service")

    # --- moments ---------------------------------------------------------------------------------------------

    def until_decoding(self, number: int) -> None:
        """Return in the middle of the decoding with this number, the first being 1."""
        until(lambda: len(self.log.decodings()) >= number, patience_s=PATIENCE_S)

    def until_held(self) -> None:
        """Return when a decoding waits at the gate."""
        until(lambda: self.log.waiting() > 0, patience_s=PATIENCE_S)

    def until_file(self, pattern: str) -> None:
        """Return when a file of this name is in the work folder of the transcription."""
        until(lambda: any(self.product.storage.glob(f"work/transcribe/*/{pattern}")), patience_s=PATIENCE_S)

    # --- judgement -------------------------------------------------------------------------------------------

    def judge(self, kills: int = 1) -> None:
        """Fail unless the result is the undisturbed one, nothing was lost, and little was done twice."""
        assert self.reference.same(self), "other bytes than undisturbed"
        units = sorted(unit_numbers(self.product, "transcribe"))
        assert units == list(range(self.reference.windows)), f"the units are not one a window: {units}"
        redone = body(self.product, self.run_id)["stages"]["transcribe"]["work"]["redone"]
        assert redone == round(self.lost_s, 3), f"{redone} s are told as done twice, {self.lost_s} s were in flight"
        again = twice([one.sound for one in self.log.decodings()], self.reference.sounds)
        assert again <= kills * THREADS, f"{again} decodings were made twice, {THREADS} were in flight at a kill"
        if self.service is not None and self.service.poll() is None:
            until_journaled(self.product, self.run_id)
        assert_no_transition_lost(self.product, self.run_id)
        assert_sound(self.product)

    def attempts(self, stage: str) -> list[str]:
        """How the attempts of a stage ended."""
        return [one["outcome"] for one in body(self.product, self.run_id)["attempts"] if one["stage"] == stage]

    def plan(self) -> bytes:
        """The bytes of the plan."""
        (path,) = self.product.storage.glob("work/transcribe/*/plan.json")
        return path.read_bytes()


def several_cores() -> bool:
    """Whether the machine has at least two cores for this process."""
    return len(os.sched_getaffinity(0)) > 1


def first_cores(count: int) -> str:
    """The first `count` cores this process may use, as taskset wants them."""
    return ",".join(map(str, sorted(os.sched_getaffinity(0))[:count]))
