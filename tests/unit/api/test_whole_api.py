"""What holds for every operation there is, found by walking the described API: nobody unknown, nobody else's, no surprises."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.domain.access import Scope
from core.domain.states import BatchPhase, Phase
from tests.support import described
from tests.support.described import doors
from tests.support.showcase import Showcase

OPEN = ("/healthz", "/readyz", "/openapi.json", "/docs")
# Addresses that are signed, and say nothing of what they are for to whoever has none.
SIGNED = ("/api/exports/", "/api/uploads/slots/")
BODIES: dict[str, dict[str, Any]] = {
    "/videos": {"urls": ["https://example.org/x.mp4"]},
    "/reorder": {"video_order": []},
    "/export": {"format": "zip"},
    "/priority": {"priority": 5},
    "/process": {"folder_path": "x"},
}


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str

    def send(self, client: TestClient, path: str | None = None, **how: Any) -> Any:
        """Ask for it with a body that fits."""
        body = next((body for end, body in BODIES.items() if self.path.endswith(end)), None)
        if self.method == "PATCH" and "/uploads" not in self.path:
            body = {}
        if self.method == "POST" and self.path == "/api/batch-jobs":
            body = {"name": "x"}
        if self == ("PATCH", "/api/uploads/{id}"):
            how["params"] = {"offset": 0, **how.get("params", {})}
        return client.request(self.method, path or self.path, json=body, **how)


def operations() -> Iterator[Operation]:
    """Every operation but those that need no token; HEAD answers as GET does."""
    return (
        Operation(door.method, door.path)
        for door in doors()
        if door.path not in described.OPEN and door.method != "HEAD"
    )


ALL = sorted(set(operations()))


@pytest.fixture
def world(case: Showcase, api: TestClient) -> dict[str, str]:
    """Anna's batch, run and export, by the names of path parameters, and a token of Ben's of each scope."""
    batch_id = case.batch("Talks", BatchPhase.COMPLETED, owner="anna")
    run = case.run(batch_id, "Secret", Phase.COMPLETED, owner="anna")
    manager = current().manager
    manager.storage.index.load()
    asked = api.post(f"/api/batch-jobs/{batch_id}/export", json={"format": "zip"})
    assert asked.status_code == 202, asked.text
    tokens = {
        scope: manager.tokens.create(f"ben-{scope}", owner="ben", scope=scope).token
        for scope in (Scope.READ, Scope.OPERATE)
    }
    return {
        "batch_id": batch_id,
        "job_id": batch_id,
        "run_id": run.run_id,
        "export_id": asked.json()["export_job_id"],
        "name": "transcript.txt",
        "stage": "transcribe",
        "clip": "1",
        "number": "0",
        "id": "0" * 16,
        "slot": f"{batch_id}.1",
        **tokens,
    }


def filled(path: str, world: dict[str, str]) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", lambda part: world[part[1]], path)


def is_signed(operation: Operation) -> bool:
    return operation.path.startswith(SIGNED)


def test_there_is_something_to_walk() -> None:
    assert len(ALL) > 40


@pytest.mark.parametrize("operation", ALL, ids=" ".join)
def test_nobody_unknown_gets_anything(api: TestClient, world: dict[str, str], operation: Operation) -> None:
    path, token = filled(operation.path, world), api.headers["authorization"].removeprefix("Bearer ")
    before = current().manager.storage.index.snapshot()
    del api.headers["authorization"]
    variants: list[Any] = [
        {},
        {"headers": {"Authorization": "Bearer wrong"}},
        {"headers": {"Authorization": f"Bearer {token[:-1]}"}},
        {"headers": {"Authorization": f"Basic {token}"}},
        {"headers": {"X-Api-Key": token}},
        {"headers": [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]},
        {"params": {"token": token, "access_token": token}},
    ]
    for how in variants:
        answer = operation.send(api, path, **how)
        assert answer.status_code == (404 if is_signed(operation) else 401), (how, answer.text)
    assert current().manager.storage.index.snapshot() == before


@pytest.mark.parametrize("operation", [one for one in ALL if "{" in one.path], ids=" ".join)
def test_what_is_anothers_is_not_there(api: TestClient, world: dict[str, str], operation: Operation) -> None:
    before = current().manager.storage.index.snapshot()
    ben = {"Authorization": f"Bearer {world[Scope.OPERATE]}"}
    answer = operation.send(api, filled(operation.path, world), headers=ben)
    assert answer.status_code in ((204,) if operation == ("DELETE", "/api/uploads/{id}") else (404,)), answer.text
    assert "Secret" not in answer.text
    assert current().manager.storage.index.snapshot() == before


@pytest.mark.parametrize("operation", [one for one in ALL if one.method != "GET" and not is_signed(one)], ids=" ".join)
def test_who_may_only_look_changes_nothing(api: TestClient, world: dict[str, str], operation: Operation) -> None:
    before = current().manager.storage.index.snapshot()
    looking = {"Authorization": f"Bearer {world[Scope.READ]}"}
    answer = operation.send(api, filled(operation.path, world), headers=looking)
    assert answer.status_code == 403, answer.text
    assert current().manager.storage.index.snapshot() == before


def test_every_described_operation_names_the_problems_it_may_answer(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(document)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            if path not in OPEN:
                assert {"401", "403"} <= operation["responses"].keys(), path
            assert "404" in operation["responses"] or "{" not in path
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                assert {"400", "413", "415", "422"} <= operation["responses"].keys(), path
