"""`/api/batch-jobs` as S1 has it: looking, making, filling."""

import shutil
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.batch_job_models import BatchJobs, BatchJobWithVideos, MadeBatchJob
from core.api.process import current
from core.domain.access import Scope
from core.domain.states import BatchPhase, Phase
from tests.support.showcase import Showcase

URL = "https://media.example.org/{}.mp4"


def make(api: TestClient, *videos: str, **fields: Any) -> str:
    """A draft with these videos; its id."""
    batch_id: str = api.post("/api/batch-jobs", json={"name": "Talks", **fields}).json()["batch_job_id"]
    if videos:
        added = api.post(f"/api/batch-jobs/{batch_id}/videos", json={"urls": [URL.format(video) for video in videos]})
        assert added.status_code == 200, added.text
    return batch_id


# --- looking -----------------------------------------------------------------------------------------------------


def test_a_page_has_what_was_asked_for_and_counts_all(case: Showcase, api: TestClient) -> None:
    names = [f"Batch {number}" for number in range(5)]
    for number, name in enumerate(names):
        case.batch(name, BatchPhase.PAUSED if number % 2 else BatchPhase.RUNNING, priority=number)
    current().manager.storage.index.load()

    def seen(**query: Any) -> list[str]:
        page = api.get("/api/batch-jobs", params=query).json()
        BatchJobs.model_validate(page)
        return [job["name"] for job in page["batch_jobs"]]

    assert seen() == names[::-1]
    assert seen(limit=2, offset=1) == ["Batch 3", "Batch 2"]
    assert seen(status="paused") == ["Batch 3", "Batch 1"]
    assert seen(sort="priority", order="asc") == names
    assert seen(sort="priority") == names[::-1]
    assert seen(sort="name") == names
    assert api.get("/api/batch-jobs?status=paused&limit=1").json()["total"] == 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=5.5",
        "limit=٣",
        "offset=-1",
        "offset=9" + "9" * 5000,
        "status=running",
        "sort=owner",
        "order=up",
        "owner=ana",
        "limit=1&limit=x",
    ],
)
def test_a_query_that_says_nothing_is_named_in_a_problem(api: TestClient, query: str) -> None:
    answer = api.get(f"/api/batch-jobs?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_batch_has_all_its_videos_with_what_came_out(case: Showcase, api: TestClient) -> None:
    batch_id = case.batch("Talks")
    done = case.run(batch_id, "One", Phase.COMPLETED)
    case.run(batch_id, "Two", Phase.RUNNING, done=1)
    current().manager.storage.index.load()
    answer = api.get(f"/api/batch-jobs/{batch_id}")
    BatchJobWithVideos.model_validate(answer.json())
    job = answer.json()
    assert (job["status"], job["total_videos"], job["completed_videos"]) == ("processing", 2, 1)
    one, two = job["videos"]
    assert (one["id"], one["status"], one["progress_percentage"]) == (done.run_id, "completed", 100)
    assert (two["status"], two["current_stage"]) == ("processing", "transcribing")
    for url in [one["output_video_url"], *(file["url"] for file in one["processing_result"]["files"])]:
        assert api.get(url).status_code == 200
    assert answer.headers["etag"].strip('"')


@pytest.mark.parametrize("id_", ["b_0", "r_1", "%2e%2e", "..%5c", "%2Fetc%2Fpasswd", "%00", "b_" + "9" * 10_000, "b_٣"])
def test_what_is_no_batch_is_not_found(api: TestClient, id_: str) -> None:
    answer = api.get(f"/api/batch-jobs/{id_}")
    assert answer.status_code == 404
    assert len(answer.content) < 1000


def test_a_deleted_batch_is_not_found(case: Showcase, api: TestClient) -> None:
    batch_id = case.batch("Talks", BatchPhase.DELETED)
    current().manager.storage.index.load()
    assert api.get(f"/api/batch-jobs/{batch_id}").status_code == 404
    assert api.get("/api/batch-jobs").json()["total"] == 0


def test_nobody_who_is_not_known_sees_anything(api: TestClient) -> None:
    for header in ("", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer a b"):
        answer = api.get("/api/batch-jobs", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


# --- making ------------------------------------------------------------------------------------------------------


def test_a_new_batch_is_pending_with_all_that_was_asked_for(api: TestClient) -> None:
    body = {
        "name": " Season 2 ",
        "description": "all of it",
        "settings": {"remove_silence": True, "silence_threshold": -35, "export_format": "MP4", "keywords": ["a"]},
        "priority": 8,
        "concurrency": 2,
    }
    answer = api.post("/api/batch-jobs", json=body)
    assert answer.status_code == 201, answer.text
    MadeBatchJob.model_validate(answer.json())
    job = answer.json()["batch_job"]
    assert (job["name"], job["status"], job["priority"], job["total_videos"]) == ("Season 2", "pending", 8, 0)
    settings = job["settings"]
    assert (settings["export"], settings["export_format"], settings["silence_mode"]) == (True, "mp4", "fixed")
    assert job["user_id"] == current().manager.actor


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 101},
        {"name": 7},
        {"name": None},
        {"priority": -1},
        {"priority": 11},
        {"priority": 5.5},
        {"priority": True},
        {"priority": "5"},
        {"concurrency": 0},
        {"concurrency": 6},
        {"concurrency": 1e9},
        {"video_count": 51},
        {"video_count": -1},
        {"settings": {"max_retries": -1}},
        {"settings": {"max_retries": "3"}},
        {"settings": {"transcribe": 1}},
        {"settings": {"llm_base_url": "http://x"}},
        {"settings": []},
        {"owner": "bob"},
        {"status": "completed"},
        {"output_path": "/etc"},
    ],
)
def test_a_field_that_is_not_possible_is_named_and_nothing_is_made(api: TestClient, fields: dict[str, Any]) -> None:
    answer = api.post("/api/batch-jobs", json={"name": "Talks"} | fields)
    assert answer.status_code == 422
    assert next(iter(fields)) in answer.json()["detail"]
    assert api.get("/api/batch-jobs").json()["total"] == 0


