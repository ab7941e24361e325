"""Who is told of which change, and how often."""

import asyncio
from collections.abc import MutableMapping
from itertools import islice
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import core.api.live as live_module
import core.api.process as process_module
from core.api.hub import REDRAWS_PER_S, SMALLEST_GAP_S, Hub
from core.api.live import BEAT_S, live, own
from core.api.process import current
from core.api.streams import Streams
from core.domain.access import Actor, Scope
from tests.support.showcase import Showcase

OURS = {"Origin": "http://127.0.0.1:8501", "Host": "127.0.0.1:8501"}


def told(*changes: tuple[str, str]) -> list[str]:
    """The topics that a listener is told of, all at once."""

    async def listen() -> list[str]:
        hub = Hub(lambda run_id: "b_1" if run_id == "r_1" else None)
        hub.attach(asyncio.get_running_loop())
        with hub.listen() as listener:
            for kind, record_id in changes:
                hub.changed(kind, record_id)
            return await listener.changes(1)

    return asyncio.run(listen())


@pytest.mark.parametrize(
    ("kind", "record_id", "topics"),
    [
        ("run", "r_1", ["batch:b_1", "run:r_1", "runs"]),
        ("progress", "r_1", ["batch:b_1", "run:r_1", "runs"]),
        ("run", "r_unknown", ["run:r_unknown", "runs"]),
        ("batch", "b_1", ["batch:b_1", "runs"]),
        ("pool", "pool", ["pool", "runs"]),
        ("journal", "2026-11-22", ["journal"]),
    ],
)
def test_a_change_reaches_the_pages_that_show_it(kind: str, record_id: str, topics: list[str]) -> None:
    assert told((kind, record_id)) == topics


def test_many_changes_at_once_are_one_message() -> None:
    assert told(*[("progress", "r_1")] * 50, ("pool", "pool")) == ["batch:b_1", "pool", "run:r_1", "runs"]


def test_without_news_a_listener_gives_nothing_after_its_limit() -> None:
    async def listen() -> list[str]:
        hub = Hub(lambda run_id: None)
        with hub.listen() as listener:
            return await listener.changes(0.01)

    assert asyncio.run(listen()) == []


def test_a_change_after_the_end_of_the_loop_disturbs_nobody() -> None:
    hub = Hub(lambda run_id: None)
    hub.changed("run", "r_1")

    async def attach() -> None:
        hub.attach(asyncio.get_running_loop())

    asyncio.run(attach())
    with hub.listen():
        hub.changed("run", "r_1")


def test_many_pages_leave_longer_gaps() -> None:
    hub = Hub(lambda run_id: None)
    assert hub.gap_s == SMALLEST_GAP_S
    listening = [hub.listen() for _ in range(60)]
    for one in listening:
        one.__enter__()
    assert hub.gap_s == 60 / REDRAWS_PER_S


def test_who_redraws_no_page_does_not_make_pages_wait() -> None:
    hub = Hub(lambda run_id: None)
    for _ in range(60):
        hub.listen(redraws=False).__enter__()
    assert hub.gap_s == SMALLEST_GAP_S


def test_what_was_read_stays_good_when_only_the_journal_grows() -> None:
    hub = Hub(lambda run_id: None)
    hub.changed("journal", "2026-11-22")
    assert hub.changes == 0


def test_a_page_of_ours_is_told_which_server_it_talks_to(client: TestClient, case: Showcase) -> None:
    del case
    with client.websocket_connect("/api/live", headers=OURS) as socket:
        said = socket.receive_json()
    assert said["changed"] == []
    assert said["server"]


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Host": "evil.example", "Origin": "http://evil.example"}, {}],
)
def test_a_page_of_others_is_told_nothing(client: TestClient, case: Showcase, headers: dict[str, str]) -> None:
    del case
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/live", headers=headers):
        pass


def test_what_many_sessions_read_is_read_once_until_something_changes(case: Showcase) -> None:
    del case
    process, made = current(), []

    def view() -> int:
        made.append(1)
        return len(made)

    assert [process.read("a", view) for _ in range(3)] == [1, 1, 1]
    process.hub.changed("run", "r_1")
    assert process.read("a", view) == 2


def test_what_was_read_once_is_not_kept_for_ever(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    del case
    process = current()
    monkeypatch.setattr(process_module, "MOST_READ", 10)
    monkeypatch.setattr(process_module, "SAME_S", 0.0)
    for number in range(50):
        assert process.read(f"page-{number}", lambda number=number: number) == number  # type: ignore[misc]
    assert len(process._read) <= 10
    assert len(process._reading) <= 10


def test_a_page_that_goes_is_noticed_at_once_and_not_with_the_next_sign_of_life(case: Showcase) -> None:
    del case
    messages: list[str] = []

    async def visit() -> None:
        first = asyncio.Event()

        async def receive() -> dict[str, object]:
            if "websocket.accept" not in messages:
                return {"type": "websocket.connect"}
            await first.wait()
            return {"type": "websocket.disconnect", "code": 1001}

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message["type"])
            if message["type"] == "websocket.send":
                first.set()

        async def who() -> Actor:
            return current().manager.acts_for

        headers = [(name.lower().encode(), value.encode()) for name, value in OURS.items()]
        state = {"actor": await who(), "who": who}
        scope = {"type": "websocket", "path": "/live", "headers": headers, "state": state}
        await asyncio.wait_for(live(WebSocket(scope, receive, send)), BEAT_S / 2)

    asyncio.run(visit())
    assert messages == ["websocket.accept", "websocket.send"]


def test_nobody_is_told_which_records_of_others_change(case: Showcase) -> None:
    batch = case.batch("Talks")
    run = case.run(batch, "One")
    manager = current().manager
    manager.storage.index.load()
    told = [f"batch:{batch}", "exports", "export:e_1", f"run:{run.run_id}", "runs"]
    assert own(manager, told) == told
    assert own(manager.acting_for(Actor(name="eve", scope=Scope.READ)), told) == ["exports", "runs"]
    owner = manager.acting_for(Actor(name=run.owner, scope=Scope.READ))
    assert own(owner, told) == [f"batch:{batch}", "exports", f"run:{run.run_id}", "runs"]


def test_a_token_that_was_revoked_hears_of_changes_no_more(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    monkeypatch.setattr(live_module, "ASKED_S", 0.0)
    tokens = current().manager.tokens
    bearer = {"Authorization": f"Bearer {tokens.create('eve', owner='eve', scope=Scope.READ).token}"}
    with client.websocket_connect("/api/live", headers=bearer) as socket:
        socket.receive_json()
        tokens.revoke("eve")
        heard = iter(socket.receive_json, None)
        with pytest.raises(WebSocketDisconnect):
            list(islice(heard, 10))


def test_a_page_counts_as_a_stream_of_whoever_opens_it(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    monkeypatch.setattr(current(), "streams", Streams(most_of_one=1, most=9))
    with client.websocket_connect("/api/live", headers=OURS) as socket:
        socket.receive_json()
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/live", headers=OURS):
            pass
