"""An upload is announced, comes in pieces, goes on where it broke off, and is whole in the end or not there at all."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.testclient import TestClient

from core.api import process, uploads
from core.domain.errors import StorageError
from core.store.uploads import NOTE
from tests.support.showcase import Showcase

OURS = {"Origin": "http://127.0.0.1:8501", "X-Requested-With": "reprise"}
LIMIT_S = 20.0
MP4 = b"\0\0\0\x20ftypisom" + b"\0" * 20


def film(size: int = 5000) -> bytes:
    """Bytes that begin as a film does."""
    return MP4 + bytes(number % 251 for number in range(size - len(MP4)))


def stored(case: Showcase) -> list[Path]:
    """The files in the uploads folder, without our notes."""
    return [path for path in case.layout.uploads.rglob("*") if path.is_file() and path.name != NOTE]


def announce(client: TestClient, size: int, name: str = "talk.mp4", **more: str) -> Any:
    """The answer to the announcement of a file."""
    return client.post("/uploads", json={"name": name, "size": size, **more}, headers=OURS)


def send(client: TestClient, id_: str, offset: int, content: bytes | Iterator[bytes]) -> Any:
    """The answer to some bytes."""
    return client.patch(f"/uploads/{id_}?offset={offset}", content=content, headers=OURS)


def test_the_bytes_that_were_sent_lie_under_the_path_that_is_told(client: TestClient, case: Showcase) -> None:
    begun = announce(client, 5000, "my talk.mp4")
    assert begun.status_code == 201
    told = begun.json()
    assert told.pop("upload_url").startswith(f"/api/uploads/{told['id']}?until=")
    assert told.pop("upload_url_expires_at")
    assert told | {"id": ""} == {
        "id": "",
        "name": "my talk.mp4",
        "kind": "media",
        "size": 5000,
        "received": 0,
        "complete": False,
        "path": None,
    }
    answer = send(client, begun.json()["id"], 0, film())
    path = Path(answer.json()["path"])
    assert path.read_bytes() == film()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == [NOTE, "my talk.mp4"]
    assert path.parent.parent == case.layout.uploads


def test_it_goes_on_where_it_broke_off_and_only_there(client: TestClient, case: Showcase) -> None:
    id_ = announce(client, 5000).json()["id"]
    assert send(client, id_, 0, film()[:2000]).json()["received"] == 2000
    wrong = send(client, id_, 1000, film()[1000:])
    assert (wrong.status_code, wrong.json()["title"]) == (409, "offset")
    assert client.get(f"/uploads/{id_}").json()["received"] == 2000
    whole = send(client, id_, 2000, film()[2000:]).json()
    assert Path(whole["path"]).read_bytes() == film()
    assert send(client, id_, 5000, b"").json()["title"] == "upload_whole"
    assert len(stored(case)) == 1


def test_the_same_file_chosen_again_is_gone_on_with(client: TestClient, case: Showcase) -> None:
    first = announce(client, 5000, mark="talk:5000:1").json()["id"]
    send(client, first, 0, film()[:3000])
    again = announce(client, 5000, mark="talk:5000:1").json()
    assert (again["id"], again["received"]) == (first, 3000)
    assert announce(client, 5000, mark="talk:5000:2").json()["id"] != first
    assert announce(client, 5000).json()["id"] != first
    send(client, first, 3000, film()[3000:])
    assert announce(client, 5000, mark="talk:5000:1").json()["id"] != first, "that one is whole"
    assert len(stored(case)) == 1


def test_what_came_before_the_connection_broke_is_kept(case: Showcase) -> None:
    del case
    receiving = process.current().manager.receiving
    id_ = receiving.begin("talk.mp4", 5000).id

    async def broken() -> AsyncIterator[bytes]:
        yield film()[:1500]
        raise ClientDisconnect

    assert asyncio.run(_receive(id_, 0, broken)).status_code == 204
    assert receiving.find(id_).received == 1500


def test_two_uploads_of_one_name_do_not_meet(client: TestClient, case: Showcase) -> None:
    paths = {send(client, announce(client, 5000).json()["id"], 0, film()).json()["path"] for _ in range(3)}
    assert len(paths) == len(stored(case)) == 3


def test_what_is_too_long_is_refused_before_and_while_it_is_sent(client: TestClient, case: Showcase) -> None:
    refused = announce(client, 1_000_001)
    assert (refused.status_code, refused.json()["title"]) == (400, "too_large")
    id_ = announce(client, 5000).json()["id"]
    assert "announced" in send(client, id_, 0, film(6000)).json()["detail"]

    def pieces() -> Iterator[bytes]:
        yield film()[:4000]
        yield b"x" * 2000

    assert "announced" in send(client, id_, 0, pieces()).json()["detail"]
    assert not [path for path in stored(case) if path.name == "talk.mp4"]


@pytest.mark.parametrize("size", [0, -1])
def test_an_empty_file_is_refused_and_leaves_nothing(client: TestClient, case: Showcase, size: int) -> None:
    assert announce(client, size).status_code == 422
    assert not list(case.layout.uploads.iterdir())


def test_what_is_no_film_is_refused_by_its_first_bytes_and_leaves_nothing(client: TestClient, case: Showcase) -> None:
    for content, said in (
        (b"#EXTM3U\nfile:///etc/passwd" + b" " * 5000, "a playlist"),
        (b"<html>" + b" " * 5000, "a web page"),
        (b"PK\x03\x04" + b"\0" * 5000, "an archive"),
    ):
        id_ = announce(client, 900_000).json()["id"]
        answer = send(client, id_, 0, content)
        assert (answer.status_code, answer.json()["title"]) == (400, "not_media")
        assert said in answer.json()["detail"]
    assert not list(case.layout.uploads.iterdir())


def test_a_full_disk_is_said_before_a_byte_is_taken(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: 9000)
    id_ = announce(client, 5000).json()["id"]
    second = announce(client, 5000)
    assert second.status_code == 507, "the first one needs the room"
    assert "free disk space" in second.json()["detail"]
    send(client, id_, 0, film())
    assert announce(client, 5000).status_code == 201, "what has come is not counted twice"
    assert len(stored(case)) == 1


def test_a_disk_that_becomes_full_loses_nothing_that_came(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    id_ = announce(client, 5000).json()["id"]
    send(client, id_, 0, film()[:2000])
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: 100)
    assert send(client, id_, 2000, film()[2000:]).status_code == 507
    assert client.get(f"/uploads/{id_}").json()["received"] == 2000
    monkeypatch.undo()


def test_more_files_than_a_batch_holds_are_refused_by_name_alone(client: TestClient, case: Showcase) -> None:
    del case
    for _ in range(50):
        assert announce(client, 5000, group="page").status_code == 201
    assert announce(client, 5000, group="page").json()["title"] == "batch_full"
    assert announce(client, 500, "talk.srt", group="page").status_code == 201, "a transcript is no video"
    assert announce(client, 5000, group="another").status_code == 201


def test_a_page_that_was_reloaded_finds_what_it_had_sent(client: TestClient, case: Showcase) -> None:
    del case
    half = announce(client, 5000, "b.mp4", group="page").json()["id"]
    whole = announce(client, 5000, "a.mp4", group="page").json()["id"]
    announce(client, 5000, group="another")
    send(client, half, 0, film()[:100])
    send(client, whole, 0, film())
    found = client.get("/uploads?group=page").json()["uploads"]
    assert [(one["id"], one["received"], one["path"] is not None) for one in found] == [
        (whole, 5000, True),
        (half, 100, False),
    ]


def test_a_cancelled_upload_leaves_nothing(client: TestClient, case: Showcase) -> None:
    id_ = announce(client, 5000).json()["id"]
    send(client, id_, 0, film()[:100])
    for _ in range(2):
        assert client.delete(f"/uploads/{id_}", headers=OURS).status_code == 204
    assert not list(case.layout.uploads.iterdir())
    assert client.get(f"/uploads/{id_}").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"name": 1, "size": 2}', b"x" * 5000, b'{"name":"a"}', b"\xff"])
def test_what_is_no_announcement_is_refused(client: TestClient, case: Showcase, body: bytes) -> None:
    del case
    answer = client.post("/uploads", content=body, headers=OURS | {"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["title"] in ("not_json", "bad_request")


@pytest.mark.parametrize("id_", ["..", "%2e%2e", "0" * 16, "0" * 15, "../../etc"])
def test_an_upload_nobody_announced_is_not_there(client: TestClient, case: Showcase, id_: str) -> None:
    del case
    for answer in (client.get(f"/uploads/{id_}"), send(client, id_, 0, b"x")):
        assert answer.status_code in (404, 405, 415)


@pytest.mark.parametrize("offset", ["", "-1", "x", "1.5", "9" * 5000])
def test_an_offset_has_to_be_a_number(client: TestClient, case: Showcase, offset: str) -> None:
    del case
    id_ = announce(client, 5000).json()["id"]
    assert client.patch(f"/uploads/{id_}?offset={offset}", content=b"x", headers=OURS).status_code == 422


def test_one_sender_at_a_time_and_a_cancelled_one_lets_go_only_after_its_last_write(
    case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    receiving = process.current().manager.receiving
    id_ = receiving.begin("talk.mp4", 5000).id
    begun, go = threading.Event(), threading.Event()
    write = uploads.Intaking.write

    def slow(self: uploads.Intaking, *data: bytes) -> None:
        begun.set()
        assert go.wait(LIMIT_S)
        write(self, *data)

    monkeypatch.setattr(uploads.Intaking, "write", slow)
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield film()[:1000]

    async def test() -> None:
        sending = asyncio.create_task(_receive(id_, 0, pieces))
        assert await asyncio.to_thread(begun.wait, LIMIT_S)
        with pytest.raises(Exception, match="being sent already"):
            await _receive(id_, 0, pieces)
        for _ in range(2):  # a server that is told to stop twice cancels twice
            sending.cancel()
            await asyncio.wait({sending}, timeout=0.05)
        assert not sending.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(sending), LIMIT_S)

    asyncio.run(test())
    assert receiving.find(id_).received == 1000


def test_after_a_write_that_failed_nothing_more_is_written(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    del case
    receiving = process.current().manager.receiving
    id_ = receiving.begin("talk.mp4", 5000).id
    tries: list[int] = []

    def failing(self: uploads.Intaking, *pieces: bytes) -> None:
        del self
        tries.append(sum(map(len, pieces)))
        raise StorageError("The disk is full.")

    monkeypatch.setattr(uploads.Intaking, "write", failing)
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1000)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, 5000, 700):
            yield film()[start : start + 700]

    with pytest.raises(StorageError, match="full"):
        asyncio.run(_receive(id_, 0, pieces))
    assert tries == [1400]
    monkeypatch.undo()
    assert receiving.find(id_).received == 0


def test_behind_a_write_that_failed_while_it_was_cancelled_nothing_is_written(
    case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    receiving = process.current().manager.receiving
    id_ = receiving.begin("talk.mp4", 5000).id
    begun, go, tries = threading.Event(), threading.Event(), list[int]()

    def failing(self: uploads.Intaking, *pieces: bytes) -> None:
        del self
        tries.append(sum(map(len, pieces)))
        begun.set()
        assert go.wait(LIMIT_S)
        raise StorageError("The disk is full.")

    monkeypatch.setattr(uploads.Intaking, "write", failing)
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1000)

    async def pieces() -> AsyncIterator[bytes]:
        yield film()[:1000]
        yield film()[1000:2000]

    async def test() -> None:
        sending = asyncio.create_task(_receive(id_, 0, pieces))
        assert await asyncio.to_thread(begun.wait, LIMIT_S)
        sending.cancel()
        await asyncio.wait({sending}, timeout=0.05)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(sending), LIMIT_S)

    asyncio.run(test())
    assert tries == [1000]


def test_an_upload_that_is_all_there_is_finished_on_a_full_disk(
    case: Showcase, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = announce(client, 5000).json()["id"]
    (case.layout.uploads / id_ / "talk.mp4.part").write_bytes(film())  # killed before it was renamed
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: 0)
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "1000")
    process.close()
    assert send(client, id_, 5000, b"").json()["complete"] is True


def test_what_was_to_be_compared_with_a_digest_is_not_kept_when_it_breaks_off(case: Showcase) -> None:
    del case
    receiving = process.current().manager.receiving
    id_ = receiving.begin("talk.mp4", 5000).id
    taking = receiving.open(id_, 0, digest=bytes(32))
    taking.write(film()[:1000])
    taking.abandon()
    assert receiving.find(id_).received == 0


async def _receive(id_: str, offset: int, pieces: Any) -> Any:
    """What the route answers to these pieces."""
    request = SimpleNamespace(
        headers={},
        scope={"path": f"/api/uploads/{id_}"},
        stream=pieces,
        state=SimpleNamespace(actor=process.current().manager.acts_for),
    )
    return await uploads.receive(cast("Request", request), id_, offset)


@pytest.mark.parametrize("missing", ["Origin", "X-Requested-With"])
def test_a_form_of_another_page_cannot_upload(client: TestClient, case: Showcase, missing: str) -> None:
    headers = {name: value for name, value in OURS.items() if name != missing}
    for wrong in (headers, OURS | {"Origin": "http://evil.example"}):
        assert client.post("/uploads", json={"name": "a.mp4", "size": 9}, headers=wrong).status_code == 403
    assert not stored(case)


def test_a_refusal_is_a_problem_document(client: TestClient, case: Showcase) -> None:
    del case
    answer = client.post("/uploads", json={})
    assert json.loads(answer.content)["title"] == "foreign_origin"
