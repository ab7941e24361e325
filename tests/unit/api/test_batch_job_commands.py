"""What S1 lets somebody do with a batch; asked twice it is done once, and what does not fit is a problem that says why."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.batch_job_models import AskedExport, BatchExport, BatchExports, BatchJob, Started
from core.api.process import current
from core.domain.states import BatchPhase, Phase
from tests.support.showcase import Showcase


@pytest.fixture
def known(case: Showcase, api: TestClient) -> dict[str, str]:
    """A batch in each phase, with a run that fits."""
    del api
    batches = {}
    for phase, run in (
        (BatchPhase.DRAFT, Phase.QUEUED),
        (BatchPhase.RUNNING, Phase.QUEUED),
        (BatchPhase.PAUSED, Phase.QUEUED),
        (BatchPhase.COMPLETED, Phase.COMPLETED),
        (BatchPhase.FAILED, Phase.FAILED),
        (BatchPhase.CANCELLED, Phase.CANCELLED),
    ):
        batches[str(phase)] = case.batch(f"A {phase} one", phase)
        case.run(batches[str(phase)], "Talk", run)
    current().manager.storage.index.load()
    return batches


def post(api: TestClient, batch_id: str, verb: str, **how: Any) -> Any:
    return api.post(f"/api/batch-jobs/{batch_id}/{verb}", **how)


@pytest.mark.parametrize(
    ("verb", "fits"),
    [
        ("start", {"draft": "processing", "running": "processing", "paused": "processing"}),
        ("pause", {"running": "paused", "paused": "paused"}),
        ("resume", {"running": "processing", "paused": "processing"}),
        ("cancel", {"draft": "cancelled", "running": "cancelled", "paused": "cancelled", "cancelled": "cancelled"}),
    ],
)
def test_a_command_that_fits_is_done_once_and_any_other_is_409_and_changes_nothing(
    api: TestClient, known: dict[str, str], verb: str, fits: dict[str, str]
) -> None:
    for phase, batch_id in known.items():
        before = api.get(f"/api/batch-jobs/{batch_id}").json()
        first, again = post(api, batch_id, verb), post(api, batch_id, verb)
        if phase not in fits:
            assert (first.status_code, again.status_code) == (409, 409), (verb, phase)
            assert phase in first.json()["detail"]
            assert api.get(f"/api/batch-jobs/{batch_id}").json() == before
            continue
        assert (first.status_code, again.status_code) == (200, 200), (verb, phase, first.text)
        job = first.json()["batch_job"] if verb == "start" else first.json()
        (Started if verb == "start" else BatchJob).model_validate(first.json())
        assert job["status"] == fits[phase]
        assert again.json() == first.json()
        assert again.headers["etag"] == first.headers["etag"]


def test_why_it_was_asked_for_stands_in_the_history(api: TestClient, known: dict[str, str]) -> None:
    answer = post(api, known["running"], "pause", json={"reason": "the network is down", "drain": True})
    assert answer.status_code == 200
    pause = current().manager.views.batch_record(known["running"]).pause
    assert pause is not None
    assert (pause.why, pause.drain, pause.by) == ("the network is down", True, current().manager.actor)


@pytest.mark.parametrize("body", [{"reason": 7}, {"why": "x"}, {"drain": "yes"}, {"drain": 1}])
def test_a_command_with_words_that_mean_nothing_is_refused(
    api: TestClient, known: dict[str, str], body: dict[str, Any]
) -> None:
    assert post(api, known["running"], "pause", json=body).status_code == 422
    assert api.get(f"/api/batch-jobs/{known['running']}").json()["status"] == "processing"


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "cancel", "retry-failed"])
def test_a_batch_that_is_not_there_is_not_found(api: TestClient, verb: str) -> None:
    assert post(api, "b_0", verb).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
def test_another_method_is_405_and_does_nothing(api: TestClient, known: dict[str, str], method: str) -> None:
    headers = {"X-HTTP-Method-Override": "POST"}
    answer = api.request(method, f"/api/batch-jobs/{known['running']}/pause", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert api.get(f"/api/batch-jobs/{known['running']}").json()["status"] == "processing"


# --- retrying, deleting ------------------------------------------------------------------------------------------


def test_what_failed_is_retried_and_a_repeated_request_is_answered_the_same(
    api: TestClient, known: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "again-1"}
    first = post(api, known["failed"], "retry-failed", headers=key)
    assert first.status_code == 200, first.text
    run = current().manager.storage.index.runs_of(known["failed"])[0]
    assert run.intent.again
    assert post(api, known["failed"], "retry-failed", headers=key).status_code == 200
    assert post(api, known["completed"], "retry-failed").status_code == 409


def test_a_batch_is_deleted_once_it_has_ended_or_never_began(api: TestClient, known: dict[str, str]) -> None:
    for phase, batch_id in known.items():
        url, ended = f"/api/batch-jobs/{batch_id}", phase not in ("running", "paused")
        assert [api.delete(url).status_code for _ in range(2)] == ([204, 204] if ended else [409, 409]), phase
        assert api.get(url).status_code == (404 if ended else 200)
    assert api.delete("/api/batch-jobs/b_0").status_code == 404
    assert api.delete(f"/api/batch-jobs/{known['completed']}?hard=maybe").status_code == 422


def test_a_batch_is_deleted_for_good(api: TestClient, known: dict[str, str]) -> None:
    assert api.delete(f"/api/batch-jobs/{known['completed']}?hard=true").status_code == 204
    assert known["completed"] not in current().manager.storage.store.batches.ids()


# --- changing ----------------------------------------------------------------------------------------------------


def test_what_is_given_is_changed_and_the_rest_stays(api: TestClient, known: dict[str, str]) -> None:
    url = f"/api/batch-jobs/{known['draft']}"
    before = api.get(url).json()
    changed = api.patch(url, json={"name": "Other", "priority": 9, "settings": {"language": "de"}})
    assert changed.status_code == 200, changed.text
    job = changed.json()
    assert (job["name"], job["priority"], job["concurrency"]) == ("Other", 9, before["concurrency"])
    assert job["settings"] == before["settings"] | {"language": "de"}
    assert api.patch(url, json={}).json()["name"] == "Other"


@pytest.mark.parametrize(
    "body",
    [
        {"priority": 11},
        {"priority": "5"},
        {"concurrency": 0},
        {"name": ""},
        {"name": "x" * 101},
        {"owner": "bob"},
        {"status": "completed"},
        {"settings": {"max_retries": 99}},
    ],
)
def test_a_change_that_is_not_possible_changes_nothing(
    api: TestClient, known: dict[str, str], body: dict[str, Any]
) -> None:
    url = f"/api/batch-jobs/{known['draft']}"
    before = api.get(url).json()
    answer = api.patch(url, json={"description": "new", **body})
    assert answer.status_code == 422
    assert next(iter(body)) in answer.json()["detail"]
    assert api.get(url).json() == before


def test_who_did_not_see_the_latest_change_is_told_so_on_every_way_to_change_it(
    api: TestClient, known: dict[str, str]
) -> None:
    url = f"/api/batch-jobs/{known['paused']}"
    seen = api.get(url).headers["etag"]
    stale = {"If-Match": seen}
    assert api.patch(url, json={"name": "Mine"}, headers=stale).status_code == 200
    run = current().manager.storage.index.runs_of(known["paused"])[0].run_id
    for answer in (
        api.patch(url, json={"name": "Yours"}, headers=stale),
        api.post(f"{url}/reorder", json={"video_order": [run]}, headers=stale),
        api.post(f"{url}/resume", headers=stale),
        api.post(f"{url}/cancel", headers=stale),
        api.post(f"{url}/start", headers={"If-Match": 'W/"x", "y"'}),
        api.post(f"{url}/retry-failed", headers=stale),
        api.delete(url, headers=stale),
    ):
        assert (answer.status_code, answer.json()["title"]) == (412, "stale")
    now = api.get(url)
    assert (now.json()["name"], now.json()["status"]) == ("Mine", "paused")
    both = {"If-Match": f'"other", {now.headers["etag"]}'}
    assert api.patch(url, json={"name": "Ours"}, headers=both).status_code == 200
    assert api.patch(url, json={"name": "Any"}, headers={"If-Match": "*"}).status_code == 200


def test_queued_videos_start_in_the_order_that_was_given(case: Showcase, api: TestClient) -> None:
    batch_id = case.batch("Talks")
    runs = [case.run(batch_id, title).run_id for title in ("a", "b", "c")]
    begun = case.run(batch_id, "d", Phase.RUNNING, done=1).run_id
    other = case.run(case.batch("Other"), "x").run_id
    current().manager.storage.index.load()
    wanted = [runs[2], runs[0], runs[1]]
    answer = post(api, batch_id, "reorder", json={"video_order": wanted})
    assert [video["id"] for video in answer.json()["videos"]] == [*wanted, begun]
    for order, status in (
        (runs[:2], 422),
        ([*runs, runs[0]], 422),
        ([*runs, other], 422),
        ([*runs, "r_0"], 422),
        ([*runs, begun], 409),
        ([1, 2, 3], 422),
    ):
        assert post(api, batch_id, "reorder", json={"video_order": order}).status_code == status, order
    assert [video["id"] for video in api.get(f"/api/batch-jobs/{batch_id}").json()["videos"]] == [*wanted, begun]


# --- exporting ---------------------------------------------------------------------------------------------------


def test_an_export_is_asked_for_looked_at_and_fetched_by_its_address_alone(
    api: TestClient, known: dict[str, str]
) -> None:
    batch_id = known["completed"]
    asked = post(api, batch_id, "export", json={"format": "zip"})
    assert asked.status_code == 202, asked.text
    AskedExport.model_validate(asked.json())
    export_id = asked.json()["export_job_id"]
    told = api.get(f"/api/batch-jobs/{batch_id}/export/{export_id}").json()
    BatchExport.model_validate(told)
    assert (told["status"], told["progress"], told["batch_job_id"]) == ("completed", 100, batch_id)
    fetched = api.get(told["download_url"], headers={"Authorization": ""})
    assert (fetched.status_code, fetched.content[:2], len(fetched.content)) == (200, b"PK", told["file_size"])
    again = post(api, batch_id, "export", json={"format": "zip"}).json()
    assert again["export_job_id"] == export_id
    found = api.get(f"/api/batch-jobs/{batch_id}/exports").json()
    BatchExports.model_validate(found)
    assert [export["id"] for export in found["exports"]] == [export_id]
    assert api.get(f"/api/batch-jobs/{known['failed']}/export/{export_id}").status_code == 404


def test_a_merged_video_waits_for_a_service_and_can_be_called_off(api: TestClient, known: dict[str, str]) -> None:
    asked = post(api, known["completed"], "export", json={"format": "merged"}).json()
    assert (asked["status"], asked["download_url"]) == ("pending", None)
    cancelled = post(api, known["completed"], f"export/{asked['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"


@pytest.mark.parametrize(
    "body", [{}, {"format": "rar"}, {"format": "zip", "include_failed": "no"}, {"format": "zip", "path": "/etc"}]
)
def test_an_export_that_means_nothing_is_refused(api: TestClient, known: dict[str, str], body: dict[str, Any]) -> None:
    assert post(api, known["completed"], "export", json=body).status_code == 422


def test_nothing_to_export_is_409(api: TestClient, known: dict[str, str]) -> None:
    assert post(api, known["failed"], "export", json={"format": "zip"}).status_code == 409
    assert post(api, known["running"], "export", json={"format": "zip"}).status_code == 409
