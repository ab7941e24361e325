"""A ZIP that breaks off while it is sent is known to be broken by whoever receives it."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from core.api.app import build_app
from core.api.process import current
from core.domain.exports import ExportOptions
from core.domain.states import BatchPhase, Phase
from tests.support.showcase import Showcase
from tests.support.waiting import until


@contextmanager
def served() -> Iterator[int]:
    """The routes on a port of their own."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(build_app(lambda cookies: None), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            until(lambda: server.started)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_the_receiver_of_a_zip_that_breaks_off_knows(case: Showcase) -> None:
    batch_id = case.batch("Talks", BatchPhase.COMPLETED)
    for number in range(3):
        case.run(batch_id, f"Talk {number}", Phase.COMPLETED)
    manager = current().manager
    manager.storage.index.load()
    record, _ = manager.exports.asking.ask(batch_id, ExportOptions(), by="local:ana")
    (media,) = case.layout.artifacts.glob("download/*/media.mp4")
    content = media.read_bytes()
    media.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with served() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", manager.exports.fetching.link(record))
        answer = connection.getresponse()
        assert (answer.status, int(answer.headers["content-length"])) == (200, record.size)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
        connection.close()
    assert manager.exports.views.of(record)["status"] == "failed"
