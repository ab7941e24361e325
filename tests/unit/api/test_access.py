"""Every route there is: for who shows no token, too little a token, and for who names what is another's.

The routes are read from the application, so that one that is added is asked the same.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from httpx import Response
from msgspec.structs import replace
from starlette.testclient import TestClient

from core.api.app import build_app
from core.api.process import current
from core.domain.access import Actor, Scope
from core.domain.exports import ExportOptions, ExportRecord
from core.domain.states import BatchPhase, Phase
from core.manager.tokens import Wrong
from core.store.tokens import TokenStore
from tests.support import described
from tests.support.described import doors
from tests.support.showcase import Showcase

# Whoever has the link may; it is signed for that alone.
SIGNED = re.compile(r"/api/exports/|/api/uploads/slots/")
# Enough of a body that the route gets as far as looking for what is named.
BODIES: dict[str, Any] = {
    "/api/batch-jobs": {"name": "Mine"},
    "/videos": {"urls": ["https://192.0.2.1/a.mp4"]},
    "/reorder": {"video_order": ["r_1"]},
    "/export": {"format": "zip"},
    "/priority": {"priority": 3},
    "/bulk/process": {"folder_path": "talks"},
}


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route."""
    for door in doors():
        if door.path not in described.OPEN and door.method != "HEAD":  # which answers as GET does
            yield door.method, door.path


ROUTES = sorted(set(routes()))
GUARDED = [(method, path) for method, path in ROUTES if not SIGNED.match(path)]
NAMING = [(method, path) for method, path in GUARDED if re.search(r"\{(run_id|batch_id|job_id|id)\}", path)]
EXPORTS = [(method, path) for method, path in NAMING if "{export_id}" in path]


@pytest.fixture
def strangers(case: Showcase) -> TestClient:
    """A program without a token."""
    del case
    return TestClient(build_app(), base_url="http://127.0.0.1:8600", raise_server_exceptions=False)


def bearer(owner: str, scope: Scope = Scope.OPERATE, **more: Any) -> dict[str, str]:
    """The header of a token that acts for somebody."""
    made = current().manager.tokens.create(f"{owner} {scope}", owner=owner, scope=scope, **more)
    return {"Authorization": f"Bearer {made.token}"}


def ask(client: TestClient, method: str, path: str, headers: dict[str, str], **ids: str) -> Response:
    """What a route answers; `ids` are put into its path."""
    names = {"name": "transcript.json", "stage": "transcribe", "clip": "reel", "export_id": "e_none"} | ids
    if path.startswith("/api/batch-jobs/{id}"):
        names["id"] = names["batch_id"]
    filled = re.sub(r"\{(\w+)(:\w+)?\}", lambda found: names[found[1]], path)
    if method in ("POST", "PATCH", "PUT") and "/uploads/" not in path:
        body = next((body for end, body in BODIES.items() if path.endswith(end)), {})
        return client.request(method, filled, headers=headers, json=body)
    if method == "PATCH":
        return client.patch(f"{filled}?offset=0", headers=headers, content=b"x")
    return client.request(method, filled, headers=headers)


