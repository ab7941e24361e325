"""A real service whose workers outlive it: `python -m tests.support.zombie_service`, configured as the product is."""

import sys
from dataclasses import replace

from core import bootstrap
from core.config import load_config
from core.stages.catalog import Catalog
from tests.support.zombie_worker import stages


def main() -> None:
    """Serve until killed."""
    config = load_config()
    storage = bootstrap.open_storage(config)
    storage = replace(storage, catalog=Catalog(stages(config.storage_path / "gates")))
    lock = bootstrap.take_service_lock(storage)
    argv = [sys.executable, "-m", "tests.support.zombie_worker", str(config.storage_path)]
    service = bootstrap.build_service(config, storage, lambda report: None, worker_argv=lambda lane: argv)
    try:
        service.run()
    finally:
        lock.release()


if __name__ == "__main__":
    main()
