"""What Prometheus is told: every figure has its family, nothing names a run or a host, and not everybody is told."""

import re

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from core.api.app import build_app
from core.api.process import current
from core.domain.access import Actor, Scope
from core.domain.breaker import Breaker
from core.domain.states import BatchPhase, Phase
from core.store.secret import Secret
from tests.support.showcase import Showcase


@pytest.fixture
def scraper(case: Showcase) -> TestClient:
    """A program with the administrator's token, on a server without pages."""
    token = Secret(case.layout.admin_token(), text=True).get().decode()
    return TestClient(build_app(), base_url="http://127.0.0.1:8600", headers={"Authorization": f"Bearer {token}"})


def told(client: TestClient) -> dict[str, float]:
    """Every sample by its name and labels, as they are written."""
    current().manager.storage.index.load()
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_what_is_now_is_counted_by_phase_lane_and_kind(case: Showcase, scraper: TestClient) -> None:
    batch = case.batch("Talks")
    case.run(batch, "at work", Phase.RUNNING)
    case.run(batch, "waits", Phase.QUEUED)
    case.run(batch, "waits longer", Phase.QUEUED, minutes=90)
    case.run(case.batch("Drafts", BatchPhase.DRAFT), "not yet", Phase.QUEUED)
    broken = {"host:secret.example.org": Breaker(at=case.ago(1), failures=3, opened_at=case.ago(1))}
    case.store.pool.update("pool", lambda pool: replace(pool, breakers=broken))
    said = told(scraper)
    assert said['reprise_runs{phase="queued"}'] == 3
    assert said['reprise_runs{phase="failed"}'] == 0
    assert said['reprise_batches{phase="draft"}'] == 1
    assert said['reprise_lane_busy{lane="network"}'] == 1
    assert said['reprise_queue_runs{lane="network"}'] == 2, "a draft waits for nobody"
    assert 5300 < said['reprise_queue_age_seconds{lane="network"}'] < 5600, "of the one that waits longest"
    assert said['reprise_breakers{of="host",state="half_open"}'] == 1
    assert said["reprise_service_up"] == 0
    assert said["reprise_disk_free_bytes"] > 0
    assert said["process_resident_memory_bytes"] > 0


def test_what_happens_is_counted_from_the_start_of_the_process_on(case: Showcase, scraper: TestClient) -> None:
    batch = case.batch("Talks")
    case.run(batch, "finished long ago", Phase.COMPLETED)
    before = told(scraper)
    assert before['reprise_runs_finished_total{phase="completed"}'] == 0
    case.run(batch, "finished now", Phase.COMPLETED, completed_at=case.ago(-1))
    after = told(scraper)
    assert after['reprise_runs_finished_total{phase="completed"}'] == 1
    assert after["reprise_media_seconds_total"] == 56.0
    assert told(scraper)['reprise_runs_finished_total{phase="completed"}'] == 1, "and once"


def test_no_label_names_a_run_a_host_or_a_person(case: Showcase, scraper: TestClient) -> None:
    run = case.run(case.batch("Talks"), "at work", Phase.RUNNING)
    scraper.get(f"/api/runs/{run.run_id}/files")
    scraper.get("/nothing/of/ours")
    text = "\n".join(told(scraper))
    assert not re.search(r"r_[0-9a-z]{20}|b_[0-9a-z]{20}|example\.org|local:", text)
    assert 'route="other"' in text
    assert {name for line in text.splitlines() for name in re.findall(r"(\w+)=\"", line)} <= {
        "phase", "flag", "lane", "of", "state", "stage", "outcome", "class", "unit", "how", "version", "route", "method",
        "status", "le",
    }  # fmt: skip


def test_a_request_is_counted_by_its_route_and_not_by_its_path(scraper: TestClient) -> None:
    for _ in range(3):
        scraper.get("/healthz")
    said = told(scraper)
    assert said['reprise_http_requests_total{method="GET",route="/healthz",status="200"}'] == 3
    assert said['reprise_http_seconds_count{route="/healthz"}'] == 3
    assert said["reprise_http_open"] == 1, "the one that asks"


def test_a_stranger_is_told_nothing_and_a_token_that_may_look_is_enough(
    case: Showcase, scraper: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    assert scraper.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    monkeypatch.setattr(
        current().manager.tokens, "actor", lambda *_, **__: Actor(name="prometheus", scope=Scope.READ), raising=True
    )
    assert scraper.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.9", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 401),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 401),
    ],
)
def test_it_can_be_open_to_this_machine_but_not_to_what_a_proxy_passes_on(
    case: Showcase, monkeypatch: pytest.MonkeyPatch, address: str, headers: dict[str, str], status: int
) -> None:
    del case
    monkeypatch.setenv("REPRISE_METRICS_OPEN", "true")
    client = TestClient(build_app(), base_url="http://127.0.0.1:8600", client=(address, 40000))
    assert client.get("/metrics", headers=headers).status_code == status


def test_a_scraper_that_speaks_openmetrics_is_answered_in_it(scraper: TestClient) -> None:
    answer = scraper.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
