"""Clips over the dashboard's routes: asked for with POST, fetched when they are made."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.domain.states import BatchPhase, Phase
from core.manager.clip_order import Asked
from tests.support.showcase import Showcase
from tests.unit.api.conftest import HOME

OURS = {"Origin": HOME, "X-Requested-With": "reprise"}


@pytest.fixture
def run_id(case: Showcase) -> str:
    """A finished run with quotes."""
    run = case.run(case.batch("talks", BatchPhase.COMPLETED), "Opening", Phase.COMPLETED)
    current().manager.storage.index.load()
    return run.run_id


def test_a_clip_that_is_ready_is_named_and_saved(
    client: TestClient, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "clip.mp4"
    made.write_bytes(b"moving pictures")
    clips = current().manager.clips
    monkeypatch.setattr(clips, "ask", lambda order: Asked(status="ready", share=1.0, path=made))
    monkeypatch.setattr(clips, "made", lambda order: made)
    told = client.post(f"/runs/{run_id}/clips/q1", headers=OURS).json()
    assert (told["status"], told["name"], told["error"]) == ("ready", "Opening - quote 1.mp4", None)
    answer = client.get(f"/runs/{run_id}/clips/q1")
    assert answer.content == b"moving pictures"
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''Opening%20-%20quote%201.mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_clip_that_is_being_made_says_how_far_it_is_and_cannot_be_fetched_yet(
    client: TestClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current().manager.clips, "ask", lambda order: Asked(status="making", share=0.25))
    answer = client.post(f"/runs/{run_id}/clips/q1", headers=OURS)
    assert (answer.status_code, answer.json()["share"], answer.json()["url"]) == (202, 0.25, None)
    assert client.get(f"/runs/{run_id}/clips/q1").status_code == 409


def test_a_clip_that_is_held_by_a_pause_of_everything_says_so(
    client: TestClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Asked(status="making", waits="Everything is paused by ana.")
    monkeypatch.setattr(current().manager.clips, "ask", lambda order: held)
    told = client.post(f"/runs/{run_id}/clips/q1", headers=OURS).json()
    assert (told["status"], told["waits"]) == ("making", "Everything is paused by ana.")


@pytest.mark.parametrize(
    ("clip", "status"), [("99", 404), ("reel", 404), ("nonsense", 400), ("9-3", 400), ("0-99999999999", 400)]
)
def test_what_is_no_clip_is_refused_as_a_problem(client: TestClient, run_id: str, clip: str, status: int) -> None:
    for answer in (
        client.post(f"/runs/{run_id}/clips/{clip}", headers=OURS),
        client.get(f"/runs/{run_id}/clips/{clip}"),
    ):
        assert answer.status_code == status
        assert answer.json()["detail"]


def test_there_is_no_clip_of_a_run_that_is_not_there_and_none_by_a_path(client: TestClient, run_id: str) -> None:
    assert client.post("/runs/r_0/clips/q1", headers=OURS).status_code == 404
    assert client.get(f"/runs/{run_id}/clips/..%2F..%2Fetc%2Fpasswd").status_code == 404


def test_another_page_cannot_have_clips_made(client: TestClient, run_id: str) -> None:
    for headers in ({}, {"Origin": "https://evil.example", "X-Requested-With": "reprise"}, {"Origin": HOME}):
        assert client.post(f"/runs/{run_id}/clips/q1", headers=headers).status_code == 403
