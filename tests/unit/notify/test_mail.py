"""E-mail against a real server: whole, safe in its headers, protected, and never handed in twice."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from core.domain.errors import BadInput
from core.notify import mail as module
from core.notify.mail import Mail, MailSettings
from core.notify.message import Message, NotSent, Unsure
from core.system.clock import ManualClock
from tests.support.mail_server import PASSWORD, USER, Post, mail_server, trusted
from tests.support.storage import NOON


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "d1",
        "type": "batch.completed",
        "at": NOON,
        "subject": "Talks is completed",
        "text": "2 runs: 2 completed.",
        "data": {},
    }
    return Message(**(fields | changes))


def settings(port: int, **changes: Any) -> MailSettings:
    fields: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "recipients": ("ana@example.org",),
        "sender": "reprise@example.org",
        "security": "none",
        "timeout_s": 5.0,
    }
    return MailSettings(**(fields | changes))


def channel(port: int, **changes: Any) -> Mail:
    return Mail(settings(port, **changes), ManualClock(NOON))


@pytest.fixture
def server() -> Iterator[tuple[Post, int]]:
    with mail_server() as started:
        yield started


def nothing() -> None:
    """Nobody keeps what is handed over."""


def test_a_mail_arrives_as_it_was_written(server: tuple[Post, int]) -> None:
    post, port = server
    text = "Grüße – 2 runs: 2 completed.\nhttp://127.0.0.1:8501/batches?batch=b_1\n.\nlast line\n"
    assert channel(port, recipients=("ana@example.org", "ben@bücher.example")).send(message(text=text), nothing) == ""
    (mail,) = post.mails
    assert mail["Subject"] == "Talks is completed"
    assert mail["From"] == "Reprise <reprise@example.org>"
    assert mail["To"] == "ana@example.org, ben@xn--bcher-kva.example"
    assert mail["Message-ID"] == "<d1@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOON.replace(microsecond=0)
    assert mail.get_content() == text.replace("\n", "\r\n") or mail.get_content() == text
    assert post.envelopes[0].rcpt_tos == ["ana@example.org", "ben@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "title",
    [
        "x\r\nBcc: eve@example.org",
        "x\nBcc: eve@example.org\n\nbody",
        "x\u2028Bcc: eve@example.org",
        "x\x85Bcc: eve@example.org",
        "x\0y\x1b[2J",
        "=?utf-8?q?x=0D=0ABcc:_eve@example.org?=",  # the standard library alone would make a header of it
        "a =?utf-8?b?DQpCY2M6IGVAZXhhbXBsZS5vcmc=?= b",
        "=\u200b?utf-8?q?x=0D=0ABcc:_eve@example.org?=",
        "\ud800 half a letter",
        "long " * 200,
        "Ünïcödé " * 60,
    ],
)
def test_no_title_becomes_a_header(server: tuple[Post, int], title: str) -> None:
    post, port = server
    channel(port).send(message(subject=title, text=title), nothing)
    (mail,) = post.mails
    assert mail["Bcc"] is None
    assert set(map(str.lower, mail.keys())) <= {
        "subject", "from", "to", "date", "message-id", "auto-submitted", "mime-version", "content-type",
        "content-transfer-encoding", "x-peer", "x-mailfrom", "x-rcptto",
    }  # fmt: skip
    assert post.envelopes[0].rcpt_tos == ["ana@example.org"]
    assert len(" ".join(mail["Subject"].split())) <= module.MAX_SUBJECT


@pytest.mark.parametrize(
    "address",
    [
        "a@b\r\nBcc: c@d", "a@b, c@d", "a b@example.org", "<a@example.org>", "a@", "@b", "", "a@exa mple.org",
        "a@b@c", "a..b@example.org", "-froot@example.org ; x", "a@[127.0.0.1", "ä@example.org", "x" * 65 + "@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(BadInput, match="no e-mail address"):
        channel(25, recipients=(address,))
    with pytest.raises(BadInput, match="no e-mail address"):
        channel(25, sender=address)


def test_a_thousand_recipients_are_too_many_and_none_too_few() -> None:
    with pytest.raises(BadInput, match="1000 recipients are more than 20"):
        channel(25, recipients=tuple(f"a{number}@example.org" for number in range(1000)))
    with pytest.raises(BadInput, match="Nobody"):
        channel(25, recipients=())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_with_a_password_over_a_protected_connection(security: str) -> None:
    given = {"host": "localhost", "security": security, "user": USER, "password": PASSWORD}
    with trusted(os.environ), mail_server(security=security, auth=True) as (post, port):  # type: ignore[arg-type]
        channel(port, **given).probe()
        assert channel(port, **given).send(message(), nothing) == ""
        assert len(post.mails) == 1
        with pytest.raises(NotSent, match=r"does not accept the user name and password: 535") as wrong:
            channel(port, **given | {"password": "guess"}).send(message(), nothing)
        assert not wrong.value.lasting, "somebody may correct it"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(security: str) -> None:
    with mail_server(security=security) as (post, port):
        with pytest.raises(NotSent, match=r"There is no safe connection.*certificate"):
            channel(port, host="localhost", security=security).send(message(), nothing)
        assert post.mails == []


def test_a_server_without_starttls_gets_neither_password_nor_mail(server: tuple[Post, int]) -> None:
    post, port = server
    with pytest.raises(NotSent, match="cannot do what is wanted"):
        channel(port, security="starttls", user=USER, password=PASSWORD).send(message(), nothing)
    assert post.mails == []


def test_a_password_is_never_sent_in_the_clear_to_another_machine() -> None:
    with pytest.raises(BadInput, match="in the clear"):
        channel(25, host="mail.example.org", user=USER, password=PASSWORD)


def test_a_server_that_is_down_is_tried_again() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="cannot be reached: Connection refused") as down:
            channel(nobody.getsockname()[1]).send(message(), nothing)
    assert not down.value.lasting


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(NotSent, match="does not answer in time") as slow,
    ):
        channel(silent.getsockname()[1], timeout_s=0.2).send(message(), nothing)
    assert not slow.value.lasting


def test_recipients_that_are_refused_are_named_and_the_others_have_it(server: tuple[Post, int]) -> None:
    post, port = server
    post.refused = {"gone@example.org": "550 no such user"}
    said = channel(port, recipients=("gone@example.org", "ana@example.org")).send(message(), nothing)
    assert said == "gone@example.org was refused: 550 no such user"
    assert len(post.mails) == 1


@pytest.mark.parametrize(("answer", "lasting"), [("550 no such user", True), ("451 try again later", False)])
def test_when_every_recipient_is_refused_nothing_was_handed_over(
    server: tuple[Post, int], answer: str, lasting: bool
) -> None:
    post, port = server
    post.refused = {"ana@example.org": answer}
    handed: list[bool] = []
    with pytest.raises(NotSent, match=answer) as none:
        channel(port).send(message(), lambda: handed.append(True))
    assert (none.value.lasting, handed) == (lasting, [])


@pytest.mark.parametrize(("answer", "lasting"), [("554 spam", True), ("452 disk full", False)])
def test_a_message_that_is_refused_was_certainly_not_sent(server: tuple[Post, int], answer: str, lasting: bool) -> None:
    post, port = server
    post.answer = answer
    with pytest.raises(NotSent, match=answer) as refused:
        channel(port).send(message(), nothing)
    assert refused.value.lasting == lasting


def test_a_server_that_breaks_off_while_it_takes_a_message_leaves_it_unsure(
    server: tuple[Post, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    post, port = server
    monkeypatch.setattr(module, "TAKING_S", 0.2)
    from threading import Event

    post.go = Event()
    with pytest.raises(Unsure, match="broke off while it took the message"):
        channel(port).send(message(), lambda: None)
    assert post.taking.is_set()


def test_it_is_told_before_the_moment_from_which_on_it_may_arrive(server: tuple[Post, int]) -> None:
    post, port = server
    seen: list[bool] = []
    channel(port).send(message(), lambda: seen.append(post.taking.is_set()))
    assert seen == [False]
    assert post.taking.is_set()


def test_a_mail_with_a_header_that_nobody_meant_is_not_sent(
    server: tuple[Post, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    post, port = server
    made = channel(port)
    real = made.made

    def injected(given: Message) -> Any:
        mail = real(given)
        mail.replace_header("Subject", "=?utf-8?q?x=0D=0ABcc:_eve@example.org?=")
        return mail

    monkeypatch.setattr(made, "made", injected)
    with pytest.raises(NotSent, match="cannot be written as a mail"):
        made.send(message(), nothing)
    assert post.mails == []
