"""A real local server that speaks OpenAI's chat API and answers by script: well, wrongly, late, or not at all."""

import json
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from core.stages.language import LlmConfig

KEY = "sk-canary-5f0c/9d+e2=a1"


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def material(self) -> list[str]:
        """The lines between the two marks."""
        return str(self.body["messages"][1]["content"]).split("\n")[1:-1]

    @property
    def mark(self) -> str:
        return str(self.body["messages"][1]["content"]).split("\n")[0]


@dataclass(frozen=True)
class Says:
    """What goes over the wire for one request; `hold` keeps the line open without a word, `drip` sends byte by byte."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hold: bool = False
    drip: bool = False
    cut: bool = False


Step = Callable[[Asked], Says]


def says(content: Any, tokens: int = 100) -> Step:
    """A chat completion whose content is this text, or this value as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    completion = {
        "id": "c",
        "object": "chat.completion",
        "model": "fake",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": tokens - 10, "completion_tokens": 10, "total_tokens": tokens},
    }
    return lambda _: Says(body=json.dumps(completion).encode(), headers={"Content-Type": "application/json"})


def fails(status: int, message: str = "", code: str | None = None, **headers: str) -> Step:
    """An error of the API with its usual JSON body; header names take `_` for `-`."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Says(status, body, {"Content-Type": "application/json", **named})


def raw(body: bytes, status: int = 200, **headers: str) -> Step:
    """Any bytes at all."""
    return lambda _: Says(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def silent(_: Asked) -> Says:
    """Takes the request and never answers."""
    return Says(hold=True)


def dripping(_: Asked) -> Says:
    """Sends a blank every 50 ms for ever."""
    return Says(drip=True)


def cut(_: Asked) -> Says:
    """Promises a long answer and breaks the connection."""
    return Says(cut=True)


def refusing_options(*names: str) -> Step:
    """Refuses requests that hold one of these options, as servers do that lack them; else answers honestly."""

    def step(asked: Asked) -> Says:
        for name in names:
            kind, _, value = name.partition("=")
            held = asked.body.get(kind)
            if held is not None and (not value or held["type"] == value):
                return fails(400, f"Unsupported value: '{value or kind}' of {kind} is unavailable now")(asked)
        return honest(asked)

    return step


def honest(asked: Asked) -> Says:
    """Quotes the longest line it was shown, or sums up with its first two: what it says is true."""
    lines = [line.split(" ", 1) for line in asked.material]
    if '"quotes"' in asked.system:
        label, text = max(lines, key=lambda line: len(line[1]))
        return says({"quotes": [{"start_id": label, "end_id": label, "text": text, "why": "it is long"}]})(asked)
    points = [{"text": f"It is said that {text}", "ids": label.split(",")} for label, text in lines[:2]]
    return says({"title": "A talk", "abstract": points[:1], "points": points, "keywords": ["talk"]})(asked)


class LlmServer:
    """The server; use it as a context manager. Steps of `script` answer one request each, then `otherwise` does.

    `asked` logs every request with the right key; others get 401 and are counted in `refused`.
    """

    def __init__(self, *script: Step, otherwise: Step = honest, key: str = KEY) -> None:
        self.asked: list[Asked] = []
        self.refused = 0
        self.otherwise = otherwise
        self.arrived = threading.Event()
        self.left = threading.Event()
        self._script = list(script)
        self._key = key
        self._closing = threading.Event()
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes; waiting for each other costs 40 ms

            def do_POST(self) -> None:
                owner._handle(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def config(self, *, key: str = KEY, timeout_s: float = 20.0, model: str = "fake-1") -> LlmConfig:
        """What an operator would configure to use this server."""
        return LlmConfig(base_url=self.base_url, model=model, api_key=key, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if request.headers.get("Authorization") != f"Bearer {self._key}":
            self.refused += 1
            given = request.headers.get("Authorization", "")
            self._send(request, fails(401, f"Incorrect API key provided: {given}")(Asked("", {}, {})))
            return
        asked = Asked(request.path, dict(request.headers.items()), json.loads(body))
        with self._lock:
            self.asked.append(asked)
            step = self._script.pop(0) if self._script else self.otherwise
        self.arrived.set()
        self._send(request, step(asked))

    def _send(self, request: BaseHTTPRequestHandler, answer: Says) -> None:
        if answer.hold or answer.drip:
            self._linger(request, drip=answer.drip)
            return
        request.send_response_only(answer.status)  # no date of our own
        for name, value in answer.headers.items():
            request.send_header(name, value)
        length = 10_000 if answer.cut else len(answer.body)
        request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(b'{"choices": [' if answer.cut else answer.body)
        request.close_connection = answer.cut or request.close_connection

    def _linger(self, request: BaseHTTPRequestHandler, *, drip: bool) -> None:
        """Keep the line until the other side goes or the server closes; `left` tells that the other side went."""
        request.close_connection = True
        if drip:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
        while not self._closing.is_set():
            if select.select([request.connection], [], [], 0.05)[0] and not request.connection.recv(1):
                self.left.set()
                return
            if drip:
                try:
                    request.wfile.write(b" ")
                except OSError:
                    self.left.set()
                    return
