"""Whoever knows only the three documents that Reprise was built from finds every endpoint of theirs, and it works.

The lists are those documents' own words; nothing here looks into the product. S1 is `/api/batch-jobs`, S2 `/api/bulk` and
S4 `/jobs`.
"""

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.integration.test_serve_api import free_port
from tests.support import seeds
from tests.support.media_files import mp4
from tests.support.product import Product
from tests.support.sse import Events
from tests.support.waiting import until

SETTINGS = {"transcribe": False, "remove_silence": False, "detect_highlights": False, "export_format": "mp4"}
S1 = {
    ("POST", "/api/batch-jobs"), ("POST", "/api/batch-jobs/{id}/videos"), ("POST", "/api/batch-jobs/{id}/start"),
    ("GET", "/api/batch-jobs"), ("GET", "/api/batch-jobs/{id}"), ("POST", "/api/batch-jobs/{id}/pause"),
    ("POST", "/api/batch-jobs/{id}/resume"), ("POST", "/api/batch-jobs/{id}/cancel"),
    ("POST", "/api/batch-jobs/{id}/retry-failed"), ("DELETE", "/api/batch-jobs/{id}"),
    ("GET", "/api/batch-jobs/{id}/progress"), ("POST", "/api/batch-jobs/{id}/export"),
    ("GET", "/api/batch-jobs/{id}/export/{export_id}"),
}  # fmt: skip
S2 = {
    ("POST", "/api/bulk/process"), ("GET", "/api/bulk/progress/{id}"), ("POST", "/api/bulk/pause/{id}"),
    ("POST", "/api/bulk/resume/{id}"), ("POST", "/api/bulk/stop/{id}"), ("GET", "/api/bulk/state/{id}"),
    ("GET", "/api/bulk/download/{id}"),
}  # fmt: skip
S4 = {("POST", "/jobs/start"), ("POST", "/jobs/pause"), ("POST", "/jobs/resume"), ("GET", "/jobs/status")}


