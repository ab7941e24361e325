"""`/api/notices`: each sees and marks their own."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api.process import current
from core.domain.outbox import Board
from core.store.notices import NoticeStore
from tests.support.showcase import Showcase
from tests.unit.domain.test_notices import notice


@pytest.fixture
def posted(case: Showcase) -> Showcase:
    """Two notices of this machine's user and one of another's."""
    me = current().manager.actor
    told = [notice(number, owner=owner) for number, owner in enumerate((me, "another", me), start=1)]
    NoticeStore(case.layout, case.clock).write(Board(notices=told, number=3))
    return case


def read(client: TestClient, numbers: Any) -> Any:
    headers = {"Origin": "http://127.0.0.1:8501", "X-Requested-With": "x"}
    return client.post("/notices/read", json={"numbers": numbers}, headers=headers)


@pytest.mark.usefixtures("posted")
def test_notices_are_listed_and_marked(client: TestClient) -> None:
    listed = client.get("/notices", params={"limit": 2}).json()
    assert [one["number"] for one in listed["notices"]] == [3, 2]
    assert listed["unread"] == 3
    assert listed["notices"][0]["headline"] == "Talks 3 is completed"
    assert read(client, [3]).json() == {"marked": 1, "unread": 2}
    assert [one["number"] for one in client.get("/notices?unread=true").json()["notices"]] == [2, 1]
    assert read(client, "all").json() == {"marked": 2, "unread": 0}


@pytest.mark.usefixtures("posted")
def test_what_is_no_number_of_a_notice_is_refused(client: TestClient) -> None:
    assert read(client, [99]).status_code == 404
    for wrong in ([0], [-1], ["1"], [1.5], [True], "some", None, [10**30]):
        assert read(client, wrong).status_code in (400, 422), wrong
    for query in ("limit=0", "limit=201", "limit=x", "unread=perhaps", "more=1"):
        assert client.get(f"/notices?{query}").status_code == 422, query


@pytest.mark.usefixtures("posted")
def test_a_test_without_a_way_to_send_one_says_what_to_configure(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:8501", "X-Requested-With": "x"}
    answer = client.post("/notices/test", headers=headers)
    assert answer.status_code == 400
    assert "notify_email" in answer.json()["hint"]
