"""Each request has an id that its answer names; the log of requests names route and asker, and no secret."""

import io
import json
import logging
import re
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from core.api import process, tracing
from core.api.app import build_app
from core.system import logs
from core.system.logs import configure_log


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The log of this process, begun anew."""
    stream = io.StringIO()
    monkeypatch.setenv("REPRISE_ACCESS_LOG", "true")
    process.close()
    monkeypatch.setattr(logs, "_target", None)
    monkeypatch.setattr(tracing.log, "_logger", None)
    structlog.reset_defaults()
    configure_log(stream, secrets=["sk-secret"])
    return stream


def lines(said: io.StringIO) -> list[dict[str, Any]]:
    """What stands in the log."""
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_every_answer_names_its_request_and_keeps_the_name_it_was_given(client: TestClient) -> None:
    ours = client.get("/uploads").headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", ours)
    assert client.get("/uploads").headers["x-request-id"] != ours
    assert client.get("/uploads", headers={"X-Request-ID": "from-me.1"}).headers["x-request-id"] == "from-me.1"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "a\tb", "<script>", ""])
def test_a_name_that_could_be_mistaken_for_something_else_is_replaced(client: TestClient, given: str) -> None:
    assert client.get("/uploads", headers={"X-Request-ID": given}).headers["x-request-id"] != given


def test_the_log_says_who_asked_for_what_and_what_became_of_it(client: TestClient, said: io.StringIO) -> None:
    answer = client.get("/runs/r_0123/files?signature=sk-hidden")
    (line,) = lines(said)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 404)
    assert (line["path"], line["run_id"]) == ("/api/runs/r_0123/files", "r_0123")
    assert line["actor"]
    assert line["bytes"] == len(answer.content)
    assert "sk-hidden" not in said.getvalue()


@pytest.mark.usefixtures("said")
def test_a_probe_that_went_well_is_not_worth_a_line(case: object, said: io.StringIO) -> None:
    del case
    client = TestClient(build_app(), base_url="http://127.0.0.1:8600")
    client.get("/healthz")
    assert client.get("/metrics").status_code == 401
    assert [line["path"] for line in lines(said)] == ["/metrics"]


def test_a_token_stands_in_no_line(client: TestClient, said: io.StringIO) -> None:
    client.get("/uploads", headers={"Authorization": "Bearer sk-of-somebody"})
    assert lines(said)[0]["status"] == 401
    assert "sk-of-somebody" not in said.getvalue()


def test_nothing_is_logged_unless_it_is_wanted(client: TestClient, said: io.StringIO, monkeypatch: Any) -> None:
    monkeypatch.setenv("REPRISE_ACCESS_LOG", "false")
    process.close()
    client.get("/uploads")
    assert said.getvalue() == ""


def test_what_libraries_warn_of_stands_in_the_same_log(said: io.StringIO) -> None:
    configure_log(said, libraries=True)
    try:
        logging.getLogger("some.library").warning("it is %s", "late")
        logging.getLogger("some.library").info("chatter")
    finally:
        logging.getLogger().removeHandler(logging.getLogger().handlers[-1])
    assert [(line["logger"], line["event"]) for line in lines(said)] == [("some.library", "it is late")]


@pytest.mark.parametrize(
    "path", ["/account", "/uploads", "/runs", "/runs/r_none", "/jobs/status", "/bulk/state/b_none"]
)
def test_no_answer_is_kept_for_others_or_taken_for_what_it_is_not(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["cache-control"] == "private, no-cache"
    assert headers["x-content-type-options"] == "nosniff"
