"""Exports behind signed links: until a moment, from any byte on, and never a part for the whole."""

import io
import zipfile

import pytest
from starlette.testclient import TestClient

from core.api.exports import disposition
from core.api.process import current
from core.domain.exports import ExportOptions, ExportRecord
from core.domain.states import BatchPhase, Phase
from tests.support.showcase import Showcase


@pytest.fixture
def batch_id(case: Showcase) -> str:
    """A batch with two finished videos."""
    batch_id = case.batch("Tälks", BatchPhase.COMPLETED)
    case.run(batch_id, "Opening", Phase.COMPLETED)
    case.run(batch_id, "Ending", Phase.COMPLETED)
    current().manager.storage.index.load()
    return batch_id


def asked(batch_id: str, **options: object) -> ExportRecord:
    exports = current().manager.exports
    return exports.asking.ask(batch_id, ExportOptions(**options), by="local:ana")[0]  # type: ignore[arg-type]


def link(record: ExportRecord) -> str:
    """Its address below the routes, which are mounted at /api."""
    return current().manager.exports.fetching.link(record).removeprefix("/api")


def test_a_zip_is_sent_with_its_size_and_the_name_of_its_batch(client: TestClient, batch_id: str) -> None:
    record = asked(batch_id)
    answer = client.get(link(record))
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == len(answer.content) == record.size
    assert answer.headers["content-type"] == "application/zip"
    assert (
        answer.headers["content-disposition"] == "attachment; filename=\"T_lks.zip\"; filename*=utf-8''T%C3%A4lks.zip"
    )
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["001_Opening.mp4", "002_Ending.mp4"]


def test_a_download_that_broke_off_goes_on_where_it_was(client: TestClient, batch_id: str) -> None:
    address = link(asked(batch_id))
    whole = client.get(address)
    rest = client.get(address, headers={"Range": "bytes=100-", "If-Range": whole.headers["etag"]})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole.content) - 1}/{len(whole.content)}"
    part = client.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    last = client.get(address, headers={"Range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, whole.content[-5:])


@pytest.mark.parametrize(
    ("given", "status"),
    [("bytes=99999999999-", 416), ("bytes=-", 416), ("bytes=-0", 416), ("bytes=0-0,5-9", 200), ("lines=1-2", 200)],
)
def test_a_range_that_makes_no_sense_gives_everything_or_nothing(
    client: TestClient, batch_id: str, given: str, status: int
) -> None:
    assert client.get(link(asked(batch_id)), headers={"Range": given}).status_code == status


def test_of_another_export_nothing_is_taken_up(client: TestClient, batch_id: str) -> None:
    answer = client.get(link(asked(batch_id)), headers={"Range": "bytes=5-", "If-Range": '"old"'})
    assert answer.status_code == 200


def test_asking_how_large_it_is_sends_nothing_else(client: TestClient, batch_id: str) -> None:
    record = asked(batch_id)
    answer = client.head(link(record))
    assert (answer.status_code, answer.content, int(answer.headers["content-length"])) == (200, b"", record.size)


def test_a_playlist_names_links_of_its_own_that_can_be_sought(client: TestClient, batch_id: str) -> None:
    text = client.get(link(asked(batch_id, format="playlist"))).text
    places = [line for line in text.splitlines() if line.startswith("http")]
    assert len(places) == 2
    assert all(place.startswith("http://127.0.0.1:8501/api/exports/e_") for place in places)
    seen = client.get(places[0], headers={"Range": "bytes=0-9"})
    assert (seen.status_code, len(seen.content)) == (206, 10)


def test_a_link_that_was_changed_leads_nowhere(client: TestClient, batch_id: str) -> None:
    record = asked(batch_id)
    address = link(record)
    assert client.get(address.replace("until=", "until=9")).status_code == 404
    assert client.get(address.split("?", maxsplit=1)[0]).status_code == 404
    other = asked(batch_id, prefix=True)
    assert client.get(address.replace(record.export_id, other.export_id)).status_code == 404
    assert client.get("/exports/..%2Fstate/download?until=1&signature=a").status_code == 404


def test_a_link_after_its_time_says_so(client: TestClient, batch_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = asked(batch_id)
    fetching = current().manager.exports.fetching
    assert record.expires_at is not None
    monkeypatch.setattr(fetching, "_clock", _Later(record.expires_at.timestamp() + 1))
    answer = client.get(link(record))
    assert (answer.status_code, answer.json()["title"]) == (410, "gone")


def test_an_export_that_lost_a_file_is_refused_with_its_name(client: TestClient, case: Showcase, batch_id: str) -> None:
    record = asked(batch_id)
    address = link(record)
    for path in case.layout.artifacts.glob("download/*/media.mp4"):
        path.unlink()
    answer = client.get(address)
    assert answer.status_code == 500
    assert "001_Opening.mp4 is gone" in answer.json()["detail"]


@pytest.mark.parametrize("name", ['a"b.zip', "a\r\nSet-Cookie: x.zip", "ä.zip"])
def test_no_name_leaves_its_header(name: str) -> None:
    said = disposition(name)
    assert "\r" not in said
    assert "\n" not in said
    assert said.count('"') == 2
    assert said.isascii()


class _Later:
    """A clock that has come so far."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> object:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self._seconds, UTC)
