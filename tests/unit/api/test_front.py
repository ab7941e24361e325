"""What is the API's, what is a page's, and what is nobody's."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from core.api.front import Front
from tests.support.showcase import Showcase
from tests.unit.api.conftest import HOME


@pytest.fixture
def front(case: Showcase) -> TestClient:
    """A browser at a dashboard whose pages say that they are pages."""
    del case
    return TestClient(Front(PlainTextResponse("the pages"), signed_in=lambda cookies: None), base_url=HOME)


@pytest.mark.parametrize("path", ["/", "/run", "/apiary", "/_stcore/health", "/_stcore/host-config"])
def test_every_path_that_is_not_the_apis_is_a_page(front: TestClient, path: str) -> None:
    assert front.get(path).text == "the pages"


def test_the_api_is_asked_before_the_pages(front: TestClient) -> None:
    assert front.get("/healthz").json() == {"status": "ok"}
    assert front.get("/api/none").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_nobody_fills_the_memory_with_files_that_no_page_asks_for(front: TestClient, method: str) -> None:
    answer = front.request(method, "/_stcore/upload_file/a-session/a-file")
    assert (answer.status_code, answer.json()["title"]) == (404, "not_found")


def test_nobody_is_told_of_the_sessions_of_others(front: TestClient) -> None:
    assert front.get("/_stcore/metrics").status_code == 404
