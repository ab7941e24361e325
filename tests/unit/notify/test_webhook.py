"""Webhooks against a real receiver: signed, never led elsewhere, never to a private address that is not allowed."""

import base64
import hashlib
import hmac
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from core.domain.errors import BadInput
from core.notify.message import Message, NotSent
from core.notify.webhook import Webhook, key_of, shown
from core.system.clock import ManualClock, rfc3339
from core.system.network import AllowedHosts
from tests.support.mail_server import trusted
from tests.support.storage import NOON
from tests.support.webhook_receiver import receiver

SECRET = "not so secret 16"


def webhook(url: str, *, allowed: str = "127.0.0.0/8,::1", **options: Any) -> Webhook:
    return Webhook(url, SECRET, AllowedHosts.parse(allowed), ManualClock(NOON), **{"timeout_s": 5.0} | options)


MESSAGE = Message(
    id="d_1", type="batch.completed", at=NOON, subject="Talks\nis completed", text="…", data={"title": "Grüße\r\nX: y"}
)


def nothing() -> None:
    """Nobody keeps what is handed over."""


def test_what_is_posted_can_be_checked_with_the_secret() -> None:
    with receiver() as here:
        assert webhook(here.url).send(MESSAGE, nothing) == ""
    ((path, headers, body),) = here.got
    assert path == "/hook?key=1"
    stamp = str(int(NOON.timestamp()))
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("d_1", stamp)
    signed = hmac.new(SECRET.encode(), b"d_1." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
    said = json.loads(body)
    assert said == {"type": "batch.completed", "timestamp": rfc3339(NOON), "data": MESSAGE.data}
    assert "Proxy-Authorization" not in headers
    assert headers["Content-Type"] == "application/json"


def test_over_tls_with_a_certificate_that_somebody_vouches_for() -> None:
    with receiver(tls=True) as here:
        with pytest.raises(NotSent, match=r"cannot be reached.*certificate"):
            webhook(here.url, allowed="localhost").send(MESSAGE, nothing)
        with trusted(os.environ):  # type: ignore[arg-type]
            assert webhook(here.url, allowed="localhost").send(MESSAGE, nothing) == ""
    assert len(here.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook", "http://localhost/hook", "http://10.0.0.5/", "http://[::1]/", "http://2130706433/",
        "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://0x7f.1/", "http://intranet/",
    ],
)  # fmt: skip
def test_a_private_address_is_refused_when_it_is_configured(url: str) -> None:
    with pytest.raises(BadInput, match="private or local address"):
        webhook(url, allowed="")


@pytest.mark.parametrize(
    "url", ["ftp://example.org/", "file:///etc/passwd", "http://user:pw@example.org/", "http://", "http://a b/"]
)
def test_what_is_no_address_to_post_to_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        webhook(url)


def test_metadata_services_are_refused_whatever_is_allowed() -> None:
    with pytest.raises(BadInput):
        webhook("http://169.254.169.254/", allowed="0.0.0.0/0")


def test_a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.getaddrinfo

    def rebound(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "hooks.example.org" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    with receiver() as here:
        port = here.url.rpartition(":")[2].partition("/")[0]
        for scheme in ("http", "https"):
            with pytest.raises(NotSent, match="private or local address") as refused:
                webhook(f"{scheme}://hooks.example.org:{port}/", allowed="").send(MESSAGE, nothing)
            assert refused.value.lasting
    assert here.got == []


def test_it_is_never_led_to_another_address() -> None:
    with receiver() as other, receiver() as here:
        here.status, here.headers = 307, {"Location": other.url}
        with pytest.raises(NotSent, match="not followed") as led:
            webhook(here.url).send(MESSAGE, nothing)
        assert led.value.lasting
    assert (len(here.got), other.got) == (1, [])


@pytest.mark.parametrize(
    ("status", "lasting"), [(500, False), (503, False), (429, False), (404, True), (401, True), (410, True)]
)
def test_only_what_may_pass_is_tried_again(status: int, lasting: bool) -> None:
    with receiver() as here:
        here.status, here.headers = status, {"Retry-After": "77"}
        with pytest.raises(NotSent, match=str(status)) as refused:
            webhook(here.url).send(MESSAGE, nothing)
    assert (refused.value.lasting, refused.value.retry_after_s) == (lasting, 77.0)


def test_a_receiver_that_is_down_or_unknown_is_tried_again() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        for said, target in (("cannot be reached", url), ("There is no host", "https://nowhere.invalid/")):
            with pytest.raises(NotSent, match=said) as down:
                webhook(target).send(MESSAGE, nothing)
            assert not down.value.lasting


def test_a_receiver_that_drips_is_left_in_time() -> None:
    with receiver() as here:
        stop = threading.Event()

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            try:
                while not stop.wait(0.05):
                    handler.wfile.write(b"X-A: b\r\n"[:1])
                    handler.wfile.flush()
            except OSError:
                return

        here.answers = drip
        with pytest.raises(NotSent, match="answer"):
            webhook(here.url, whole_s=0.5).send(MESSAGE, nothing)
        stop.set()


def test_a_receiver_that_answers_nonsense_is_told_of() -> None:
    with receiver() as here:
        here.answers = lambda handler: handler.connection.sendall(b"hello\r\n\r\n")
        with pytest.raises(NotSent):
            webhook(here.url).send(MESSAGE, nothing)


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ="])
def test_a_secret_that_protects_nothing_is_refused(secret: str) -> None:
    with pytest.raises(BadInput, match="secret"):
        key_of(secret)


def test_a_secret_as_the_standard_writes_it_is_its_bytes() -> None:
    assert key_of("whsec_" + base64.b64encode(b"0123456789abcdef").decode()) == b"0123456789abcdef"


def test_an_address_is_shown_without_what_may_be_secret_in_it() -> None:
    assert shown("https://hooks.example.org/a/b?token=secret#x") == "https://hooks.example.org/a/b"
