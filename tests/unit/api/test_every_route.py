"""Bad requests to every route that the application has, so that a new one is judged before anybody thinks of it.

Who may what is in test_access.py and test_whole_api.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from core.api.app import build_app
from core.api.front import PREFIXES
from core.api.guard import Reach
from core.api.process import current
from core.domain.states import BatchPhase
from tests.support.described import OPEN, SIGNED, Door, bodies, doors, sockets
from tests.support.showcase import Showcase
from tests.unit.api.conftest import HOME

EVERY = doors()
CLOSED = [door for door in EVERY if door.path not in OPEN]
CHANGING = [door for door in CLOSED if door.changes]
JSON = {"Content-Type": "application/json"}

Asks = Callable[..., TestClient]


@pytest.fixture
def batch_id(case: Showcase) -> Iterator[str]:
    """A storage with a batch and nobody who works on it."""
    case.hold()
    made = case.batch("Talks", BatchPhase.DRAFT)
    case.run(made, "One")
    current().manager.storage.index.load()
    yield made
    case.close()


@pytest.fixture
def asks(batch_id: str) -> Asks:
    """A program with these headers."""
    del batch_id
    api = build_app()

    def make(**headers: str) -> TestClient:
        return TestClient(
            api,
            base_url=HOME,
            headers={name.replace("_", "-"): text for name, text in headers.items()},
            raise_server_exceptions=False,
            follow_redirects=False,
        )

    return make


def token() -> str:
    """Good for everything."""
    return current().manager.tokens.first()


def records() -> tuple[Any, ...]:
    """All that was ever decided."""
    index = current().manager.storage.index
    index.load()
    return dict(index.runs), dict(index.batches)


def test_every_route_is_before_the_pages() -> None:
    missing = [door for door in EVERY if not any(f"{door.path}/".startswith(f"{one}/") for one in PREFIXES)]
    assert missing == []
    assert [path for path in sockets() if path and not f"{path}/".startswith(("/api/", "/jobs/"))] == []


def test_no_socket_opens_without_a_token(asks: Asks) -> None:
    for path in sockets():
        client = asks()
        with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)), client.websocket_connect(path):
            pass


def test_no_page_of_another_site_does_anything_with_our_cookies(batch_id: str) -> None:
    dashboard, before = build_app(lambda cookies: None), records()
    sites = [
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "same-origin"},  # a form of ours would say so; nothing of ours is a form
    ]
    client = TestClient(dashboard, base_url=HOME, raise_server_exceptions=False, follow_redirects=False)
    for door in CLOSED:
        for site in sites if door.changes else sites[:4]:
            if door.path in SIGNED and "Origin" not in site:
                continue  # a link may be followed from anywhere
            answer = client.request(
                door.method,
                door.at(batch_id=batch_id, job_id=batch_id),
                headers={**site, "Cookie": "_streamlit_user=1", "Content-Type": "text/plain"},
                content=b'{"name":"x"}' if door.changes else None,
            )
            assert answer.status_code in ((403, 404, 400) if door.path in SIGNED else (403,)), f"{door} {site}"
    assert records() == before


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "x/?a#", "127.0.0.1.evil.example", ""])
def test_no_name_but_ours_is_answered(batch_id: str, host: str) -> None:
    del batch_id
    server = Reach(build_app())
    client = TestClient(server, base_url=HOME, raise_server_exceptions=False)
    for door in EVERY:
        answer = client.request(door.method, door.at(), headers={"Host": host, "Authorization": f"Bearer {token()}"})
        assert answer.status_code == 403, f"{door}"


def test_no_method_but_those_described_does_anything(asks: Asks, batch_id: str) -> None:
    admin, before = asks(Authorization=f"Bearer {token()}"), records()
    known = {door.path: {one.method for one in EVERY if one.path == door.path} for door in CLOSED}
    for path, methods in known.items():
        for method in {"TRACE", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "HEAD", "PROPFIND"} - methods:
            answer = admin.request(method, Door(path, method).at(batch_id=batch_id, job_id=batch_id))
            assert answer.status_code in (404, 405), f"{method} {path}"
            assert answer.headers.get("access-control-allow-origin") is None
        if "GET" in methods:
            for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
                admin.get(Door(path, "GET").at(batch_id=batch_id, job_id=batch_id), headers={name: "DELETE"})
    assert records() == before


@pytest.mark.parametrize(
    "id_",
    [
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "%2Fetc%2Fpasswd",
        "..%5c..%5cx",
        "b_1%00.json",
        "b_" + "x" * 10_000,
        "b_%D9%A1%D9%A2",
        "b_1%0d%0aX-Evil:1",
        "~",
        "%7B%7B7*7%7D%7D",
    ],
)
def test_an_id_that_is_none_leads_nowhere(asks: Asks, id_: str) -> None:
    admin = asks(Authorization=f"Bearer {token()}")
    for door in CLOSED:
        for part in door.parts:
            path = door.at(**{part: id_})
            answer = admin.request(door.method, path, headers=JSON, content=b"{}" if door.changes else None)
            done = answer.status_code == 204 and door.method == "DELETE"  # removing what is not there is as good
            # A path with dots in it leads to another route, after the client itself resolved it.
            elsewhere = id_ == ".."
            assert done or elsewhere or answer.status_code in (400, 404, 405, 409, 413, 422), f"{door} {id_[:20]}"
            assert answer.status_code < 500, f"{door} {id_[:20]}"
            assert "root:" not in answer.text
            assert "x-evil" not in answer.headers


NASTY: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "nothing": (b" ", (400,)),
    "no JSON": (b"{", (400,)),
    "a list": (b"[]", (400,)),
    "a text": (b'"x"', (400,)),
    "twice": (b'{"state":"done","state":"queued"}', (422,)),
    "NaN": (b'{"priority":NaN}', (422,)),
    "infinity": (b'{"priority":-Infinity}', (422,)),
    "too large": (b'{"priority":1e999}', (422,)),
    "many digits": (b'{"priority":' + b"9" * 5000 + b"}", (422,)),
    "deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, (400,)),
    "NUL": (b'{"name":"a\\u0000b"}', (422,)),
    "half": (b'{"name":"\\ud800"}', (422,)),
    "not UTF-8": (b'{"name":"\xff"}', (400,)),
    "a MiB too much": (b'{"name":"' + b"x" * 2**20 + b'"}', (413,)),
}


@pytest.mark.parametrize("what", NASTY)
def test_no_body_with_tricks_reaches_a_route(asks: Asks, batch_id: str, what: str) -> None:
    admin, before = asks(Authorization=f"Bearer {token()}"), records()
    body, expected = NASTY[what]
    for door in bodies():
        answer = admin.request(door.method, door.at(batch_id=batch_id), headers=JSON, content=body)
        assert answer.status_code in expected, f"{door}: {answer.text[:200]}"
        assert answer.headers["content-type"] == "application/problem+json"
    assert records() == before


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/json"]
)
def test_only_json_is_taken(asks: Asks, batch_id: str, kind: str) -> None:
    admin, before = asks(Authorization=f"Bearer {token()}"), records()
    for door in CHANGING:
        if door.path.startswith("/api/uploads") and door.method in ("PATCH", "PUT"):
            continue  # bytes are taken there
        answer = admin.request(
            door.method, door.at(batch_id=batch_id, job_id=batch_id), headers={"Content-Type": kind}, content=b'{"a":1}'
        )
        assert answer.status_code == 415, f"{door}"
    assert records() == before


def test_no_field_is_taken_that_is_not_described(asks: Asks, batch_id: str) -> None:
    admin, before = asks(Authorization=f"Bearer {token()}"), records()
    foreign = {"owner": "x", "state": "done", "attempt": 1, "output_path": "/x", "quota": 9, "__proto__": {}}
    for door in bodies():
        answer = admin.request(door.method, door.at(batch_id=batch_id), json=foreign)
        assert answer.status_code == 422, f"{door}: {answer.text[:200]}"
        named = {error["field"].rpartition(".")[2] for error in answer.json()["errors"]}
        assert foreign.keys() <= named, f"{door}"
    assert records() == before
