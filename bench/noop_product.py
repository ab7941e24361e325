"""The product with stages that do nothing: `python -m bench.noop_product serve`, and the workers that it starts.

Everything but the stages is the product's own: the composition root, the service, the engine and its worker processes.
"""

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core.bootstrap import Storage, open_storage
from core.bootstrap_service import build_service, take_service_lock
from core.bootstrap_worker import run_worker
from core.config import Config, load_config
from core.domain.run import Work
from core.domain.settings import Settings
from core.service.signals import EndSignals
from core.stages.catalog import Catalog
from core.stages.stage import Attempt, Job, Made
from core.system.logs import configure_log

if TYPE_CHECKING:
    from core.manager.recovery import RecoveryReport

LANES = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}


class Nothing:
    """A stage without units that tells in its receipt when it began and ended (seconds of CLOCK_MONOTONIC)."""

    version = 1
    unit = "tokens"

    def __init__(self, name: str, needs: tuple[str, ...]) -> None:
        self.name, self.lane, self.needs = name, LANES[name], needs

    def wanted(self, settings: Settings) -> bool:
        """Always."""
        del settings
        return True

    def params(self, job: Job) -> dict[str, Any]:
        """Nothing is shared between runs, as nothing is between the workflows of the other side."""
        return {"space_id": job.space_id}

    def run(self, attempt: Attempt) -> Made:
        """Nothing."""
        began = time.monotonic()
        (attempt.out / "result.json").write_text("{}")
        return Made(facts={"began": began, "ended": time.monotonic()}, work=Work(unit=self.unit, done=1.0))


def stages() -> Catalog:
    """As many stages as the product has, each after the one before it, as steps of a workflow are."""
    names = list(LANES)
    return Catalog([Nothing(name, tuple(names[:number][-1:])) for number, name in enumerate(names)])


def open_noop(config: Config) -> Storage:
    """A storage whose stages do nothing."""
    return replace(open_storage(config), catalog=stages())


def worker_argv(lane: str) -> list[str]:
    """The command of a worker of `lane`."""
    return [sys.executable, "-m", "bench.noop_product", "worker", lane, str(os.getpid())]


def serve() -> None:
    """Be the service until SIGTERM."""
    config = load_config()
    configure_log(sys.stderr, secrets=[])
    storage = open_noop(config)
    lock = take_service_lock(storage)
    signals = EndSignals()

    def ready(report: "RecoveryReport") -> None:
        del report

    service = build_service(config, storage, ready, worker_argv)
    signals.call(service.stop)
    service.run()
    lock.release()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        run_worker(sys.argv[2], int(sys.argv[3]), open_noop)
    else:
        serve()
