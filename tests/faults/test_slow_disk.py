"""A disk that takes its time: a pause stops the work first and is written down after, and nothing new begins meanwhile."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.kills import body
from tests.support.media_files import mp4
from tests.support.media_server import MediaServer
from tests.support.product import Product, workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.strace

DELAY_US = 500_000
URL_ONLY = ("--json", "--set", "transcribe=false")


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as server:
        yield server


@pytest.fixture
def product(tmp_path: Path, server: MediaServer) -> Iterator[Product]:
    product = Product(tmp_path, allowed_hosts=server.host, network_workers=1)
    yield product
    product.close()


@contextmanager
def slow(pid: int, call: str, trace: Path) -> Iterator[None]:
    """Every `call` of the loop of the service `pid` takes half a second longer; its calls stand in `trace`."""
    fault = f"inject={call}:delay_enter={DELAY_US}"
    argv = ["strace", "-o", str(trace), "-e", f"trace=kill,{call}", "-e", fault, "-p", str(pid)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()


@pytest.mark.parametrize("call", ["fsync", "read"])
def test_a_pause_stops_the_work_before_it_waits_for_the_disk(
    product: Product, server: MediaServer, tmp_path: Path, call: str
) -> None:
    service = product.serve()
    stalls = server.add("/v.mp4", mp4(), content_type="video/mp4", stall_at=5000)
    running = product.run_of(product("add", *URL_ONLY, stalls))
    until(lambda: any(hit.path == "/v.mp4" and hit.sent >= 5000 for hit in server.hits))
    waiting = product.run_of(product("add", *URL_ONLY, mp4()))
    until(lambda: product("why", waiting, "--json").json["code"] == "slot")
    with slow(service.pid, call, tmp_path / "trace"):
        paused = product("pause", "--json").json
        assert (paused["phase"], paused["applied"]) == ("paused", True)
        until(lambda: workers_of(product.storage) == [service.pid])
        until(lambda: all(attempt["outcome"] for attempt in body(product, running)["attempts"]))
        assert body(product, waiting)["attempts"] == [], "nothing was begun"
    calls = [line.partition("(")[0] for line in (tmp_path / "trace").read_text().splitlines()]
    assert call in calls
    if call == "fsync":
        assert calls[0] == "kill", "first the work ends, then that is written down"
    server.release()
    product("resume")
    for run in (running, waiting):
        assert product.wait_for(run, "completed", "failed") == "completed"
    assert product("check", "--json").json["ok"]
