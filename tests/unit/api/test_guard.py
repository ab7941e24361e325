"""Who is answered: this machine, however the server was started."""

import asyncio
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.api.guard import Reach


async def everything(scope: Scope, receive: Receive, send: Send) -> None:
    """A dashboard that answers whoever comes through."""
    if scope["type"] == "websocket":
        socket_ = WebSocket(scope, receive, send)
        await socket_.accept()
        await socket_.close()
    elif scope["type"] == "http":
        await PlainTextResponse("the pages")(scope, receive, send)


HERE = ["127.0.0.1", "127.0.0.2", "127.255.0.9", "[::1]"]
ELSEWHERE = ["192.168.1.5", "[2001:db8::1]", "[::]", "0.0.0.0"]


def asked(came_to: str, host: str) -> int:
    """The status for a request whose connection came to this address, and that asks for this host."""
    client = TestClient(Reach(everything), base_url=f"http://{came_to}:8501")
    return client.get("/", headers={"Host": host}).status_code


@pytest.mark.parametrize("address", HERE)
def test_every_address_of_this_machine_alone_is_answered(address: str) -> None:
    assert asked(address, f"{address}:8501") == 200
    assert asked(address, "localhost:8501") == 200


@pytest.mark.parametrize("address", ELSEWHERE)
def test_what_came_to_an_address_that_others_reach_is_not_answered(address: str) -> None:
    assert asked(address, f"{address}:8501") == 403
    assert asked(address, "localhost:8501") == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8501", "", "[", "192.168.1.5:8501"])
def test_another_name_for_this_machine_is_not_answered(host: str) -> None:
    assert asked("127.0.0.1", host) == 403


def test_a_socket_to_an_address_that_others_reach_is_closed_before_it_opens() -> None:
    client = TestClient(Reach(everything), base_url="http://192.168.1.5:8501")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream"):
        pass


def test_a_request_without_a_known_address_is_not_answered() -> None:
    said: list[int] = []

    async def send(message: object) -> None:
        said.append(dict(message).get("status", 0))  # type: ignore[call-overload]

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "server": None}
    asyncio.run(Reach(everything)(scope, receive, send))
    assert said[0] == 403


def own_address() -> str | None:
    """The address under which other machines would reach this one; nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        found = str(probe.getsockname()[0])
    return None if found.startswith("127.") else found


@contextmanager
def listening_everywhere() -> Iterator[int]:
    """The port of a real server that was told to listen on every address."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(Reach(everything), lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_a_server_that_listens_everywhere_answers_this_machine_only() -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address that others could reach")
    with listening_everywhere() as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            assert answer.read() == b"the pages"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://{address}:{port}/", timeout=20)
