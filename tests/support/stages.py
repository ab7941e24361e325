"""Stages of tests' own making: they do by hand what real ones do through tools, and can be told to fail or to wait."""

import json
import threading
from collections.abc import Callable
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.domain.run import Work
from core.domain.settings import Settings
from core.stages.stage import Attempt, Expanded, Job, Made


class CountingStage:
    """Makes `units` units and writes their numbers to `result.json`; `before_unit` may raise or wait."""

    version = 1
    unit = "audio_s"

    def __init__(
        self,
        name: str = "download",
        *,
        lane: str = "network",
        needs: tuple[str, ...] = (),
        units: int = 3,
        before_unit: Callable[[int], None] = lambda number: None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.name, self.lane, self.needs, self.units = name, lane, needs, units
        self.before_unit = before_unit
        self._params = params or {}
        self.made: list[int] = []
        self.runs = 0

    def wanted(self, settings: Settings) -> bool:
        return settings.transcribe or self.name == "download"

    def params(self, job: Job) -> dict[str, Any]:
        return {"space_id": job.space_id if not self.needs else "", **self._params}

    def run(self, attempt: Attempt) -> Made | Expanded:
        self.runs += 1
        done = attempt.units.done()
        for number in range(self.units):
            attempt.check()
            if number not in done:
                attempt.units.begin(number, 1.0)
                self.before_unit(number)
                attempt.units.add(number, 1.0, {"value": number * number})
                self.made.append(number)
            attempt.progress(number + 1, self.units)
        values = [data["value"] for _, data in sorted(attempt.units.done().items())]
        (attempt.out / "result.json").write_text(json.dumps(values))
        work = Work(unit=self.unit, done=float(self.units - len(done)), reused=float(len(done)))
        return Made(facts={"units": self.units}, work=work, title="A talk", duration_s=12.5)


class Trouble:
    """Raises `error` the first `times` times it is called, then lets the stage go on."""

    def __init__(self, error: BaseException, times: int = 1) -> None:
        self._error, self._left = error, times

    def __call__(self, number: int) -> None:
        if self._left > 0:
            self._left -= 1
            raise self._error


def trouble(error_class: ErrorClass, times: int = 1) -> Trouble:
    """A stage error of this class, so many times."""
    return Trouble(StageError(error_class, f"A planted {error_class} error."), times)


class Gate:
    """Holds a stage at one unit until it is opened, and tells when the stage has come there."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, number: int) -> None:
        if number == self._at:
            self.reached.set()
            assert self.open.wait(30), "nobody opened the gate"
