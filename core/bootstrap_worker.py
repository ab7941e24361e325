"""The composition root of a worker and of what merges videos: loaded by no command and no service."""

import os
import sys
import traceback
from collections.abc import Callable

import msgspec

from core.bootstrap import Storage, open_storage
from core.config import Config, load_config
from core.domain.errors import RepriseError
from core.domain.exports import ExportFailure
from core.manager.exports.making import Failed, Outcome
from core.runner.runner import Runner
from core.runner.worker import die_with_parent, serve_assignments
from core.system import files
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
    configure_log(sys.stderr, secrets=config.secrets, form=config.log_format)
    storage = open_storage(config)
    storage.catalog.warm(lane)
    serve_assignments(lambda: build_runner(storage), sys.stdin.buffer, reports)


def run_merger(export_id: str, parent_pid: int) -> None:
    """Be the process that makes one merged video for the service `parent_pid`; says on standard output what came of it."""
    from core.manager.exports.merging import Merger

    die_with_parent(parent_pid)
    os.nice(10)
    config = load_config()
    reports = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    configure_log(sys.stderr, secrets=config.secrets, form=config.log_format)
    storage = open_storage(config)
    outcome: Outcome
    try:
        outcome = Merger(storage.layout, storage.store, storage.artifacts, storage.clock, config.free_space_bytes).make(
            export_id
        )
    except RepriseError as error:
        outcome = Failed(failure=ExportFailure(code=error.code, message=error.message, hint=error.hint))
    except OSError as error:
        failure = files.storage_error(error, "merging the videos")
        outcome = Failed(failure=ExportFailure(code=failure.code, message=failure.message, hint=failure.hint))
    except Exception:  # noqa: BLE001 - whatever went wrong is told once and not tried again and again
        traceback.print_exc()
        said = "Something unexpected went wrong while the videos were merged."
        outcome = Failed(
            failure=ExportFailure(code="internal", message=said, hint="The trace is in the service's log.")
        )
    reports.write(msgspec.json.encode(outcome) + b"\n")
    reports.flush()
