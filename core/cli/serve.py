"""`serve`: be the service of a storage until told to stop."""

import sys
from typing import TYPE_CHECKING

import click

from core.bootstrap import open_storage
from core.cli.session import Session, verb
from core.domain.errors import Fenced
from core.system.logs import Log, configure_log
from core.system.supervisor import Supervisor

if TYPE_CHECKING:
    from core.manager.recovery import RecoveryReport


@verb("serve")
@click.option("--no-api", is_flag=True, help="Do not serve the API; a dashboard on this storage does.")
def serve(session: Session, no_api: bool) -> int:
    """Run the service: resume what was interrupted, work off the queue, stop on SIGTERM or Ctrl-C.

    On SIGTERM nothing new is begun, running work ends at a checkpoint, and the process leaves within 10 seconds with
    everything noted; a second signal ends it at once, which loses nothing but the windows in flight.
    """
    from core.api.server import ApiServer
    from core.bootstrap_service import build_service, take_service_lock
    from core.notify.ways import secrets_of
    from core.service.signals import EndSignals

    config = session.config
    secrets = [*config.secrets, *secrets_of(config)]
    configure_log(sys.stderr, secrets=secrets, form=config.log_format, libraries=True)
    log = Log("service")
    signals, supervisor = EndSignals(), Supervisor()
    storage = open_storage(config)
    lock = take_service_lock(storage)
    api = None if no_api else ApiServer(config)
    try:
        if api is not None:
            api.start()
            log.info("listening", address=api.address)

        def ready(report: "RecoveryReport") -> None:
            supervisor.ready(f"works on {storage.layout.root}")
            log.info(
                "ready", storage=str(storage.layout.root), found=report.found, resumed=report.resumed, held=report.held
            )

        service = build_service(config, storage, ready)

        def stop() -> None:
            supervisor.stopping()
            log.info("stopping", hint="running work ends at a checkpoint")
            service.stop()

        signals.call(stop)
        service.run()
        log.info("stopped")
    except Fenced as error:
        log.error("fenced", error=error.message)
        raise
    finally:
        if api is not None:
            api.stop()
        lock.release()
    return 0


COMMANDS = (serve,)