def everything(case: Showcase) -> dict[str, bytes]:
    """Every record there is."""
    return {str(path): path.read_bytes() for path in case.layout.state.rglob("*.json")}


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_route_answers_a_stranger(case: Showcase, strangers: TestClient, method: str, path: str) -> None:
    batch = case.batch("Talks")
    ids = {"run_id": case.run(batch, "A talk").run_id, "batch_id": batch, "job_id": batch, "id": "0" * 16}
    before = everything(case)
    answer = ask(strangers, method, path, {}, **ids)
    assert answer.status_code == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert batch not in answer.text
    assert everything(case) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic {token}"},
        {"Authorization": "{token}"},
        {"Authorization": "Bearer {token} {token}"},
        {"Authorization": "Bearer {token}{token}"},
        {"Authorization": "Bearer {half}"},
        {"X-Api-Key": "{token}"},
        {"Cookie": "token={token}"},
        {"X-Forwarded-User": "local:root"},
        {"Authorization": "Bearer {expired}"},
        {"Authorization": "Bearer {revoked}"},
    ],
)
def test_only_one_good_bearer_token_counts(case: Showcase, strangers: TestClient, headers: dict[str, str]) -> None:
    del case
    manager = current().manager
    tokens, now = manager.tokens, manager.storage.clock.now()
    good = tokens.create("good", owner="anna", scope=Scope.ADMIN).token
    revoked = tokens.create("revoked", owner="anna", scope=Scope.ADMIN).token
    tokens.revoke("revoked")
    old = tokens.create("expired", owner="anna", scope=Scope.ADMIN)
    TokenStore(manager.storage.layout).put(replace(old.record, expires_at=now - timedelta(seconds=1)))
    given = {
        name: value.format(token=good, half=good[:40], expired=old.token, revoked=revoked)
        for name, value in headers.items()
    }
    assert strangers.get("/api/runs", headers=given).status_code == 401
    assert strangers.get(f"/api/runs?token={good}&access_token={good}", headers=given).status_code in (401, 422)
    assert strangers.get("/api/runs", headers={"Authorization": f"Bearer {good}"}).status_code == 200


def test_two_authorization_headers_are_none(case: Showcase, strangers: TestClient) -> None:
    del case
    good = current().manager.tokens.first()
    twice = [("Authorization", f"Bearer {good}"), ("Authorization", "Bearer wrong")]
    assert strangers.get("/api/runs", headers=twice).status_code == 401
    assert strangers.get("/api/runs", headers=twice[::-1]).status_code == 401


@pytest.mark.parametrize(("method", "path"), sorted({*NAMING} - {*EXPORTS}))
def test_what_is_anothers_is_not_found_by_any_route(
    case: Showcase, strangers: TestClient, method: str, path: str
) -> None:
    batch = case.batch("Talks", BatchPhase.RUNNING)
    ids = {"run_id": case.run(batch, "A talk", Phase.COMPLETED).run_id, "batch_id": batch, "job_id": batch}
    manager = current().manager
    sent = manager.acting_for(manager.tokens.create("a", owner="anna", scope=Scope.OPERATE).record.actor).receiving
    ids["id"] = sent.begin("talk.mp4", 10).id
    before, ben = everything(case), bearer("ben")
    foreign = ask(strangers, method, path, ben, **ids)
    never = {"run_id": "r_never", "batch_id": "b_never", "job_id": "b_never", "id": "0" * 16}
    unknown = ask(strangers, method, path, ben, **never)
    assert everything(case) == before
    if path == "/api/uploads/{id}" and method == "DELETE":
        assert (foreign.status_code, unknown.status_code) == (204, 204)  # gone is as good as never there
        assert sent.find(ids["id"]).received == 0
        return
    assert (foreign.status_code, unknown.status_code) == (404, 404), foreign.text
    said = foreign.text
    for name, value in ids.items():
        said = said.replace(value, never[name])
    assert said == unknown.text
    told = [line for line in manager.storage.store.journal.lines() if line["type"] == "access.foreign"]
    assert [line["actor"] for line in told] == ["ben"]


@pytest.mark.parametrize(("method", "path"), [one for one in GUARDED if one[0] != "GET"])
def test_a_token_to_look_with_changes_nothing(case: Showcase, strangers: TestClient, method: str, path: str) -> None:
    batch = case.batch("Talks")
    ids = {"run_id": case.run(batch, "A talk").run_id, "batch_id": batch, "job_id": batch, "id": "0" * 16}
    before = everything(case)
    answer = ask(strangers, method, path, bearer("local:anna", Scope.READ), **ids)
    assert answer.status_code == 403, answer.text
    assert everything(case) == before


def test_a_revoked_token_is_refused_by_a_server_that_runs(case: Showcase, strangers: TestClient) -> None:
    del case
    anna = bearer("anna")
    assert strangers.get("/api/runs", headers=anna).status_code == 200
    current().manager.tokens.revoke("anna operate")
    assert strangers.get("/api/runs", headers=anna).status_code == 401


