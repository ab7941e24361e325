"""Before any route: a body is one JSON object in plain sight, small, and from somebody who is known."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from core.api.bodies import MAX_BYTES, StrictBodies
from core.domain.access import Actor


class Known:
    """Stands where the doorkeeper stands: `X-Stranger` is nobody, everybody else is Ana."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stranger = any(name == b"x-stranger" for name, _ in scope.get("headers", []))
        scope.setdefault("state", {})["actor"] = None if stranger else Actor(name="ana")
        await self._app(scope, receive, send)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """An application that says what came to it."""
    app = FastAPI(middleware=[Middleware(Known), Middleware(StrictBodies)])

    @app.post("/api/said")
    async def said(request: Request) -> Any:
        return await request.json()

    @app.post("/api/nothing")
    async def nothing(request: Request) -> str:
        return (await request.body()).decode()

    @app.patch("/api/uploads/{id}")
    async def bytes_(request: Request) -> int:
        return len(await request.body())

    with TestClient(app) as client:
        yield client


JSON = {"Content-Type": "application/json"}


def test_what_is_fine_comes_to_the_route_as_it_was_sent(client: TestClient) -> None:
    assert client.post("/api/said", json={"a": [1, "ü"]}).json() == {"a": [1, "ü"]}
    typed = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert client.post("/api/said", content=b'{"a": 1}', headers=typed).json() == {"a": 1}


def test_no_body_needs_no_type(client: TestClient) -> None:
    assert client.post("/api/nothing").json() == ""


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json-seq"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
)
def test_anything_but_plain_json_is_415(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/api/said", content=b'{"a": 1}', headers=headers)
    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[" * 100_000, 400), (b'{"a": 1, "a": 2}', 422), (b'{"a": NaN}', 422), (b'{"a": 1e999}', 422)],
)
def test_what_is_wrong_with_it_is_said_in_a_problem(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/api/said", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert len(answer.json()["detail"]) > 10


def test_too_much_is_413_whether_it_is_announced_or_not(client: TestClient) -> None:
    much = b'{"a": "' + b"x" * MAX_BYTES + b'"}'
    assert client.post("/api/said", content=much, headers=JSON).status_code == 413
    assert client.post("/api/said", content=iter([much[:70_000], much[70_000:]]), headers=JSON).status_code == 413
    fits = b'{"a": "' + b"x" * (MAX_BYTES - 10) + b'"}'
    assert client.post("/api/said", content=iter([fits]), headers=JSON).status_code == 200


def test_who_is_not_known_hears_only_that(client: TestClient) -> None:
    for content in (b"{", b'{"a": 1}', b"x" * 2 * MAX_BYTES):
        assert client.post("/api/said", content=content, headers={**JSON, "X-Stranger": "1"}).status_code == 401


def test_files_are_received_as_bytes_of_any_number(client: TestClient) -> None:
    assert client.patch("/api/uploads/1", content=b"\0" * 2 * MAX_BYTES).json() == 2 * MAX_BYTES
    assert client.post("/api/uploads-not", content=b"\0").status_code == 415


def test_a_parameter_that_comes_twice_is_refused(program: TestClient) -> None:
    answer = program.get("/api/runs?limit=1&limit=100")
    assert (answer.status_code, answer.json()["title"]) == (422, "doubled")
    assert program.get("/api/runs?limit=1").status_code == 200
