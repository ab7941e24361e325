"""A download is whole or not there, and goes on where its connection broke."""

from pathlib import Path

import pytest

from core.client import Client, NotFound, Patience, Unreachable
from tests.support.scripted_server import Asked, Said, ScriptedServer, json

SOON = Patience(tries=3, first_s=0.01, longest_s=0.05)
WHOLE = bytes(range(200)) * 10
FIRST = Said(200, WHOLE[:700], {"Content-Length": "2000", "ETag": '"a"'}, breaks=True)


def rest(asked: Asked) -> Said:
    """The part that is asked for."""
    begin = int(asked.headers["Range"].removeprefix("bytes=").rstrip("-"))
    assert asked.headers["If-Range"] == '"a"'
    return Said(206, WHOLE[begin:], {"ETag": '"a"', "Content-Range": f"bytes {begin}-1999/2000"})


def test_what_breaks_off_is_gone_on_with(tmp_path: Path) -> None:
    with ScriptedServer(FIRST, rest) as server, Client(server.url, "x", patience=SOON) as reprise:
        assert reprise.download("/f", tmp_path / "f").read_bytes() == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_another_file_under_the_same_address_is_taken_from_its_beginning(tmp_path: Path) -> None:
    with ScriptedServer(FIRST, Said(200, b"new")) as server, Client(server.url, "x", patience=SOON) as reprise:
        assert reprise.download("/f", tmp_path / "f").read_bytes() == b"new"


def test_what_cannot_be_fetched_is_not_there(tmp_path: Path) -> None:
    broken = Said(200, b"", {"Content-Length": "9"}, breaks=True)
    with ScriptedServer(broken) as server, Client(server.url, "x", patience=SOON) as reprise:
        with pytest.raises(Unreachable):
            reprise.download("/f", tmp_path / "f")
        assert len(server.asked) == SOON.tries
    missing = json({}, 404)
    with ScriptedServer(missing) as server, Client(server.url, "x") as reprise, pytest.raises(NotFound):
        reprise.download("/f", tmp_path / "f")
    assert not (tmp_path / "f").exists()
