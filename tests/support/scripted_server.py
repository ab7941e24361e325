"""A server on loopback that answers as a test says, one answer after the other, and remembers what it was asked."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Said(NamedTuple):
    """One answer; with `breaks` the connection is cut after the body, whatever length was promised."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    breaks: bool = False


def json(content: Any, status: int = 200, **headers: str) -> Said:
    """An answer in JSON."""
    return Said(status, msgspec.json.encode(content), {name.replace("_", "-"): text for name, text in headers.items()})


class ScriptedServer:
    """Gives `answers` in turn, the last again and again; or what `answers` makes of a request. A context manager."""

    def __init__(self, *answers: Said | Callable[[Asked], Said]) -> None:
        self._answers, self._guard = list(answers), threading.Lock()
        self.asked: list[Asked] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                said = server._next(asked)
                self.send_response(said.status)
                for name, text in said.headers.items():
                    self.send_header(name, text)
                if "Content-Length" not in said.headers and said.status != 204:
                    self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)
                if said.breaks:
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _answer  # noqa: N815 - that module's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def _next(self, asked: Asked) -> Said:
        with self._guard:
            self.asked.append(asked)
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Said) else answer(asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
