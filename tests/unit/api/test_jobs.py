"""The jobs API: four addresses for everything at once, and numbers in its own words."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core.api import jobs
from core.api.jobs_words import job_status
from core.api.process import current
from core.domain.states import Phase
from tests.support.showcase import Showcase

FIELDS = ["status", "active_workers", "pending", "processing", "completed", "failed", "throughput_per_min"]


@pytest.fixture
def held(case: Showcase) -> Showcase:
    """A storage whose service is the test."""
    case.hold()
    return case


def told(**numbers: Any) -> dict[str, Any]:
    nothing = dict.fromkeys((*FIELDS[1:], "paused", "cancelled", "attention"), 0)
    return {**nothing, "status": "running", **numbers}


def test_a_paused_video_is_pending_and_a_cancelled_one_has_failed() -> None:
    found = job_status(told(pending=1, paused=2, failed=4, cancelled=8, completed=16))
    assert (found.pending, found.failed, found.completed) == (3, 12, 16)


def test_a_start_says_how_many_workers_there_are_and_is_the_same_the_second_time(
    program: TestClient, held: Showcase
) -> None:
    del held
    answers = [program.post("/jobs/start") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert list(answers[0].json()) == [*FIELDS, "workers"]
    assert answers[0].json() | {"status": "running"} == answers[0].json()
    assert answers[0].json()["workers"] == current().manager.views.workers() > 0


def test_a_pause_holds_everything_until_a_resume_or_a_start(program: TestClient, held: Showcase) -> None:
    held.run(held.batch("Talks"), "One", Phase.QUEUED)
    current().manager.storage.index.load()
    for verb, word in [("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("resume", "running")]:
        answer = program.post(f"/jobs/{verb}")
        assert (answer.status_code, answer.json()["status"], answer.json()["pending"]) == (200, word, 1)
        assert program.get("/jobs/status").json()["status"] == word
    program.post("/jobs/pause")
    assert program.post("/jobs/start").json()["status"] == "running"
    assert program.get("/jobs/status").json()["status"] == "running"


def test_nobody_but_who_may_gives_these_commands(program: TestClient, held: Showcase) -> None:
    del held
    for verb in ("start", "pause", "resume"):
        assert program.post(f"/jobs/{verb}", headers={"Authorization": ""}).status_code == 401
    assert program.get("/jobs/status", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert program.get("/jobs/pause").status_code == 405


def test_a_websocket_is_told_the_numbers_at_once_and_when_they_change(
    program: TestClient, held: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "BEAT_S", 0.01)
    with program.websocket_connect("/jobs/status") as socket:
        assert list(socket.receive_json()) == FIELDS
        held.run(held.batch("Talks"), "One", Phase.QUEUED)
        current().manager.storage.index.load()
        current().hub.changed("pool", "pool")
        while socket.receive_json()["pending"] != 1:
            pass


def test_a_websocket_of_a_stranger_is_refused(program: TestClient, held: Showcase) -> None:
    del held
    for header in ("", "Bearer wrong"):
        with pytest.raises(WebSocketDisconnect):
            program.websocket_connect("/jobs/status", headers={"Authorization": header}).__enter__()


def test_a_websocket_ends_when_its_token_is_good_no_more(
    program: TestClient, held: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del held
    monkeypatch.setattr(jobs, "BEAT_S", 0.01)
    with program.websocket_connect("/jobs/status") as socket:
        socket.receive_json()
        tokens = current().manager.tokens
        monkeypatch.setattr(type(tokens), "actor", _revoked)
        messages = iter(socket.receive, None)
        assert next(message for message in messages if message["type"] == "websocket.close")["code"] == 1008


def _revoked(self: Any, token: str, *more: Any) -> Any:
    from core.domain.errors import NotSignedIn

    raise NotSignedIn("This token was revoked.")
