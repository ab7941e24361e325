"""Streams of a real server: what happens is heard at once, nothing is missed by who comes back, nobody holds it up."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.api import event_stream, process
from core.api.process import current
from core.api.server import ApiServer
from core.config import load_config
from core.domain.access import Scope
from core.domain.states import BatchPhase, Phase
from core.store.journal import Event
from core.store.secret import Secret
from tests.integration.test_serve_api import free_port
from tests.support.media_files import mp4
from tests.support.product import Product
from tests.support.showcase import Showcase
from tests.support.sse import Events
from tests.support.waiting import until
from tests.support.websocket import Socket

ONLY_THE_FILE = ("--set", "transcribe=false", "--set", "quotes=false", "--set", "summary=false")


class Server:
    """The API in a thread of the test, over a storage whose service the test is."""

    def __init__(self, case: Showcase) -> None:
        self.case = case
        self.api = ApiServer(load_config())
        self.api.start()
        self.port = int(self.api.address.rpartition(":")[2])
        self.token = current().manager.tokens.first()

    def listen(self, path: str, after: str = "", receive_bytes: int = 0) -> Events:
        """A stream of the administrator's, at its first event."""
        return Events(self.port, path, self.token, after, receive_bytes).open()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "0")
    monkeypatch.setenv("REPRISE_API_PORT", str(free_port()))
    monkeypatch.setenv("REPRISE_MAX_STREAMS_PER_USER", "3")
    case = Showcase(tmp_path / "storage")
    case.hold()
    server = Server(case)
    yield server
    server.api.stop()
    process.close()
    case.close()


def test_progress_is_heard_as_it_is_written_in_the_fields_of_the_contract(server: Server) -> None:
    batch = server.case.batch("Talks")
    run = server.case.run(batch, "One", Phase.RUNNING, done=1)
    until(lambda: run.run_id in current().manager.storage.index.runs)
    stream = server.listen(f"/api/batch-jobs/{batch}/progress")
    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    first, video = stream.read(), stream.read()
    assert first is not None
    assert video is not None
    assert (first["type"], first["pending_count"], first["current_video_name"]) == ("batch", 0, "One")
    assert (video["type"], video["status"], video["current_stage"]) == ("status", "processing", "transcribing")
    server.case.progress(run, done=28, total=56)
    heard = stream.until(type="progress")
    assert heard["progress"] > video["progress"]
    assert {name: heard[name] for name in ("batch_id", "video_id", "current_stage")} == {
        "batch_id": batch,
        "video_id": run.space_id,
        "current_stage": "transcribing",
    }
    stream.close()


def test_who_comes_back_hears_what_was_missed_once_and_in_order(server: Server) -> None:
    batch = server.case.batch("Talks", BatchPhase.RUNNING)
    server.case.run(batch, "One")
    until(lambda: batch in current().manager.storage.index.batches)
    manager = current().manager
    stream = server.listen(f"/api/batch-jobs/{batch}/progress")
    stream.until(type="status")
    manager.commands.batch(batch, "pause", by=manager.actor, why="lunch")
    assert stream.until(type="status", video_id=None)["message"] == "lunch"
    stream.close()
    for verb in ("resume", "pause", "cancel"):
        manager.commands.batch(batch, verb, by=manager.actor)
    again = server.listen(f"/api/batch-jobs/{batch}/progress", after=stream.last_id)
    heard = [again.read() for _ in range(3)]
    assert [(one["type"], one["status"]) for one in heard if one is not None] == [
        ("status", "processing"),
        ("status", "paused"),
        ("completed", "cancelled"),
    ]
    assert int(again.last_id) > int(stream.last_id)
    again.close()


@pytest.mark.parametrize("after", ["999999999", "x", "-1", "1e3", "٣"])
def test_a_position_that_never_was_begins_with_how_things_stand(server: Server, after: str) -> None:
    batch = server.case.batch("Talks")
    until(lambda: batch in current().manager.storage.index.batches)
    stream = Events(server.port, f"/api/batch-jobs/{batch}/progress", server.token, after).open()
    first = stream.read()
    assert first is not None
    assert first["type"] == "batch"
    stream.close()


def test_a_run_tells_of_each_event_as_history_has_it(server: Server) -> None:
    run = server.case.run(server.case.batch("Talks"), "One")
    until(lambda: run.run_id in current().manager.storage.index.runs)
    manager = current().manager
    stream = server.listen(f"/api/runs/{run.run_id}/events")
    first = stream.read()
    assert first is not None
    assert (first["type"], first["run_id"], first["phase"]) == ("run", run.run_id, "queued")
    manager.commands.run(run.run_id, "pause", by=manager.actor, why="lunch")
    heard = stream.until(type="command.pause")
    assert (heard["data"], heard["actor"]) == ({"why": "lunch"}, manager.actor)
    assert manager.views.history.events(run_id=run.run_id)["events"][-1]["seq"] == heard["seq"] == int(stream.last_id)
    stream.close()


