"""What is asked again and what is not, and what a refusal becomes."""

import socket
from pathlib import Path

import pytest

from core.client import (
    Client,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotUnderstood,
    NotUsable,
    Patience,
    Problem,
    Refused,
    ServerTrouble,
    Stale,
    TooMany,
    Unreachable,
)
from core.client.client import found_token
from core.client.problems import Gone
from core.client.wire import Wire
from tests.support.scripted_server import Said, ScriptedServer, json

SOON = Patience(tries=3, first_s=0.01, longest_s=0.05)
PAGE = json({"batch_jobs": [], "total": 0})
# The connection ends before anything is said.
BROKEN = Said(200, b"", {"Content-Length": "100"}, breaks=True)


def client(server: ScriptedServer, token: str = "rt_1") -> Client:
    return Client(server.url, token, patience=SOON)


@pytest.mark.parametrize("passing", [json({}, 503), json({}, 429), json({}, 502), json({}, 504), BROKEN])
def test_what_passes_is_asked_again(passing: Said) -> None:
    with ScriptedServer(passing, passing, PAGE) as server, client(server) as reprise:
        assert reprise.get_batch_jobs().total == 0
        assert len(server.asked) == 3


def test_patience_has_an_end() -> None:
    with ScriptedServer(json({"title": "busy"}, 503)) as server, client(server) as reprise:
        with pytest.raises(ServerTrouble, match="busy"):
            reprise.get_batch_jobs()
        assert len(server.asked) == SOON.tries


def test_a_server_that_asks_to_wait_for_long_is_not_waited_for() -> None:
    with ScriptedServer(json({}, 429, Retry_After="3600")) as server, client(server) as reprise:
        with pytest.raises(TooMany) as raised:
            reprise.get_batch_jobs()
        assert (raised.value.retry_after_s, len(server.asked)) == (3600.0, 1)


def test_what_may_be_done_twice_only_by_mistake_is_not_asked_again_when_the_connection_broke() -> None:
    with ScriptedServer(BROKEN, json({})) as server:
        wire = Wire(server.url, "", SOON)
        with pytest.raises(Unreachable):
            wire.ask("POST", "/api/jobs", dict)
        assert len(server.asked) == 1
        wire.close()


def test_what_has_a_key_is_asked_again_under_the_same_key() -> None:
    with ScriptedServer(BROKEN, json({"job_id": "b_1"})) as server, client(server) as reprise:
        assert reprise.start_batch_processing("b_1").job_id == "b_1"
        first, second = (asked.headers["Idempotency-Key"] for asked in server.asked)
        assert first == second


def test_each_call_has_a_key_of_its_own() -> None:
    with ScriptedServer(json({"job_id": "b_1"})) as server, client(server) as reprise:
        for _ in range(2):
            reprise.start_batch_processing("b_1")
        assert len({asked.headers["Idempotency-Key"] for asked in server.asked}) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, NotUsable),
        (401, NotSignedIn),
        (403, NotAllowed),
        (404, NotFound),
        (405, Problem),
        (409, Refused),
        (410, Gone),
        (412, Stale),
        (413, NotUsable),
        (415, NotUsable),
        (422, NotUsable),
        (500, ServerTrouble),
        (507, ServerTrouble),
    ],
)
def test_a_refusal_is_an_exception_of_its_kind_and_final(status: int, kind: type[Problem]) -> None:
    said = {
        "title": "some_code",
        "detail": "A sentence.",
        "hint": "A hint.",
        "errors": [{"field": "a", "message": "b"}],
    }
    with ScriptedServer(json(said, status)) as server, client(server) as reprise:
        with pytest.raises(Problem) as raised:
            reprise.get_batch_job("b_1")
        problem = raised.value
        assert type(problem) is kind
        assert (problem.status, problem.code, problem.message, problem.hint) == (
            status,
            "some_code",
            "A sentence.",
            "A hint.",
        )
        assert [(one.field, one.message) for one in problem.fields] == [("a", "b")]
        assert str(problem) == "A sentence. A hint."
        assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'{"batch_jobs": "none"}'])
def test_an_answer_of_another_kind_is_said_to_be_one(body: bytes) -> None:
    with ScriptedServer(Said(200, body)) as server, client(server) as reprise, pytest.raises(NotUnderstood):
        reprise.get_batch_jobs()


def test_a_refusal_without_a_document_is_one_all_the_same() -> None:
    with (
        ScriptedServer(Said(404, b"<html>")) as server,
        client(server) as reprise,
        pytest.raises(NotFound, match="404"),
    ):
        reprise.get_batch_job("b_1")


def test_nobody_there_is_said_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", "x", patience=SOON) as reprise, pytest.raises(Unreachable, match=str(port)):
        reprise.get_batch_jobs()


def test_the_token_goes_to_its_server_and_to_no_other(tmp_path: Path) -> None:
    with ScriptedServer(Said(body=b"home")) as home, ScriptedServer(Said(body=b"abroad")) as abroad:
        with client(home, "rt_secret") as reprise:
            reprise.download("/file", tmp_path / "home")
            reprise.download(f"{abroad.url}/file", tmp_path / "abroad")
        assert home.asked[0].headers["Authorization"] == "Bearer rt_secret"
        assert "rt_secret" not in str(abroad.asked)


def test_no_answer_leads_the_token_elsewhere() -> None:
    with ScriptedServer(PAGE) as abroad, ScriptedServer(Said(307, b"", {"Location": f"{abroad.url}/x"})) as home:
        with client(home, "rt_secret") as reprise, pytest.raises(NotUnderstood):
            reprise.get_batch_jobs()
        assert abroad.asked == []


@pytest.mark.parametrize("id_", ["", "..", "../x", "a/b", "a?b", "a#b", "a%2fb", "ä"])
def test_an_id_leads_nowhere_else(id_: str) -> None:
    with ScriptedServer(PAGE) as server, client(server) as reprise:
        with pytest.raises(ValueError, match="is no id"):
            reprise.cancel_batch_job(id_)
        assert server.asked == []


def test_the_token_is_found_where_the_service_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPRISE_TOKEN", raising=False)
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path))
    assert found_token() == ""
    (tmp_path / "access").mkdir()
    (tmp_path / "access" / "admin.token").write_text("rt_first\n")
    assert found_token() == "rt_first"
    monkeypatch.setenv("REPRISE_TOKEN", "rt_mine")
    assert found_token() == "rt_mine"
