"""The composition root of a worker: what makes attempts, loaded by no command and no service."""

import os
import sys
from collections.abc import Callable

from core.bootstrap import Storage, open_storage
from core.config import Config, load_config
from core.runner.runner import Runner
from core.runner.worker import die_with_parent, serve_assignments
from core.system.logs import configure_log


def build_runner(storage: Storage) -> Runner:
    """What a worker process makes attempts with."""
    return Runner(
        layout=storage.layout,
        store=storage.store,
        artifacts=storage.artifacts,
        stages=storage.catalog.stages,
        clock=storage.clock,
    )


def run_worker(lane: str, parent_pid: int, open_storage: Callable[[Config], Storage] = open_storage) -> None:
    """Be a worker process: make attempts for the service `parent_pid` until it is gone."""
    die_with_parent(parent_pid)
    config = load_config()
    # Reports go out on the real standard output; whatever a library prints goes to the service's log.
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    configure_log(sys.stderr, secrets=[config.llm_api_key])
    storage = open_storage(config)
    storage.catalog.warm(lane)
    serve_assignments(lambda: build_runner(storage), sys.stdin.buffer, reports)