def test_nobody_listens_without_a_token_or_to_what_is_not_there(server: Server) -> None:
    batch = server.case.batch("Talks")
    until(lambda: batch in current().manager.storage.index.batches)
    path = f"/api/batch-jobs/{batch}/progress"
    assert Events(server.port, path, "wrong").open().status == 401
    assert Events(server.port, f"{path}?token={server.token}", "wrong").open().status == 401
    missing = "b_00000000000000000000000000000000"
    assert server.listen(f"/api/batch-jobs/{missing}/progress").status == 404
    assert server.listen("/api/runs/r_00000000000000000000000000000000/events").status == 404
    server.case.change_batch(batch, phase=BatchPhase.DELETED)
    until(lambda: current().manager.storage.index.batches[batch].phase == BatchPhase.DELETED)
    assert server.listen(path).status == 404


def test_what_is_anothers_is_not_there_either_for_who_claims_to_come_back(server: Server) -> None:
    batch = server.case.batch("Talks")
    run = server.case.run(batch, "One")
    until(lambda: run.run_id in current().manager.storage.index.runs)
    manager = current().manager
    manager.commands.batch(batch, "pause", by=manager.actor, why="secret")
    mine = server.listen(f"/api/batch-jobs/{batch}/progress")
    mine.until(type="batch")
    other = manager.tokens.create("other", owner="eve", scope=Scope.READ).token
    for path in (f"/api/batch-jobs/{batch}/progress", f"/api/runs/{run.run_id}/events"):
        for after in ("0", mine.last_id):
            assert Events(server.port, path, other, after).open().status == 404
    mine.close()


def test_what_is_another_persons_is_not_there_in_any_way(server: Server) -> None:
    run = server.case.run(batch := server.case.batch("Talks"), "One")
    until(lambda: run.run_id in current().manager.storage.index.runs)
    other = current().manager.tokens.create("other", owner="local:eve", scope=Scope.OPERATE).token
    for path in (
        f"/api/batch-jobs/{batch}/progress",
        f"/api/runs/{run.run_id}/events",
        f"/api/bulk/progress/{batch}",
        f"/api/bulk/state/{batch}",
        f"/api/bulk/download/{batch}",
    ):
        assert Events(server.port, path, other).open().status == 404
    assert Socket(server.port, "/jobs/status", Authorization=f"Bearer {other}").read() == {
        "status": "idle",
        **dict.fromkeys(("active_workers", "pending", "processing", "completed", "failed"), 0),
        "throughput_per_min": 0.0,
    }


def test_one_person_has_so_many_streams_and_a_place_is_free_again_when_one_ends(server: Server) -> None:
    batch = server.case.batch("Talks")
    until(lambda: batch in current().manager.storage.index.batches)
    path = f"/api/batch-jobs/{batch}/progress"
    streams = [server.listen(path) for _ in range(3)]
    refused = server.listen(path)
    assert (refused.status, refused.headers["content-type"]) == (429, "application/problem+json")
    assert int(refused.headers["retry-after"]) > 0
    streams[0].close()
    until(lambda: current().streams.count == 2)
    assert server.listen(path).status == 200


def test_a_stream_ends_when_its_token_is_good_no_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "BEAT_S", 0.05)
    batch = server.case.batch("Talks")
    until(lambda: batch in current().manager.storage.index.batches)
    manager = current().manager
    made = manager.tokens.create("other", owner=manager.actor, scope=Scope.ADMIN)
    stream = Events(server.port, f"/api/batch-jobs/{batch}/progress", made.token).open()
    stream.until(type="batch")
    manager.tokens.revoke("other")
    assert stream.until(type="end")["code"] == "not_signed_in"
    assert stream.read() is None


def test_who_never_reads_costs_little_and_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STUCK_S", 0.5)
    batch = server.case.batch("Talks")
    run = server.case.run(batch, "One")
    until(lambda: run.run_id in current().manager.storage.index.runs)
    stuck = server.listen(f"/api/runs/{run.run_id}/events", receive_bytes=1024)
    reads = server.listen(f"/api/runs/{run.run_id}/events")
    journal = server.case.store.journal
    events = [Event(type="run.note", run_id=run.run_id, batch_id=batch, data={"text": "x" * 4000}) for _ in range(50)]
    last = 0

    def much() -> bool:
        nonlocal last
        last = journal.append(events)
        return current().streams.count == 1

    until(much)
    assert reads.until(seq=last)["seq"] == last
    reads.close()
    stuck.close()


