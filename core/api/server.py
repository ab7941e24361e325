"""The API without the dashboard: a server in a thread beside the service."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette

from core.api.app import build_app
from core.api.guard import Reach
from core.api.process import current, open_process, serving
from core.config import Config
from core.domain.errors import BadInput, Refused
from core.system.network import is_this_machine

CLOSE_S = 5.0


class ApiServer:
    """Listens from `start` to `stop`; open streams are ended, not waited for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None
        self._failed: BaseException | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        host = self._config.api_host
        port = self._listener.getsockname()[1] if self._listener is not None else self._config.api_port
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Listen; returns when requests are answered.

        Raises `Refused` when the port is taken and `BadInput` for an address that others reach.
        """
        if not is_this_machine(self._config.api_host) and not self._config.public_url:
            raise BadInput(
                f"The API listens on {self._config.api_host} only when it knows its own name.",
                hint="Set REPRISE_PUBLIC_URL=https://…, as it is reached; or use 127.0.0.1 and an SSH tunnel.",
            )
        self._listener = self._listen()
        open_process(self._config, via="api")
        current().manager.tokens.first()  # in its file before anybody is answered
        api = build_app()
        app = Reach(api, public_url=self._config.public_url)
        ready = threading.Event()

        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with serving(keep=False):
                ready.set()
                yield

        api.router.lifespan_context = lifespan
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=int(CLOSE_S), ws="auto")
        )
        self._thread = threading.Thread(target=self._run, args=(ready,), name="api", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failed is not None:
            raise self._failed

    def stop(self) -> None:
        """Answer nobody any more; returns when the thread has ended, or after `CLOSE_S` seconds."""
        if self._server is None or self._thread is None:
            return
        current().end_requests()
        self._server.should_exit = True
        self._thread.join(CLOSE_S)

    def _run(self, ready: threading.Event) -> None:
        assert self._server is not None
        assert self._listener is not None
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        except BaseException as error:  # noqa: BLE001 - told to whoever started it
            self._failed = error
        finally:
            ready.set()

    def _listen(self) -> socket.socket:
        host, port = self._config.api_host, self._config.api_port
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=512)
            # An answer goes out in two writes, and without this the second waits 40 ms for the first to be acknowledged:
            # asyncio sets it only for sockets that it makes itself. Those that are accepted have it from here.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return listener
        except OSError as error:
            if isinstance(error, socket.gaierror):
                raise BadInput(f"The host {host} is not known.", hint="Use 127.0.0.1.") from None
            raise Refused(
                f"Port {port} on {host} cannot be used: {error.strerror}.",
                hint="Choose another: REPRISE_API_PORT=8601 ./reprise serve; or leave the API out: --no-api",
            ) from None
