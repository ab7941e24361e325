"""Files are sent in parts, a few at a time, and what breaks is gone on with where the server says."""

import base64
import hashlib
import threading
from pathlib import Path

import msgspec
import pytest

from core.client import NotUsable, Patience, UploadsFailed
from core.client.uploading import AT_ONCE, TRIES, Uploading
from core.client.wire import Wire
from tests.support.scripted_server import Asked, Said, ScriptedServer, json

SOON = Patience(tries=3, first_s=0.01, longest_s=0.05)
PART = 1000


class Receiver:
    """Takes uploads as the API does; `trouble` may answer for it."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.sizes: dict[str, int] = {}
        self.trouble: list[Said] = []
        self.gate: threading.Barrier | None = None
        self.guard = threading.Lock()
        self.unended: set[str] = set()

    def __call__(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.method == "POST":
            said = msgspec.json.decode(asked.body)
            self.files.setdefault(said["name"], bytearray())
            self.sizes[said["name"]] = said["size"]
            return self._told(said["name"])
        name = asked.path.split("?")[0].rsplit("/", 1)[1]
        if asked.method == "GET":
            return self._told(name)
        if self.gate is not None:
            self.gate.wait(10)
        with self.guard:
            if self.trouble:
                return self.trouble.pop(0)
        offset = int(asked.path.partition("offset=")[2])
        if offset != len(self.files[name]):
            return json({"title": "offset"}, 409)
        wanted = base64.b64encode(hashlib.sha256(asked.body).digest()).decode()
        assert asked.headers["Content-Digest"] == f"sha-256=:{wanted}:"
        self.files[name] += asked.body
        return self._told(name, asked_to_end=True)

    def _told(self, name: str, *, asked_to_end: bool = False) -> Said:
        about = {"id": name, "name": name, "size": self.sizes[name], "received": len(self.files[name])}
        whole = len(self.files[name]) == self.sizes[name] and (asked_to_end or name not in self.unended)
        about["path"] = f"/uploads/{name}" if whole else None
        return json(about, 200)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def files(folder: Path, count: int = 1, size: int = 3500) -> list[Path]:
    paths = [folder / f"f{number}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes((number + byte) % 251 for byte in range(size)))
    return paths


def send(receiver: Receiver, paths: list[Path], told: list[tuple[int, float]] | None = None) -> list[str]:
    with ScriptedServer(receiver) as server:
        wire = Wire(server.url, "x", SOON)
        note = None if told is None else lambda number, share: told.append((number, share))
        try:
            return [sent.id for sent in Uploading(wire, "b_1", note, PART).all(paths)]
        finally:
            wire.close()


def test_every_file_arrives_whole_and_in_the_order_given(receiver: Receiver, tmp_path: Path) -> None:
    paths = files(tmp_path, 7)
    assert send(receiver, paths) == [path.name for path in paths]
    assert [bytes(receiver.files[path.name]) for path in paths] == [path.read_bytes() for path in paths]


def test_it_is_told_how_much_of_each_file_is_there(receiver: Receiver, tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []
    send(receiver, files(tmp_path, 2), told)
    for number in (0, 1):
        shares = [share for which, share in told if which == number]
        assert shares == [0, *(pytest.approx(PART * part / 3500) for part in (1, 2, 3)), 1]


def test_five_are_on_their_way_at_once(receiver: Receiver, tmp_path: Path) -> None:
    receiver.gate = threading.Barrier(AT_ONCE)  # nobody goes on before five are there
    send(receiver, files(tmp_path, AT_ONCE, PART))
    assert len(receiver.files) == AT_ONCE


@pytest.mark.parametrize(
    "trouble", [json({}, 503), json({"title": "checksum"}, 400), json({"title": "offset"}, 409), json({}, 429)]
)
def test_a_part_has_three_tries(receiver: Receiver, tmp_path: Path, trouble: Said) -> None:
    (path,) = files(tmp_path)
    receiver.trouble = [trouble] * (TRIES - 1)
    send(receiver, [path])
    assert bytes(receiver.files[path.name]) == path.read_bytes()
    receiver.files.clear()
    receiver.trouble = [trouble] * TRIES
    with pytest.raises(UploadsFailed):
        send(receiver, [path])


def test_it_goes_on_where_the_server_says(receiver: Receiver, tmp_path: Path) -> None:
    (path,) = files(tmp_path)
    receiver.files[path.name] = bytearray(path.read_bytes()[:1700])
    told: list[tuple[int, float]] = []
    send(receiver, [path], told)
    assert bytes(receiver.files[path.name]) == path.read_bytes()
    assert told[0] == (0, pytest.approx(1700 / 3500))


def test_all_of_it_being_there_is_not_enough(receiver: Receiver, tmp_path: Path) -> None:
    (path,) = files(tmp_path)
    receiver.files[path.name] = bytearray(path.read_bytes())
    receiver.unended = {path.name}  # the server was killed before it gave the file its name
    assert send(receiver, [path]) == [path.name]


def test_a_file_that_is_refused_does_not_keep_the_others(receiver: Receiver, tmp_path: Path) -> None:
    paths = files(tmp_path, 1)
    paths += [tmp_path / "missing.mp4"]
    receiver.trouble = [json({"title": "not_media"}, 400)]
    more = tmp_path / "more"
    more.mkdir()
    with pytest.raises(UploadsFailed) as raised:
        send(receiver, paths)
    assert {number: type(error) for number, error in raised.value.failed.items()} == {
        0: NotUsable,
        1: FileNotFoundError,
    }
    assert send(receiver, files(more, 1)) == ["f0.mp4"]


def test_a_file_that_becomes_shorter_meanwhile_is_no_endless_loop(receiver: Receiver, tmp_path: Path) -> None:
    (path,) = files(tmp_path)

    def cut(number: int, share: float) -> None:
        del number, share
        path.write_bytes(b"short")

    with ScriptedServer(receiver) as server:
        wire = Wire(server.url, "x", SOON)
        with pytest.raises(UploadsFailed, match="shorter"):
            Uploading(wire, "b_1", cut, PART).all([path])
        wire.close()
