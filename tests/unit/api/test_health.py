"""Probes answer also when the disk does not, and need no token."""

import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from core.api import health
from core.api.app import build_app
from core.api.process import current
from core.manager.readiness import Readiness
from tests.support.showcase import Showcase


@pytest.fixture
def prober(case: Showcase) -> TestClient:
    """Somebody without a token."""
    del case
    return TestClient(build_app(), base_url="http://127.0.0.1:8600")


@pytest.fixture
def hung(prober: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """The disk of the storage does not answer until the test ends; gives a line for each look that began."""
    del prober
    looks: list[None] = []
    free = threading.Event()

    def look() -> Readiness:
        looks.append(None)
        free.wait()
        return Readiness(storage=True, service=True)

    monkeypatch.setattr(health, "PATIENCE_S", 0.05)
    monkeypatch.setattr(health, "_prober", health.Prober())
    monkeypatch.setattr(current().ready, "look", look)
    yield looks
    free.set()


def test_a_disk_that_hangs_is_told_of_each_time_and_keeps_one_thread(prober: TestClient, hung: list[None]) -> None:
    for _ in range(3):
        answer = prober.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reason"] == "The storage does not answer."
        assert prober.get("/healthz").json() == {"status": "ok"}
    assert len(hung) == 1


def test_what_is_not_ready_says_why_in_the_words_of_the_document(prober: TestClient) -> None:
    assert prober.get("/readyz").json() == {
        "ready": False,
        "storage": True,
        "service": False,
        "reason": "No service runs on this storage.",
    }
    described = prober.get("/openapi.json").json()["paths"]["/readyz"]["get"]["responses"]
    assert described["503"]["content"]["application/json"]["schema"]["$ref"].endswith("/Told")