@pytest.mark.parametrize("name", ["", "x" * 100, "<img src=x onerror=alert(1)>", "{{7*7}}", ":material/x:", "$\\frac"])
def test_a_name_is_kept_as_it_is(api: TestClient, name: str) -> None:
    job = api.post("/api/batch-jobs", json={"name": name}).json()["batch_job"]
    assert job["name"] == (name or "Untitled batch")


def test_the_same_request_under_a_key_makes_one_batch(api: TestClient) -> None:
    key, body = {"Idempotency-Key": "k-1"}, {"name": "Talks", "settings": {"quotes": False}}
    first = api.post("/api/batch-jobs", json=body, headers=key)
    again = api.post("/api/batch-jobs", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert api.post("/api/batch-jobs", json={"name": "Other"}, headers=key).status_code == 422
    assert api.post("/api/batch-jobs", json=body).json()["batch_job_id"] != first.json()["batch_job_id"]
    assert api.get("/api/batch-jobs").json()["total"] == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 201])
def test_a_key_is_plain(api: TestClient, key: str) -> None:
    answer = api.post("/api/batch-jobs", json={"name": "a"}, headers={"Idempotency-Key": key})
    assert answer.status_code in (400, 422)


# --- filling -----------------------------------------------------------------------------------------------------


def test_videos_are_added_behind_those_that_are_there(api: TestClient) -> None:
    batch_id = make(api, "a", "b")
    added = api.post(f"/api/batch-jobs/{batch_id}/videos", json={"urls": [URL.format("c")]}).json()
    BatchJobWithVideos.model_validate(added)
    assert [(video["position"], video["name"]) for video in added["videos"]] == [
        (1, "media.example.org/a.mp4"),
        (2, "media.example.org/b.mp4"),
        (3, "media.example.org/c.mp4"),
    ]
    assert {video["status"] for video in added["videos"]} == {"pending"}


@pytest.mark.parametrize(
    ("urls", "status"),
    [
        (["c", "a"], 422),
        (["c", "c"], 422),
        (["http://127.0.0.1/x"], 422),
        (["http://169.254.169.254/latest"], 422),
        (["/etc/passwd"], 400),
        (["file:///etc/passwd"], 400),
        (["--exec=x"], 400),
        ([f"c{number}" for number in range(50)], 422),
        ([f"c{number}" for number in range(51)], 422),
        ([], 422),
    ],
)
def test_all_videos_of_a_request_are_taken_or_none(api: TestClient, urls: list[str], status: int) -> None:
    batch_id = make(api, "a")
    body = {"urls": [url if "/" in url or url.startswith("-") else URL.format(url) for url in urls]}
    assert api.post(f"/api/batch-jobs/{batch_id}/videos", json=body).status_code == status
    assert api.get(f"/api/batch-jobs/{batch_id}").json()["total_videos"] == 1


