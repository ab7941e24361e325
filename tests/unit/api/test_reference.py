"""The described API is there to read without a network, and to anybody."""

import re

import pytest
from starlette.testclient import TestClient

from core.api.app import build_app
from core.api.reference import ASSETS
from tests.support.showcase import Showcase
from tests.unit.api.conftest import HOME


@pytest.fixture
def stranger(case: Showcase) -> TestClient:
    """Somebody without a token."""
    del case
    return TestClient(build_app(), base_url=HOME)


def test_whatever_the_page_names_is_served_here(stranger: TestClient) -> None:
    page = stranger.get("/docs")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [one for one in named if not one.startswith(("/docs/", "data:,"))] == []
    for address in (one for one in named if one.startswith("/")):
        assert stranger.get(address).status_code == 200, address


def test_nothing_that_it_fetches_may_come_from_elsewhere(stranger: TestClient) -> None:
    for address in ("/docs", "/docs/start.js", *(f"/docs/{name}" for name in ASSETS)):
        answer = stranger.get(address)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"https?:|\*|'unsafe-eval'|script-src[^;]*unsafe", policy)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2fcore.py", "%2fetc%2fpasswd", "x"])
def test_no_other_file_is_served_beside_it(stranger: TestClient, name: str) -> None:
    assert stranger.get(f"/docs/{name}").status_code == 404
