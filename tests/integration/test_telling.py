"""A real service tells a real mail server and a real receiver, once, whenever it is killed."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.outbox import Board
from core.store.notices import NoticeStore
from core.system.clock import SystemClock
from tests.support.mail_server import PASSWORD, USER, Post, mail_server
from tests.support.media_files import mp4
from tests.support.product import Product
from tests.support.waiting import until
from tests.support.webhook_receiver import Receiver, receiver

ONLY_THE_FILE = ("--set", "transcribe=false", "--set", "quotes=false", "--set", "summary=false")
SECRET = "0123456789abcdef"


class Told:
    """A product that tells a mail server and a receiver of webhooks."""

    def __init__(self, folder: Path, post: Post, port: int, here: Receiver) -> None:
        self.post, self.here = post, here
        self.product = Product(
            folder,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_security="none",
            smtp_user=USER,
            smtp_password=PASSWORD,
            notify_email="ana@example.org",
            notify_webhook=here.url,
            webhook_secret=SECRET,
            allowed_hosts="127.0.0.0/8",
        )
        self.recording = mp4(seconds=1.0)

    def settle(self, name: str) -> None:
        """A batch of one run is worked off."""
        self.product("add", self.recording, "--batch", name, "--wait", *ONLY_THE_FILE)

    @property
    def board(self) -> Board:
        return NoticeStore(self.product.layout, SystemClock()).board() or Board()

    def wait_for_notices(self, count: int) -> None:
        until(lambda: len(self.board.notices) == count)

    def wait_until_told(self, notices: int) -> None:
        """Until every channel has sent, or given up, so many."""
        until(
            lambda: len(self.board.channels) == 2 and all(self.is_done(name, notices) for name in self.board.channels)
        )

    def is_done(self, name: str, notices: int) -> bool:
        channel = self.board.channels[name]
        return channel.pending == 0 and channel.sent + channel.dropped == notices

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.post.mails]

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.here.got]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with mail_server(auth=True) as (post, port), receiver() as here:
        made = Told(tmp_path, post, port, here)
        try:
            yield made
        finally:
            if post.go is not None:
                post.go.set()
            made.product.close()


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_a_batch_is_told_once_by_each_way_however_the_service_ends(told: Told) -> None:
    service = told.product.serve()
    told.settle("first")
    told.wait_until_told(1)
    assert told.subjects == ["first is completed"]
    (path, headers, body) = told.here.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert path == "/hook?key=1"
    assert json.loads(body)["data"]["headline"] == "first is completed"

    told.settle("second")  # killed as soon as it is noted, before anything is sent
    told.wait_for_notices(2)
    told.product.kill(service)
    service = told.product.serve()
    told.wait_until_told(2)
    assert told.subjects == ["first is completed", "second is completed"]

    told.post.go, told.post.taking = threading.Event(), threading.Event()
    told.settle("third")  # killed while the server takes the mail: nobody knows whether it arrived
    told.post.taking.wait(60)
    told.product.kill(service)
    told.post.go.set()
    service = told.product.serve()
    told.wait_until_told(3)
    told.settle("fourth")
    told.wait_until_told(4)
    assert told.subjects.count("third is completed") <= 1
    assert [subject for subject in told.subjects if not subject.startswith("third")] == [
        "first is completed", "second is completed", "fourth is completed",
    ]  # fmt: skip
    assert told.board.channels["mail"].dropped == 1
    ids = {headers["webhook-id"]: json.loads(body)["data"]["headline"] for _, headers, body in told.here.got}
    assert sorted(ids.values()) == [f"{name} is completed" for name in ("first", "fourth", "second", "third")]
    assert [one["headline"] for one in told.product("notices", "--json").json["notices"]] == [
        "fourth is completed", "third is completed", "second is completed", "first is completed",
    ]  # fmt: skip
    log = told.product.log()
    assert PASSWORD not in log
    assert SECRET not in log


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_trouble_is_said_and_a_test_tells_what_is_wrong(told: Told) -> None:
    assert told.product("notify", "test", "--json").json["tried"][0]["ok"] is True
    assert told.subjects == ["Reprise can reach you here"]
    assert told.posted[0]["type"] == "test"
    wrong = told.product(
        "notify", "test", "--json", check=False, REPRISE_SMTP_PASSWORD="guess", REPRISE_ALLOWED_HOSTS=""
    )
    assert wrong.code == 1
    mail, webhook = wrong.json["tried"]
    assert "does not accept the user name and password" in mail["message"]
    assert "private or local address" in webhook["message"]
    told.product.serve(REPRISE_SMTP_PASSWORD="guess")
    told.settle("lost")
    until(lambda: (found := told.board.channels.get("mail")) is not None and found.error != "")
    status = told.product("notify", "status", "--json", check=False)
    assert status.code == 1
    assert [one["ok"] for one in status.json["sending"]] == [False, True]
    assert status.json["sending"][0]["pending"] == 1
    assert told.product("notices", "--read", "all", "--json").json["unread"] == 0
    assert told.product("notices", "--read", "99", check=False).code == 3
    assert told.product("notices", "--read", "x", check=False).code == 5
    assert "lost is completed" in told.product("notices").out