def test_a_server_does_not_wait_at_its_end_for_who_never_reads(server: Server) -> None:
    run = server.case.run(server.case.batch("Talks"), "One")
    until(lambda: run.run_id in current().manager.storage.index.runs)
    path, journal = f"/api/runs/{run.run_id}/events", server.case.store.journal
    stuck, reads = server.listen(path, receive_bytes=1024), server.listen(path)
    events = [Event(type="run.note", run_id=run.run_id, data={"text": "x" * 4000}) for _ in range(200)]
    for _ in range(10):  # more than the kernel takes for who does not read
        last = journal.append(events)
        reads.until(seq=last)
    streams = current().streams
    began = server.case.clock.monotonic()
    server.api.stop()
    assert server.case.clock.monotonic() - began < 3.0
    assert streams.count == 0
    stuck.close()
    reads.close()


def test_the_numbers_come_over_a_websocket_and_a_stranger_is_told_why_not(server: Server) -> None:
    given = {"Authorization": f"Bearer {server.token}"}
    told = Socket(server.port, "/jobs/status", **given)
    assert told.status == 101
    first = told.read()
    assert isinstance(first, dict)
    assert list(first) == [
        "status",
        "active_workers",
        "pending",
        "processing",
        "completed",
        "failed",
        "throughput_per_min",
    ]
    server.case.run(server.case.batch("Talks"), "One")
    while (found := told.read()) and isinstance(found, dict) and found["pending"] != 1:
        pass
    more = [Socket(server.port, "/jobs/status", **given) for _ in range(2)]
    assert Socket(server.port, "/jobs/status", **given).status == 429
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Origin": "http://evil.example"}):
        refused = Socket(server.port, "/jobs/status", **headers)
        assert (refused.status, json.loads(refused.body)["status"]) == (401, 401)
    for one in more:
        one.close()
    until(lambda: current().streams.count == 1)
    server.api.stop()
    while not isinstance(found, int):
        found = told.read()
    assert found == 1012


def test_the_dashboard_ends_within_a_moment_with_streams_open(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    from tests.support.browser import Dashboard

    case = Showcase(tmp_path / "storage")
    case.hold()  # so that it has no service of its own to wait for
    run = case.run(case.batch("Talks"), "One")
    dashboard = Dashboard(tmp_path / "storage")
    dashboard.start()
    try:
        token = Secret(case.layout.admin_token(), text=True).get().decode()
        stream = Events(dashboard.port, f"/api/runs/{run.run_id}/events", token).open()
        assert stream.read() is not None
        began = case.clock.monotonic()
        dashboard.stop()
        assert case.clock.monotonic() - began < 3.0
        stream.rest()
    finally:
        dashboard.stop()
        case.close()


def test_a_service_ends_within_a_moment_with_streams_open_and_they_are_ended(tmp_path: Path) -> None:
    product, port = Product(tmp_path), free_port()
    try:
        service = product.serve(api=True, REPRISE_API_PORT=str(port))
        added = product("add", mp4(), "--draft", *ONLY_THE_FILE, "--json").json
        token = Secret(product.layout.admin_token(), text=True).get().decode()
        path = f"/api/batch-jobs/{added['batch_id']}/progress"
        streams = [Events(port, path, token).open() for _ in range(5)]
        for stream in streams:
            assert stream.status == 200
        ended = threading.Event()
        service.send_signal(signal.SIGTERM)
        threading.Thread(target=lambda: (service.wait(), ended.set()), daemon=True).start()
        assert ended.wait(5.0)
        assert [stream.rest()[-1]["type"] for stream in streams] == ["status"] * 5  # ended as such, not broken off
    finally:
        product.close()


def test_a_batch_is_heard_from_its_start_to_its_end_over_a_restart_of_the_server(tmp_path: Path) -> None:
    product, port = Product(tmp_path), free_port()
    try:
        service = product.serve(api=True, REPRISE_API_PORT=str(port))
        added = product("add", mp4(), "--draft", *ONLY_THE_FILE, "--json").json
        token = Secret(product.layout.admin_token(), text=True).get().decode()
        path = f"/api/batch-jobs/{added['batch_id']}/progress"
        stream = Events(port, path, token).open()
        stream.until(type="batch")
        product("start", added["batch_id"])
        stream.until(type="status", status="processing", video_id=None)
        product.wait_for(added["runs"][0]["run_id"], "completed")
        service.send_signal(signal.SIGTERM)
        service.wait()
        product.serve(api=True, REPRISE_API_PORT=str(port))
        again = Events(port, path, token, stream.last_id).open()
        assert again.until(type="status", status="completed")["batch_video_id"] == added["runs"][0]["run_id"]
        assert again.until(type="completed")["status"] == "completed"
    finally:
        product.close()
