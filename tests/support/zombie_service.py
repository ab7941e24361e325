"""A real service whose workers outlive it: `python -m tests.support.zombie_service`, configured as the product is."""

import sys
from dataclasses import replace

from core.bootstrap import open_storage
from core.bootstrap_service import build_service, take_service_lock
from core.config import load_config
from core.stages.catalog import Catalog
from tests.support.zombie_worker import stages


def main() -> None:
    """Serve until killed."""
    config = load_config()
    storage = open_storage(config)
    storage = replace(storage, catalog=Catalog(stages(config.storage_path / "gates")))
    lock = take_service_lock(storage)
    argv = [sys.executable, "-m", "tests.support.zombie_worker", str(config.storage_path)]
    service = build_service(config, storage, lambda report: None, worker_argv=lambda lane: argv)
    try:
        service.run()
    finally:
        lock.release()


if __name__ == "__main__":
    main()
