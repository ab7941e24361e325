"""The bulk API: a folder is a job, which is paused, resumed and stopped, and gives its results at any time."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, ErrorClass
from core.domain.states import BatchPhase, Phase
from core.manager.bulk import FolderOrder
from core.manager.templates import Template
from tests.support.showcase import Showcase

CHECKPOINT = ["processed_count", "results_count", "errors_count", "consecutive_errors", "retry_count", "state"]


def folder(place: Path, *names: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (place / name).write_bytes(b"\0\0\0\x20ftypisom" + bytes([number]) * 40)
    return place


def begin(program: TestClient, path: Path | str, **more: Any) -> Any:
    return program.post("/api/bulk/process", json={"folder_path": str(path), **more})


def test_a_folder_becomes_a_job_that_is_running(program: TestClient, tmp_path: Path) -> None:
    talks = folder(tmp_path / "talks", "b.mp4", "a.mp4", "notes.txt")
    made = begin(program, talks, parallel=True, max_workers=4)
    assert made.status_code == 200, made.text
    job = made.json()["job_id"]
    assert made.json() == {
        "job_id": job,
        "progress_url": f"/api/bulk/progress/{job}",
        "folder_path": str(talks),
        "total_files": 2,
        "rejected": [],
        "notices": [],
    }
    seen = program.get(made.json()["progress_url"]).json()
    assert {
        name: seen[name] for name in ("status", "folder_path", "provider", "parallel", "max_workers", "total_files")
    } == {
        "status": "processing",
        "folder_path": str(talks),
        "provider": "",
        "parallel": True,
        "max_workers": 4,
        "total_files": 2,
    }
    assert list(seen["checkpoint"]) == CHECKPOINT


def test_too_many_workers_are_as_many_as_there_can_be_and_that_is_said(program: TestClient, tmp_path: Path) -> None:
    made = begin(program, folder(tmp_path / "talks", "a.mp4"), max_workers=8)
    assert "5 instead of 8" in made.json()["notices"][0]
    assert program.get(made.json()["progress_url"]).json()["max_workers"] == 5


def test_a_provider_names_a_template_and_one_that_is_none_is_refused(program: TestClient, tmp_path: Path) -> None:
    talks = folder(tmp_path / "talks", "a.mp4")
    manager = current().manager
    manager.templates.save(Template(name="Podcast", concurrency=2), by=manager.actor)
    seen = program.get(begin(program, talks, provider="podcast").json()["progress_url"]).json()
    assert (seen["provider"], seen["max_workers"]) == ("Podcast", 2)
    refused = begin(program, talks, provider="google_vision")
    assert (refused.status_code, refused.json()["title"]) == (400, "no_template")
    assert "Podcast" in refused.json()["hint"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_workers": 0},
        {"max_workers": True},
        {"max_workers": "4"},
        {"max_workers": 1.5},
        {"parallel": "yes"},
        {"owner": "local:other"},
        {"folder_path": ""},
        {"folder_path": None},
    ],
)
def test_a_body_of_wrong_types_or_unknown_fields_makes_nothing(
    program: TestClient, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    talks = folder(tmp_path / "talks", "a.mp4")
    assert program.post("/api/bulk/process", json={"folder_path": str(talks), **wrong}).status_code == 422
    assert current().manager.views.batches()["total"] == 0


@pytest.mark.parametrize("path", ["/no/such/folder", "missing", "x" * 4000])
def test_a_folder_that_is_not_there_is_not_found(program: TestClient, path: str) -> None:
    assert begin(program, path).status_code == 404


def test_a_folder_without_media_is_refused_with_what_it_holds(program: TestClient, tmp_path: Path) -> None:
    refused = begin(program, folder(tmp_path / "texts", "notes.txt"))
    assert (refused.status_code, refused.json()["title"]) == (400, "folder_empty")
    assert "notes.txt" in refused.json()["detail"]


def test_a_name_that_is_no_path_is_a_folder_in_the_inbox(program: TestClient, case: Showcase) -> None:
    talks = folder(case.layout.inbox / "talks", "a.mp4")
    assert begin(program, "talks").json()["folder_path"] == str(talks)


def test_who_is_no_administrator_has_the_inbox_alone_and_links_do_not_lead_out_of_it(
    case: Showcase, tmp_path: Path
) -> None:
    bulk = current().manager.acting_for(Actor(name="ana", scope=Scope.OPERATE)).bulk
    mine = folder(case.layout.inbox / "mine", "a.mp4")
    other = folder(tmp_path / "private", "secret.mp4")
    assert bulk.add(FolderOrder(folder=str(mine))).added.batch_id is not None
    (case.layout.inbox / "way-out").symlink_to(other)
    for path in (other, "way-out", "../../private", tmp_path / "never-there"):
        with pytest.raises(BadInput, match="in the inbox"):
            bulk.add(FolderOrder(folder=str(path)))
    (mine / "b.srt").symlink_to(other / "secret.mp4")
    with pytest.raises(BadInput, match="in the inbox"):
        bulk.add(FolderOrder(folder="mine"))


def test_a_job_is_paused_resumed_and_stopped_and_twice_is_once(program: TestClient, tmp_path: Path) -> None:
    job = begin(program, folder(tmp_path / "talks", "a.mp4")).json()["job_id"]
    for verb, said, state in [
        ("pause", "paused", "paused"),
        ("resume", "resumed", "running"),
        ("stop", "cancelled", "stopped"),
    ]:
        for _ in range(2):
            answer = program.post(f"/api/bulk/{verb}/{job}")
            assert (answer.status_code, answer.json()) == (
                200,
                {"success": True, "message": f"Job {said} successfully", "job_id": job, "state": state},
            )
        seen = program.get(f"/api/bulk/state/{job}").json()
        assert list(seen) == ["job_id", "state", "is_paused", "is_stopped", "checkpoint"]
        assert (seen["state"], seen["is_paused"], seen["is_stopped"]) == (state, state == "paused", state == "stopped")
    refused = program.post(f"/api/bulk/resume/{job}")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")


def test_a_draft_is_started_by_a_resume(program: TestClient, case: Showcase) -> None:
    draft = case.batch("Later", BatchPhase.DRAFT)
    case.run(draft, "One")
    assert program.post(f"/api/bulk/resume/{draft}").json()["state"] == "running"


@pytest.mark.parametrize("way", ["GET progress", "GET state", "GET download", "POST pause", "POST resume", "POST stop"])
@pytest.mark.parametrize("job", ["b_00000000000000000000000000000000", "..%2fx", "%00", "x" * 5000, "٣"])
def test_a_job_that_is_not_there_is_not_found(program: TestClient, way: str, job: str) -> None:
    method, _, verb = way.partition(" ")
    assert program.request(method, f"/api/bulk/{verb}/{job}").status_code == 404


def test_errors_are_told_by_file_with_what_to_do(program: TestClient, case: Showcase) -> None:
    batch = case.batch("Talks")
    run = case.fails(batch, "Gone", ErrorClass.REMOVED, "The video was removed.")
    seen = program.get(f"/api/bulk/progress/{batch}").json()
    assert [(one["file"], one["error"]) for one in seen["errors"]] == [(run.source.value, "The video was removed.")]
    assert (seen["checkpoint"]["errors_count"], seen["checkpoint"]["consecutive_errors"]) == (1, 1)


def test_partial_results_are_a_zip_of_what_is_finished(program: TestClient, case: Showcase) -> None:
    batch = case.batch("Talks")
    done, _ = case.run(batch, "Done", Phase.COMPLETED), case.run(batch, "Not yet", Phase.QUEUED)
    program.post(f"/api/bulk/stop/{batch}")
    answer = program.get(f"/api/bulk/download/{batch}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert any(name.endswith(".txt") and "Done" in name for name in names)
    assert not any(name.endswith(".mp4") for name in names)
    assert "MISSING.txt" in names
    again = program.get(f"/api/bulk/download/{batch}", headers={"Range": "bytes=10-19"})
    assert (again.status_code, again.content) == (206, answer.content[10:20])
    files = program.get(f"/api/bulk/progress/{batch}").json()["results"][done.source.value]["files"]
    assert program.get(next(one["url"] for one in files if one["name"] == "transcript.txt")).status_code == 200


def test_without_any_result_there_is_nothing_to_download(program: TestClient, case: Showcase) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Not yet", Phase.QUEUED)
    refused = program.get(f"/api/bulk/download/{batch}")
    assert (refused.status_code, refused.json()["title"]) == (409, "nothing_to_export")