def test_who_guesses_tokens_is_told_to_wait(case: Showcase, strangers: TestClient) -> None:
    del case
    wrong = {"Authorization": "Bearer wrong"}
    assert {strangers.get("/api/runs", headers=wrong).status_code for _ in range(Wrong.MOST)} == {401}
    answer = strangers.get("/api/runs", headers=wrong)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= Wrong.WITHIN_S
    assert strangers.get("/api/runs", headers=bearer("anna")).status_code == 200


def test_an_account_tells_what_is_left(case: Showcase, strangers: TestClient) -> None:
    del case
    told = strangers.get("/api/account", headers=bearer("carla", tier="free")).json()
    assert (told["owner"], told["scope"]) == ("carla", "operate")
    assert (told["limits"]["tier"], told["limits"]["minutes_left"]) == ("free", 60.0)
    assert strangers.get("/api/account", headers=bearer("anna", Scope.READ)).json() == {
        "owner": "anna",
        "scope": "read",
        "limits": None,
    }


def test_more_than_a_tier_grants_is_refused_with_a_sentence(case: Showcase, strangers: TestClient) -> None:
    del case
    carla = bearer("carla", tier="free")
    for number in range(5):
        assert strangers.post("/api/batch-jobs", headers=carla, json={"name": f"Batch {number}"}).status_code == 201
    answer = strangers.post("/api/batch-jobs", headers=carla, json={"name": "One more"})
    assert answer.status_code == 429, answer.text
    assert "5 batches in an hour" in answer.json()["detail"]
    assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_who_did_what_from_where_is_written_down(case: Showcase, strangers: TestClient) -> None:
    batch = case.batch("Talks", owner="anna")
    run = case.run(batch, "A talk", owner="anna")
    root = {"Authorization": f"Bearer {current().manager.tokens.first()}"}
    assert (
        strangers.post(f"/api/runs/{run.run_id}/cancel", headers=root, json={"reason": "as asked"}).status_code == 200
    )
    admin = current().manager
    told = admin.views.history.events(kinds=("command.cancel",))["events"]
    assert [(one["actor"], one["via"], one["address"]) for one in told] == [(admin.actor, "dashboard", "testclient")]
    seen = admin.acting_for(Actor(name="anna")).views.history.events(kinds=("command.cancel",))["events"]
    assert [(one["actor"], one["address"]) for one in seen] == [(admin.actor, None)], "where others are is theirs"


def test_lists_of_two_owners_have_nothing_in_common(case: Showcase, strangers: TestClient) -> None:
    case.run(case.batch("Hers", owner="anna"), "Her talk", owner="anna")
    case.run(case.batch("His", owner="ben"), "His talk", owner="ben")
    current().manager.storage.index.load()
    for owner, others in (("anna", "His"), ("ben", "Her")):
        headers = bearer(owner)
        for path in ("/api/runs", "/api/batch-jobs", "/jobs/status"):
            answer = strangers.get(path, headers=headers)
            assert answer.status_code == 200, answer.text
            assert others not in answer.text
        assert strangers.get("/api/runs", headers=headers).json()["total"] == 1


@pytest.mark.parametrize(("method", "path"), EXPORTS)
def test_an_export_of_anothers_batch_is_not_found(
    case: Showcase, strangers: TestClient, method: str, path: str
) -> None:
    batch = case.batch("Hers", owner="anna")
    manager = current().manager
    now = manager.storage.clock.now()
    record = ExportRecord(
        export_id="e_1", batch_id=batch, owner="anna", name="x.zip", options=ExportOptions(), same="x",
        created_at=now, updated_at=now,
    )  # fmt: skip
    manager.storage.store.exports.create("e_1", record)
    headers = bearer("ben")
    answer = ask(strangers, method, path, headers, batch_id=batch, export_id="e_1")
    assert answer.status_code == 404, answer.text
    assert (
        answer.text.replace("e_1", "e_2") == ask(strangers, method, path, headers, batch_id=batch, export_id="e_2").text
    )
    told = [line for line in manager.storage.store.journal.lines() if line["type"] == "access.foreign"]
    assert [line["actor"] for line in told] == ["ben"]
