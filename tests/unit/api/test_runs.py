"""`/api/runs`: the contract's own JSON, and every command for one run."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.api.run_models import Done, Events, Lines, Runs, RunWithStages, Why
from core.api.runs import PLAIN
from core.domain.errors import ErrorClass
from core.domain.states import BatchPhase, Phase
from tests.support.showcase import Showcase


@pytest.fixture
def run_of(case: Showcase, api: TestClient) -> dict[str, str]:
    """A run in each phase that matters."""
    del api
    batch_id = case.batch("Talks")
    runs = {
        "queued": case.run(batch_id, "Queued"),
        "running": case.run(batch_id, "Running", Phase.RUNNING, done=1),
        "completed": case.run(batch_id, "Completed", Phase.COMPLETED),
        "failed": case.fails(batch_id, "Failed", ErrorClass.NO_AUDIO, "It has no sound."),
    }
    current().manager.storage.index.load()
    return {name: run.run_id for name, run in runs.items()}


def test_a_page_has_what_was_asked_for_and_counts_all(api: TestClient, run_of: dict[str, str]) -> None:
    def seen(**query: Any) -> list[str]:
        page = api.get("/api/runs", params=query).json()
        Runs.model_validate(page, strict=False)
        return [run["title"] for run in page["runs"]]

    assert seen() == ["Queued", "Running", "Completed", "Failed"]
    assert seen(limit=2, offset=1) == ["Running", "Completed"]
    assert seen(phase="failed") == seen(attention="true") == ["Failed"]
    assert seen(owner="nobody") == []
    assert api.get("/api/runs?limit=1").json()["total"] == len(run_of)


@pytest.mark.parametrize("query", ["limit=0", "limit=1000", "phase=nope", "attention=2", "x=1", "offset=-1"])
def test_a_query_that_says_nothing_is_refused(api: TestClient, query: str) -> None:
    assert api.get(f"/api/runs?{query}").status_code == 422


def test_everything_about_a_run_can_be_asked_for(api: TestClient, run_of: dict[str, str]) -> None:
    for run_id in run_of.values():
        RunWithStages.model_validate(api.get(f"/api/runs/{run_id}").json(), strict=False)
        Why.model_validate(api.get(f"/api/runs/{run_id}/why").json())
        Lines.model_validate(api.get(f"/api/runs/{run_id}/log").json())
        Events.model_validate(api.get(f"/api/runs/{run_id}/history?kind=all").json())
    assert api.get(f"/api/runs/{run_of['completed']}/files").json()["files"]
    assert api.get(f"/api/runs/{run_of['failed']}").json()["failure"]["message"] == "It has no sound."


@pytest.mark.parametrize("what", ["", "/why", "/log", "/history"])
@pytest.mark.parametrize("run_id", ["r_0", "%2e%2e", "%00", "r_" + "0" * 10_000])
def test_what_is_no_run_is_not_found(api: TestClient, run_id: str, what: str) -> None:
    assert api.get(f"/api/runs/{run_id}{what}").status_code == 404


@pytest.mark.parametrize("verb", ["pause", "retry", "priority", *PLAIN])
def test_every_command_needs_a_run_that_is_there(api: TestClient, verb: str) -> None:
    body = {"json": {"priority": 5}} if verb == "priority" else {}
    assert api.post(f"/api/runs/r_0/{verb}", **body).status_code == 404


@pytest.mark.parametrize(
    ("verb", "phase", "intent"),
    [
        ("pause", "running", "pause"),
        ("resume", "running", "run"),
        ("stop", "running", "stop"),
        ("cancel", "queued", "cancel"),
        ("skip", "failed", "skip"),
        ("retry", "failed", "run"),
        ("remove", "queued", "cancel"),
    ],
)
def test_a_command_is_noted_and_says_that_no_service_is_there(
    api: TestClient, run_of: dict[str, str], verb: str, phase: str, intent: str
) -> None:
    answer = api.post(f"/api/runs/{run_of[phase]}/{verb}")
    assert answer.status_code == 200, answer.text
    done = answer.json()
    Done.model_validate(done)
    assert (done["id"], done["intent"]) == (run_of[phase], intent)
    assert done["applied"] or done["hint"]


@pytest.mark.parametrize(
    ("verb", "phase"),
    [
        ("resume", "completed"),
        ("unskip", "queued"),
        ("recover", "running"),
        ("retry", "queued"),
        ("remove", "running"),
        ("pause", "completed"),
        ("cancel", "completed"),
        ("retry", "completed"),
        ("skip", "running"),
    ],
)
def test_a_command_that_does_not_fit_is_409_and_names_the_state(
    api: TestClient, run_of: dict[str, str], verb: str, phase: str
) -> None:
    before = current().manager.views.record(run_of[phase])
    if (verb, phase) == ("unskip", "queued"):
        assert api.post(f"/api/runs/{run_of[phase]}/{verb}").json()["changed"] is False
    else:
        answer = api.post(f"/api/runs/{run_of[phase]}/{verb}")
        assert answer.status_code == 409
        assert phase in answer.json()["detail"]
    assert current().manager.views.record(run_of[phase]) == before


def test_a_command_under_a_key_is_done_once_and_the_key_is_for_nothing_else(
    api: TestClient, run_of: dict[str, str]
) -> None:
    run_id, key = run_of["queued"], {"Idempotency-Key": "k-1"}
    assert api.post(f"/api/runs/{run_id}/pause", headers=key).json()["changed"] is True
    assert api.post(f"/api/runs/{run_id}/resume").json()["changed"] is True
    late = api.post(f"/api/runs/{run_id}/pause", headers=key)
    assert (late.status_code, late.json()["changed"], late.json()["intent"]) == (200, False, "run")
    assert api.post(f"/api/runs/{run_id}/cancel", headers=key).status_code == 422
    assert api.post(f"/api/runs/{run_id}/pause", headers=key, json={"reason": "x"}).status_code == 422


def test_a_finished_run_is_made_again_from_a_stage_with_other_settings(api: TestClient, run_of: dict[str, str]) -> None:
    url = f"/api/runs/{run_of['completed']}/retry"
    for body, status in (
        ({"from_stage": "nope"}, 400),
        ({"settings": {"nope": 1}}, 422),
        ({"settings": {"max_retries": "3"}}, 422),
        ({"from": "quotes"}, 422),
    ):
        assert api.post(url, json=body).status_code == status, body
    assert api.post(url, json={"from_stage": "quotes", "settings": {"llm": "offline"}}).status_code == 200
    intent = current().manager.views.record(run_of["completed"]).intent
    assert (intent.from_stage, intent.changes) == ("quotes", {"llm": "offline"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"priority": 9}, 200),
        ({"priority": None}, 200),
        ({"priority": 11}, 422),
        ({"priority": True}, 422),
        ({"priority": "5"}, 422),
        ({"priority": 5.5}, 422),
        ({}, 422),
    ],
)
def test_a_waiting_run_has_a_priority_of_its_own(
    api: TestClient, run_of: dict[str, str], body: dict[str, Any], status: int
) -> None:
    assert api.post(f"/api/runs/{run_of['queued']}/priority", json=body).status_code == status
    assert api.post(f"/api/runs/{run_of['running']}/priority", json={"priority": 1}).status_code == 409


def test_every_operation_of_the_described_api_has_a_name_of_its_own(case: Showcase, api: TestClient) -> None:
    case.batch("Talks", BatchPhase.DRAFT)
    document = api.get("/openapi.json").json()
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def test_who_did_not_see_that_a_run_was_changed_is_told_so_on_every_way_to_change_it(
    api: TestClient, run_of: dict[str, str]
) -> None:
    url = f"/api/runs/{run_of['queued']}"
    stale = {"If-Match": api.get(url).headers["etag"]}
    assert api.post(f"{url}/priority", json={"priority": 9}, headers=stale).status_code == 200
    asked = {f"{url}/{verb}": None for verb in ("pause", "retry", *PLAIN)} | {f"{url}/priority": {"priority": 1}}
    for address, body in asked.items():
        refused = api.post(address, json=body, headers=stale)
        assert (refused.status_code, refused.json()["title"]) == (412, "stale"), address
    now = {"If-Match": api.get(url).headers["etag"], "Idempotency-Key": "mine"}
    for _ in range(2):  # under its key it was done for the version that it names
        assert api.post(f"{url}/pause", headers=now).json()["intent"] == "pause"
