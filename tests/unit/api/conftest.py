"""The routes of the dashboard over a storage of the test's own, without a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from core.api import process
from core.api.app import build_app
from tests.support.showcase import Showcase

HOME = "http://127.0.0.1:8501"


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Showcase]:
    """An empty storage that is this process's."""
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "0")
    monkeypatch.setenv("REPRISE_MAX_MEDIA_BYTES", "1000000")
    process.close()
    yield Showcase(tmp_path / "storage")
    process.close()


@pytest.fixture
def client(case: Showcase) -> TestClient:
    """A page of ours, as far as the routes can tell."""
    del case
    return TestClient(
        build_app(lambda cookies: None),
        base_url=f"{HOME}/api",
        headers={"Sec-Fetch-Site": "same-origin"},
        raise_server_exceptions=False,
    )


@pytest.fixture
def program(case: Showcase) -> TestClient:
    """A program with the token of the administrator."""
    del case
    token = process.current().manager.tokens.first()
    process.close()  # what a test writes before it asks is read
    return TestClient(
        build_app(),
        base_url="http://127.0.0.1:8600",
        headers={"Authorization": f"Bearer {token}"},
        raise_server_exceptions=False,
    )


@pytest.fixture
def api(case: Showcase) -> Iterator[TestClient]:
    """A program with the administrator's token."""
    del case
    token = process.current().manager.tokens.first()
    with TestClient(
        build_app(),
        base_url="http://127.0.0.1:8600",
        headers={"Authorization": f"Bearer {token}"},
        raise_server_exceptions=False,
    ) as client:
        yield client
