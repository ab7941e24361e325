"""What can be fetched is what a receipt lists, and nothing else."""

from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.domain.states import Phase
from tests.support.names import is_safe
from tests.support.showcase import Showcase


@pytest.fixture
def files(case: Showcase) -> str:
    """Where the results of a completed run are."""
    run = case.run(case.batch("Talks"), "Talk: one/two", Phase.COMPLETED)
    current().manager.storage.index.load()
    return f"/runs/{run.run_id}/files"


def test_a_player_gets_the_part_it_asks_for(client: TestClient, files: str) -> None:
    whole = client.get(f"{files}/media.mp4")
    part = client.get(f"{files}/media.mp4", headers={"Range": "bytes=100-199"})
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[100:200]
    assert whole.headers["content-type"] == "video/mp4"


def test_what_is_served_can_be_shown_but_never_run(client: TestClient, files: str) -> None:
    headers = client.get(f"{files}/transcript.txt").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_saved_file_is_named_after_its_video(client: TestClient, files: str) -> None:
    def disposition(name: str) -> str:
        return client.get(f"{files}/{name}?save").headers["content-disposition"]

    assert disposition("quotes.md") == "attachment; filename*=utf-8''Talk%EF%BC%9A%20one%E2%A7%B8two.quotes.md"
    assert unquote(disposition("media.mp4")).endswith("''Talk： one⧸two.mp4")
    assert unquote(disposition("transcript.srt")).endswith(".srt")


@pytest.mark.parametrize("title", ["", "../../etc/passwd", 'x"\r\nSet-Cookie: y', "🎬" * 300, "a" * 300, "CON", ".."])
def test_no_title_leaves_the_folder_or_the_header(client: TestClient, case: Showcase, title: str) -> None:
    run = case.run(case.batch("Talks"), title, Phase.COMPLETED)
    current().manager.storage.index.load()
    answer = client.get(f"/runs/{run.run_id}/files/quotes.csv?save")
    assert "set-cookie" not in answer.headers
    name = unquote(answer.headers["content-disposition"].removeprefix("attachment; filename*=utf-8''"))
    assert is_safe(name)
    assert name.endswith(".quotes.csv")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("transcript.docx", b"PK"),
        ("transcript.tsv", b"start\tend\ttext\n0\t"),
        ("summary.pdf", b"%PDF"),
        ("quotes.csv", b"\xef\xbb\xbfstart,"),
    ],
)
def test_documents_are_made_when_they_are_asked_for(client: TestClient, files: str, name: str, begins: bytes) -> None:
    first, again = client.get(f"{files}/{name}"), client.get(f"{files}/{name}")
    assert first.status_code == 200
    assert first.content.startswith(begins)
    assert (first.content, first.headers["etag"]) == (again.content, again.headers["etag"])
    assert first.headers["x-content-type-options"] == "nosniff"


def test_a_file_of_one_stage_is_found_under_its_name(client: TestClient, files: str) -> None:
    plain, of_stage = client.get(f"{files}/transcript.json"), client.get(f"{files}/transcribe/transcript.json")
    assert plain.content == of_stage.content
    assert client.get(f"{files}/summary/transcript.json").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("receipt.json", 404),
        ("..%2Freceipt.json", 404),
        ("..%2F..%2F..%2Fstate%2Fpool.json", 404),
        ("%2Fetc%2Fpasswd", 404),
        ("nothing.json", 404),
        ("..%2F..%2Fsummary.pdf", 404),
        ("transcribe%2F..%2Fsummary%2Fsummary.json", 404),
    ],
)
def test_what_no_receipt_lists_is_not_there(client: TestClient, files: str, path: str, status: int) -> None:
    assert client.get(f"{files}/{path}").status_code == status


def test_a_result_that_is_not_made_yet_says_so(client: TestClient, case: Showcase) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    current().manager.storage.index.load()
    answer = client.get(f"/runs/{run.run_id}/files/transcript.json")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "not_made_yet"


def test_a_result_whose_bytes_changed_is_not_served(client: TestClient, files: str, case: Showcase) -> None:
    (path,) = case.layout.artifacts.glob("summary/*/summary.json")
    path.write_bytes(path.read_bytes().replace(b"salmon", b"Salmon"))
    assert client.get(f"{files}/summary.json").status_code == 500


def test_another_host_and_another_page_are_refused(client: TestClient, files: str) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8501"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert client.get(f"{files}/transcript.json", headers=headers).status_code == 403


def test_an_unknown_path_is_not_found_instead_of_a_page(client: TestClient, case: Showcase) -> None:
    del case
    assert client.get("/nothing").status_code == 404


def test_everything_that_can_be_fetched_is_listed_with_the_name_it_is_saved_under(
    client: TestClient, files: str
) -> None:
    listed = {(one["stage"], one["name"]): one for one in client.get(files).json()["files"]}
    assert listed["download", "media.mp4"]["saved_as"] == "Talk： one⧸two.mp4"
    assert listed["transcribe", "transcript.docx"]["size"] is None
    for stage, name in listed:
        assert client.head(f"{files}/{stage}/{name}").status_code == 200, name
    assert client.get("/runs/r_none/files").status_code == 404