class Server:
    """Somebody with an address and a token; remembers what was asked for."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.asked: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, body: Any = None, **ids: str) -> Any:
        """The answer's document; `path` is written as in the documents, with `{id}`."""
        self.asked.add((method, path.partition("?")[0]))
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.raw(method, path.format(**ids), data, {"Content-Type": "application/json"}) or b"null")

    def raw(self, method: str, path: str, data: bytes | None, headers: dict[str, str], *, known: bool = True) -> bytes:
        """The answer's bytes; the token goes along if this is somebody `known`."""
        sent = headers | ({"Authorization": f"Bearer {self.token}"} if known else {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def batch(self, *films: bytes) -> str:
        """A batch that is made, filled through its upload addresses, and not started."""
        about = {"name": "Season 2", "description": "all of it", "settings": SETTINGS, "video_count": len(films)}
        made = self("POST", "/api/batch-jobs", about)
        assert len(made["upload_urls"]) == len(films)
        videos = []
        for number, (url, film) in enumerate(zip(made["upload_urls"], films, strict=True)):
            sent = self.raw("PUT", f"{url}&name=talk {number}.mp4".replace(" ", "%20"), film, {}, known=False)
            videos.append(json.loads(sent)["id"])
        filled = self("POST", "/api/batch-jobs/{id}/videos", {"video_ids": videos}, id=made["batch_job_id"])
        assert filled["total_videos"] == len(films)
        found: str = made["batch_job_id"]
        return found

    def settled(self, batch_id: str, status: str) -> None:
        """Wait until S1 calls the batch that."""
        until(lambda: self("GET", "/api/batch-jobs/{id}", id=batch_id)["status"] == status, patience_s=120)


def film(seconds: float) -> bytes:
    """A short film; one of another length is another one."""
    return mp4(seconds=seconds).read_bytes()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("seeds"))
    try:
        yield product
    finally:
        product.close()


@pytest.fixture(scope="module")
def server(product: Product) -> Server:
    """The product, started as its README says a machine without a screen is."""
    port = free_port()
    product.serve(api=True, REPRISE_API_PORT=str(port))
    return Server(port, product.layout.admin_token().read_text("ascii").strip())


def test_every_endpoint_of_s1_is_found_and_works(server: Server, product: Product) -> None:
    server.asked.clear()
    batch_id = server.batch(film(1.0), film(1.2))
    one = server("GET", "/api/batch-jobs/{id}", id=batch_id)
    assert set(one) >= seeds.BATCH_JOB
    assert all(set(video) >= seeds.BATCH_VIDEO for video in one["videos"])
    assert (one["status"], [video["position"] for video in one["videos"]]) == ("pending", [1, 2])
    page = server("GET", "/api/batch-jobs?status=pending&limit=5&offset=0&sort=priority")
    assert [job["id"] for job in page["batch_jobs"]] == [batch_id]
    assert "progress_percentage" in page["batch_jobs"][0]

    product("pause")  # these films would be done before anybody could pause them
    assert server("POST", "/api/batch-jobs/{id}/start", id=batch_id)["job_id"]
    assert server("POST", "/api/batch-jobs/{id}/pause", id=batch_id)["status"] == "paused"
    assert server("POST", "/api/batch-jobs/{id}/resume", id=batch_id)["status"] == "processing"
    server.asked.add(("GET", "/api/batch-jobs/{id}/progress"))
    events = Events(server.port, f"/api/batch-jobs/{batch_id}/progress", server.token).open()
    product("resume")
    server.settled(batch_id, "completed")
    events.close()
    broken = server.batch(film(1.6)[:40] + bytes(5000))
    server("POST", "/api/batch-jobs/{id}/start", id=broken)
    until(lambda: server("GET", "/api/batch-jobs/{id}", id=broken)["failed_videos"] == 1, patience_s=120)
    again = server("POST", "/api/batch-jobs/{id}/retry-failed", id=broken)
    assert (again["failed_videos"], again["videos"][0]["status"]) == (0, "pending")

    asked = server("POST", "/api/batch-jobs/{id}/export", {"format": "zip", "include_failed": False}, id=batch_id)
    ids = {"id": batch_id, "export_id": asked["export_job_id"]}
    until(lambda: server("GET", "/api/batch-jobs/{id}/export/{export_id}", **ids)["download_url"] is not None)
    export = server("GET", "/api/batch-jobs/{id}/export/{export_id}", **ids)
    assert set(export) >= seeds.BATCH_EXPORT
    home = f"http://127.0.0.1:{server.port}"
    packed = server.raw("GET", export["download_url"].removeprefix(home), None, {}, known=False)
    assert [name[:4] for name in zipfile.ZipFile(io.BytesIO(packed)).namelist()][:2] == ["001_", "002_"]

    other = server.batch(film(1.4))
    assert server("POST", "/api/batch-jobs/{id}/cancel", id=other)["status"] == "cancelled"
    for done in (other, batch_id):
        server("DELETE", "/api/batch-jobs/{id}", id=done)
        with pytest.raises(AssertionError, match=": 404 "):
            server("GET", "/api/batch-jobs/{id}", id=done)
    assert server.asked == S1


def test_every_endpoint_of_s2_is_found_and_works(server: Server, product: Product) -> None:
    server.asked.clear()
    template = ("--set", "transcribe=false", "--set", "quotes=false", "--set", "summary=false")
    product("template", "save", "plain", *template)
    folder = product.layout.inbox.parent.parent / "talks"
    folder.mkdir()
    for number in range(2):
        (folder / f"talk {number}.mp4").write_bytes(film(2.0 + number / 5))
    order = {"folder_path": str(folder), "provider": "plain", "parallel": True, "max_workers": 8}
    made = server("POST", "/api/bulk/process", order)
    assert made["progress_url"] == f"/api/bulk/progress/{made['job_id']}"
    assert any("5" in notice for notice in made["notices"]), "8 workers are more than there may be, and that is said"
    job = {"id": made["job_id"]}
    assert server("POST", "/api/bulk/pause/{id}", **job)["success"] is True
    state = server("GET", "/api/bulk/state/{id}", **job)
    assert set(state) >= {"job_id", "state", "is_paused", "is_stopped", "checkpoint"}
    counts = {"processed_count", "results_count", "errors_count", "consecutive_errors", "retry_count"}
    assert set(state["checkpoint"]) >= counts
    resumed = server("POST", "/api/bulk/resume/{id}", **job)
    assert set(resumed) >= {"success", "message", "job_id", "state"}
    until(lambda: server("GET", "/api/bulk/progress/{id}", **job)["status"] == "completed", patience_s=120)
    server.asked.add(("GET", "/api/bulk/download/{id}"))
    packed = server.raw("GET", f"/api/bulk/download/{made['job_id']}", None, {})
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) >= 2

    again = server("POST", "/api/bulk/process", order | {"max_workers": 2})
    stopped = server("POST", "/api/bulk/stop/{id}", id=again["job_id"])
    assert (stopped["success"], stopped["state"]) == (True, "stopped")
    assert server.asked == S2


def test_every_endpoint_of_s4_is_found_and_works(server: Server) -> None:
    server.asked.clear()
    started = server("POST", "/jobs/start")
    assert started["status"] == "running"
    assert started["workers"] > 0
    assert server("POST", "/jobs/start")["status"] == "running", "it is running already"
    assert server("POST", "/jobs/pause")["status"] == "paused"
    assert server("POST", "/jobs/pause")["status"] == "paused"
    assert server("GET", "/jobs/status")["status"] == "paused"
    key = {"Authorization": f"Bearer {server.token}"}
    with connect(f"ws://127.0.0.1:{server.port}/jobs/status", additional_headers=key) as live:
        assert json.loads(live.recv(timeout=20))["status"] == "paused"
        assert server("POST", "/jobs/resume")["status"] == "running"
        until(lambda: json.loads(live.recv(timeout=20))["status"] != "paused")
    assert set(server("GET", "/jobs/status")) >= seeds.JOB_STATUS
    assert server.asked == S4
