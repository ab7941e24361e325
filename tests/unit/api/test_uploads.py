"""An upload is on the disk whole, under a harmless name, or not at all."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from core.api import uploads
from core.api.uploads import stored_name
from core.domain.errors import BadInput
from tests.support.showcase import Showcase

OURS = {"Origin": "http://127.0.0.1:8501", "X-Requested-With": "reprise"}
LIMIT_S = 20.0


def stored(case: Showcase) -> list[Path]:
    """What lies in the uploads folder."""
    return list(case.layout.uploads.iterdir())


def test_the_bytes_that_were_sent_lie_under_the_path_that_is_told(client: TestClient, case: Showcase) -> None:
    answer = client.put("/uploads/my talk.mp4", content=b"x" * 5000, headers=OURS)
    assert answer.status_code == 201
    assert answer.json() | {"path": ""} == {"path": "", "name": "my talk.mp4", "size": 5000}
    path = Path(answer.json()["path"])
    assert path.read_bytes() == b"x" * 5000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["my talk.mp4"]
    assert path.parent.parent == case.layout.uploads


def test_two_uploads_of_one_name_do_not_meet(client: TestClient, case: Showcase) -> None:
    paths = {client.put("/uploads/a.mp4", content=b"x", headers=OURS).json()["path"] for _ in range(3)}
    assert len(paths) == len(stored(case)) == 3


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("talk.mp4", "talk.mp4"),
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.mp4", "b_c.mp4"),
        ("-rf.mp4", "-rf.mp4"),
        ("Grüße aus Köln.mkv", "Grüße aus Köln.mkv"),
        ("x" * 400 + ".mp4", "x" * 120 + ".mp4"),
        ("a\x00b\u202e.mp4", "a_b_.mp4"),
    ],
)
def test_a_name_becomes_the_name_of_one_harmless_file(given: str, kept: str) -> None:
    assert stored_name(given) == kept


@pytest.mark.parametrize("given", ["", ".", "..", "...", "/", " . "])
def test_a_name_without_a_letter_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        stored_name(given)


def test_what_is_too_long_is_refused_before_and_while_it_is_sent(client: TestClient, case: Showcase) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    for content in (b"x" * 1_000_001, pieces()):
        answer = client.put("/uploads/a.mp4", content=content, headers=OURS)
        assert answer.status_code == 400
        assert "larger than" in answer.json()["detail"]
    assert not stored(case)


def test_an_empty_file_is_refused_and_leaves_nothing(client: TestClient, case: Showcase) -> None:
    assert client.put("/uploads/a.mp4", content=b"", headers=OURS).status_code == 400
    assert not stored(case)


def test_a_full_disk_is_said_before_a_byte_is_taken(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: 1000)
    answer = client.put("/uploads/a.mp4", content=b"x" * 2000, headers=OURS)
    assert answer.status_code == 507
    assert "free disk space" in answer.json()["detail"]
    assert not stored(case)


def test_a_disk_that_becomes_full_ends_an_upload_of_unknown_length(
    client: TestClient, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LOOK_BYTES", 50_000)
    looks = iter([1_000_000, 500_000, 60_000])
    monkeypatch.setattr("core.system.files.free_bytes", lambda path: next(looks))
    sent = []

    def pieces() -> Iterator[bytes]:
        for number in range(9):
            sent.append(number)
            yield b"x" * 70_000

    answer = client.put("/uploads/a.mp4", content=pieces(), headers=OURS)
    assert answer.status_code == 507
    assert "free disk space" in answer.json()["detail"]
    assert not stored(case)


def test_an_upload_that_is_cancelled_closes_its_file_only_after_the_last_write(
    case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    begun, go = threading.Event(), threading.Event()
    close = os.close

    def slow(fd: int, data: bytes) -> None:
        begun.set()
        assert go.wait(LIMIT_S)
        os.write(fd, data)
        told.append("written")

    def closes(fd: int) -> None:
        told.append("closed")
        close(fd)

    monkeypatch.setattr("core.system.files.write_all", slow)

    class Sent:
        async def stream(self) -> AsyncIterator[bytes]:
            yield b"x" * 1000

    async def send() -> None:
        path = case.layout.uploads / "a.part"
        receiving = asyncio.create_task(uploads._receive(cast("Request", Sent()), path, 10_000, 0))
        assert await asyncio.to_thread(begun.wait, LIMIT_S)
        monkeypatch.setattr(os, "close", closes)
        for _ in range(2):  # a server that is told to stop twice cancels twice
            receiving.cancel()
            await asyncio.wait({receiving}, timeout=0.05)
        assert not told
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(receiving), LIMIT_S)
        monkeypatch.setattr(os, "close", close)

    asyncio.run(send())
    assert told == ["written", "closed"]


@pytest.mark.parametrize("missing", ["Origin", "X-Requested-With"])
def test_a_form_of_another_page_cannot_upload(client: TestClient, case: Showcase, missing: str) -> None:
    headers = {name: value for name, value in OURS.items() if name != missing}
    assert client.put("/uploads/a.mp4", content=b"x", headers=headers).status_code == 403
    assert (
        client.put("/uploads/a.mp4", content=b"x", headers=OURS | {"Origin": "http://evil.example"}).status_code == 403
    )
    assert not stored(case)


def test_a_refusal_is_a_problem_document(client: TestClient, case: Showcase) -> None:
    del case
    answer = client.put("/uploads/a.mp4", content=b"x")
    assert json.loads(answer.content)["title"] == "foreign_origin"