def test_the_same_videos_under_a_key_are_added_once(api: TestClient) -> None:
    batch_id, key = make(api), {"Idempotency-Key": "k-1"}
    for _ in range(2):
        answer = api.post(f"/api/batch-jobs/{batch_id}/videos", json={"urls": [URL.format("a")]}, headers=key)
        assert (answer.status_code, answer.json()["total_videos"]) == (200, 1)
    other = api.post(f"/api/batch-jobs/{batch_id}/videos", json={"urls": [URL.format("b")]}, headers=key)
    assert other.status_code == 422


def test_as_many_addresses_as_videos_are_made_and_what_is_sent_there_is_added(api: TestClient) -> None:
    made = api.post("/api/batch-jobs", json={"name": "Talks", "video_count": 3}).json()
    MadeBatchJob.model_validate(made)
    assert len(set(made["upload_urls"])) == 3
    url, data = made["upload_urls"][1], b"\0\0\0\x18ftypmp42" + b"\0" * 5000
    sent = api.put(f"{url}&name=talk.mp4", content=data, headers={"Authorization": ""})
    assert sent.status_code == 200, sent.text
    added = api.post(f"/api/batch-jobs/{made['batch_job_id']}/videos", json={"video_ids": [sent.json()["id"]]})
    assert [video["video_id"] for video in added.json()["videos"]] == [sent.json()["id"]]


def test_an_upload_is_added_once_it_is_whole(api: TestClient) -> None:
    data = b"\0\0\0\x18ftypmp42" + b"\0" * 5000
    sent = api.post("/api/uploads", json={"name": "talk.mp4", "size": len(data)}).json()
    batch_id = make(api)
    body = {"video_ids": [sent["id"]]}
    half = api.post(f"/api/batch-jobs/{batch_id}/videos", json=body)
    assert (half.status_code, half.json()["title"]) == (422, "not_uploaded")
    api.patch(f"/api/uploads/{sent['id']}?offset=0", content=data)
    added = api.post(f"/api/batch-jobs/{batch_id}/videos", json=body)
    assert [video["video_id"] for video in added.json()["videos"]] == [sent["id"]]
    assert api.post(f"/api/batch-jobs/{batch_id}/videos", json={"video_ids": ["0" * 16]}).status_code == 404


def test_who_asks_again_is_answered_when_the_upload_is_gone_already(api: TestClient) -> None:
    data = b"\0\0\0\x18ftypmp42" + b"\0" * 5000
    sent = api.post("/api/uploads", json={"name": "talk.mp4", "size": len(data)}).json()
    api.patch(f"/api/uploads/{sent['id']}?offset=0", content=data)
    how: dict[str, Any] = {"json": {"video_ids": [sent["id"]]}, "headers": {"Idempotency-Key": "k-1"}}
    url = f"/api/batch-jobs/{make(api)}/videos"
    first = api.post(url, **how)
    shutil.rmtree(current().manager.storage.layout.uploads / sent["id"])
    assert [video["id"] for video in api.post(url, **how).json()["videos"]] == [
        video["id"] for video in first.json()["videos"]
    ]


def test_more_videos_than_a_tier_has_are_announced_in_vain(case: Showcase, api: TestClient) -> None:
    del case
    token = current().manager.tokens.create("ben", owner="ben", scope=Scope.OPERATE, tier="free").token
    ben = {"Authorization": f"Bearer {token}"}
    answers = [
        api.post("/api/batch-jobs", json={"name": "Talks", "video_count": count}, headers=ben) for count in (3, 4)
    ]
    assert [answer.status_code for answer in answers] == [201, 403]


def test_a_started_batch_takes_no_more(case: Showcase, api: TestClient) -> None:
    batch_id = case.batch("Talks", BatchPhase.RUNNING)
    current().manager.storage.index.load()
    answer = api.post(f"/api/batch-jobs/{batch_id}/videos", json={"urls": [URL.format("a")]})
    assert answer.status_code == 409
