"""Files sent to signed addresses, without a token: in pieces, compared with checksums, for a quarter of an hour."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.app import build_app
from core.api.process import current
from core.domain.states import BatchPhase
from core.manager.upload_links import GOOD_FOR
from core.system.clock import SystemClock
from tests.support.showcase import Showcase
from tests.unit.api.conftest import HOME
from tests.unit.api.test_uploads import film

SIZE = 5000


class Ahead(SystemClock):
    """A clock that is ahead of the others."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        """The time that it says."""
        return super().now() + self._by


@pytest.fixture
def stranger(case: Showcase) -> TestClient:
    """Somebody without a token, and not a page of ours."""
    del case
    return TestClient(build_app(), base_url=HOME, raise_server_exceptions=False)


def announced(size: int = SIZE, **more: Any) -> str:
    """The address of a new upload."""
    manager = current().manager
    return manager.upload_links.address(manager.receiving.begin("talk.mp4", size, **more).id).url


def slot(case: Showcase, phase: BatchPhase = BatchPhase.DRAFT) -> str:
    """The address of the first file of a batch."""
    batch_id = case.batch("Talks", phase)
    current().manager.storage.index.load()
    return current().manager.upload_links.slots(batch_id, 2)[0].url


def digest(data: bytes) -> dict[str, str]:
    return {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


def test_pieces_go_to_the_address_without_a_token(stranger: TestClient) -> None:
    url = announced(sha256=hashlib.sha256(film()).hexdigest())
    for offset in range(0, SIZE, 1000):
        piece = film()[offset : offset + 1000]
        assert stranger.patch(f"{url}&offset={offset}", content=piece, headers=digest(piece)).status_code == 200
    told = stranger.get(url).json()
    assert (told["complete"], told["path"]) == (True, None), "where it lies is nobody's business here"


def test_a_piece_that_is_doubled_missing_or_out_of_order_is_told_where_it_goes_on(stranger: TestClient) -> None:
    url = announced()
    assert stranger.patch(f"{url}&offset=0", content=film()[:1000]).status_code == 200
    for offset in (0, 2000, 500):
        wrong = stranger.patch(f"{url}&offset={offset}", content=film()[offset : offset + 1000])
        assert (wrong.status_code, wrong.json()["title"]) == (409, "offset")
        assert "byte 1000" in wrong.json()["detail"]
    assert stranger.patch(f"{url}&offset=1000", content=film()[1000:]).json()["received"] == SIZE


def test_a_piece_that_changed_on_its_way_is_not_kept(stranger: TestClient) -> None:
    url = announced()
    stranger.patch(f"{url}&offset=0", content=film()[:1000])
    wrong = stranger.patch(f"{url}&offset=1000", content=film()[1000:], headers=digest(b"else"))
    assert (wrong.status_code, wrong.json()["title"]) == (400, "checksum")
    assert stranger.get(url).json()["received"] == 1000
    right = stranger.patch(f"{url}&offset=1000", content=film()[1000:], headers=digest(film()[1000:]))
    assert right.json()["complete"] is True


def test_a_whole_that_is_not_what_was_announced_is_begun_anew(stranger: TestClient) -> None:
    url = announced(sha256="0" * 64)
    wrong = stranger.patch(f"{url}&offset=0", content=film())
    assert (wrong.status_code, wrong.json()["title"]) == (400, "checksum")
    assert stranger.get(url).json()["received"] == 0


@pytest.mark.parametrize("said", ["md5=:AAAA:", "sha-256=AAAA", "sha-256=:AAAA:", "", "sha-256=:" + "!" * 44 + ":"])
def test_a_checksum_that_is_none_is_refused_before_a_byte_is_kept(stranger: TestClient, said: str) -> None:
    url = announced()
    answer = stranger.patch(f"{url}&offset=0", content=film(), headers={"Content-Digest": said})
    assert (answer.status_code, answer.json()["title"]) == (400, "bad_checksum")
    assert stranger.get(url).json()["received"] == 0


def test_more_than_was_announced_is_refused(stranger: TestClient) -> None:
    url = announced(1000)
    assert stranger.patch(f"{url}&offset=0", content=film()).status_code == 400


def test_an_address_that_was_changed_or_is_anothers_leads_nowhere(stranger: TestClient) -> None:
    url, other = announced(), announced(6000)
    for wrong in (
        url[:-2],
        url + "A",
        url.replace("until=1", "until=2"),
        url.partition("?")[0] + "?" + other.partition("?")[2],
    ):
        assert stranger.patch(f"{wrong}&offset=0", content=film()).status_code == 404, wrong
    assert stranger.patch(url.partition("?")[0] + "?offset=0", content=film()).status_code == 401
    assert stranger.delete(url).status_code == 401, "it is an address to send to, and nothing else"


def test_an_address_is_good_for_a_quarter_of_an_hour(stranger: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    url = announced()
    links = current().manager.upload_links
    monkeypatch.setattr(links, "_clock", Ahead(GOOD_FOR + timedelta(seconds=2)))
    answer = stranger.patch(f"{url}&offset=0", content=film())
    assert answer.status_code == 410
    assert "GET /api/uploads/ID" in answer.json()["hint"]


def test_a_batch_waits_for_a_file_of_which_nothing_is_known(stranger: TestClient, case: Showcase) -> None:
    url = slot(case)
    half = {"Content-Range": f"bytes 0-2499/{SIZE}"}
    first = stranger.put(f"{url}&name=talk.mp4", content=film()[:2500], headers=half)
    assert (first.status_code, first.json()["received"]) == (200, 2500)
    rest = {"Content-Range": f"bytes 2500-{SIZE - 1}/{SIZE}"}
    whole = stranger.put(f"{url}&name=talk.mp4", content=film()[2500:], headers=rest).json()
    assert (whole["id"], whole["received"]) == (first.json()["id"], SIZE)


def test_an_address_of_a_batch_takes_one_file_and_no_more(stranger: TestClient, case: Showcase) -> None:
    url = slot(case)
    assert stranger.put(f"{url}&name=talk.mp4", content=film()).json()["received"] == SIZE
    for name in ("talk.mp4", "other.mp4", "talk.srt"):
        again = stranger.put(f"{url}&name={name}", content=film())
        assert (again.status_code, again.json()["title"]) == (409, "upload_whole")
    assert len(list(case.layout.uploads.iterdir())) == 1


def test_who_chose_another_file_meanwhile_sends_that_to_the_same_address(stranger: TestClient, case: Showcase) -> None:
    url = slot(case)
    half = {"Content-Range": f"bytes 0-2499/{SIZE}"}
    first = stranger.put(f"{url}&name=wrong.mp4", content=film()[:2500], headers=half).json()
    right = stranger.put(f"{url}&name=right.mp4", content=film()).json()
    assert (right["name"], right["received"]) == ("right.mp4", SIZE)
    assert [one.name for one in case.layout.uploads.iterdir()] == [right["id"]] != [first["id"]]


@pytest.mark.parametrize(
    "said", ["bytes 0-9/5", "bytes 5-4/9", "bytes */9", "0-4/9", "bytes 0-99999999999999999999/9", "bytes 0-8/9"]
)
def test_a_range_that_is_none_or_not_the_bodys_is_refused(stranger: TestClient, case: Showcase, said: str) -> None:
    answer = stranger.put(f"{slot(case)}&name=talk.mp4", content=film()[:5], headers={"Content-Range": said})
    assert answer.status_code == 400


def test_a_batch_that_has_begun_takes_no_more_files(stranger: TestClient, case: Showcase) -> None:
    answer = stranger.put(f"{slot(case, BatchPhase.RUNNING)}&name=talk.mp4", content=film())
    assert answer.status_code == 409


def test_what_is_no_recording_is_refused_at_a_batchs_address_too(stranger: TestClient, case: Showcase) -> None:
    answer = stranger.put(f"{slot(case)}&name=talk.mp4", content=b"#!/bin/sh\n" * 500)
    assert (answer.status_code, answer.json()["title"]) == (400, "not_media")
