"""What each reader is told, and what of it they have read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, NotAllowed, NotFound
from core.domain.notices import Kind
from core.domain.outbox import Board, Channel, Delivery
from core.manager.access import Gate
from core.manager.notices import Noticeboard, home_of
from core.notify.message import Message, NotSent
from core.notify.ways import Way, secrets_of, ways
from core.store.layout import Layout
from core.store.notices import NoticeStore, Read
from core.system.clock import ManualClock
from tests.support.storage import NOON
from tests.unit.domain.test_notices import notice

ANA, BEN = Actor(name="ana"), Actor(name="ben")
ADMIN = Actor(name="root", scope=Scope.ADMIN)


class Post:
    name, label = "mail", "E-mail"

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.fails = ""

    def send(self, message: Message, handing_over: Callable[[], None]) -> str:
        if self.fails:
            raise NotSent(self.fails)
        self.got.append(message)
        return ""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "storage")
    layout.create()
    return layout


def board(layout: Layout, who: Actor = ADMIN, *given: Way) -> Noticeboard:
    clock = ManualClock(NOON)
    return Noticeboard(NoticeStore(layout, clock), clock, lambda: given, "http://home", Gate(who))


def post(layout: Layout, *owners: str, **fields: Any) -> None:
    """A board on which each of these has a notice, numbered from 1 on."""
    told = [notice(number, owner=owner) for number, owner in enumerate(owners, start=1)]
    NoticeStore(layout, ManualClock(NOON)).write(Board(notices=told, number=len(told), **fields))


def numbers(found: list[Any]) -> list[int]:
    return [one.notice.number for one in found]


def test_each_is_told_of_their_own_and_an_administrator_of_all(layout: Layout) -> None:
    assert board(layout, ANA).all() == []
    post(layout, "ana", "ben", "ana")
    assert numbers(board(layout, ANA).all()) == [3, 1]
    assert numbers(board(layout, BEN).all()) == [2]
    assert numbers(board(layout, ADMIN).all()) == [3, 2, 1]
    assert numbers(board(layout, ADMIN).all(limit=1)) == [3]


def test_what_is_read_is_read_by_that_person_alone_and_for_ever(layout: Layout) -> None:
    post(layout, "ana", "ana", "ana")
    assert board(layout, ANA).unread() == 3
    assert board(layout, ANA).mark_read([2]) == 1
    assert board(layout, ANA).mark_read([2]) == 0
    assert [one.read for one in board(layout, ANA).all()] == [False, True, False]
    assert numbers(board(layout, ANA).all(unread=True)) == [3, 1]
    assert board(layout, ADMIN).unread() == 3
    assert board(layout, ANA).mark_read() == 2
    assert board(layout, ANA).unread() == 0
    post(layout, "ana", "ana", "ana", "ana")
    assert numbers(board(layout, ANA).all(unread=True)) == [4]


def test_what_was_read_is_kept_in_few_words(layout: Layout) -> None:
    post(layout, *["ana"] * 50)
    told = board(layout, ANA)
    for number in range(50, 0, -1):
        told.mark_read([number])
    assert NoticeStore(layout, ManualClock(NOON)).read("ana") == Read(to=50)


def test_a_notice_of_another_is_not_there(layout: Layout) -> None:
    post(layout, "ana", "ben")
    with pytest.raises(NotFound, match="no notice 2"):
        board(layout, ANA).mark_read([1, 2])
    assert board(layout, ANA).unread() == 1


@pytest.mark.parametrize("name", ["../../etc", "a/b", "\0", "ana" * 500, "ä"])
def test_whatever_somebody_is_called_their_marks_stay_in_the_folder(layout: Layout, name: str) -> None:
    who = Actor(name=name)
    post(layout, name)
    assert board(layout, who).mark_read() == 1
    assert board(layout, who).unread() == 0
    assert len(list(layout.notices.glob("*.read.json"))) == 1


def test_marks_that_cannot_be_read_are_none(layout: Layout) -> None:
    post(layout, "ana")
    board(layout, ANA).mark_read()
    (path,) = layout.notices.glob("*.read.json")
    path.write_text("{")
    assert board(layout, ANA).unread() == 1


def test_how_sending_goes_is_said(layout: Layout) -> None:
    delivery = Delivery(id="d", notices=[1], begun_at=NOON, tries=2, next_at=NOON)
    post(layout, "ana", channels={"mail": Channel(waiting=[2], delivery=delivery, error="It is down.", error_at=NOON)})
    way = Way(name="mail", label="E-mail", target="ana by mail", channel=Post())
    (said,) = board(layout, ADMIN, way).sending()
    assert (said.pending, said.tries, said.error, said.is_well) == (2, 2, "It is down.", False)
    (fresh,) = board(layout, ADMIN, Way(name="webhook", label="Webhook", target="x", channel=Post())).sending()
    assert fresh.is_well
    (wrong,) = board(layout, ADMIN, Way(name="webhook", label="Webhook", target="x", problem="No secret.")).sending()
    assert not wrong.is_well


def test_a_test_is_sent_by_every_way_and_says_what_came_of_it(layout: Layout) -> None:
    good, bad = Post(), Post()
    bad.fails = "It is down."
    tried = board(
        layout,
        ADMIN,
        Way(name="mail", label="E-mail", target="a", channel=good),
        Way(name="webhook", label="Webhook", target="b", channel=bad),
        Way(name="other", label="Other", target="c", problem="No secret.", hint="Set one."),
    ).test()
    assert [(one.ok, one.message) for one in tried] == [
        (True, "It was taken; see whether it has arrived."),
        (False, "It is down."),
        (False, "No secret."),
    ]
    assert [message.type for message in good.got] == ["test"]


def test_only_an_administrator_may_send_a_test(layout: Layout) -> None:
    way = Way(name="mail", label="E-mail", target="a", channel=Post())
    assert board(layout, ANA, way).sending() == []
    with pytest.raises(NotAllowed):
        board(layout, ANA, way).test()
    with pytest.raises(BadInput, match="No e-mail and no webhook"):
        board(layout, ADMIN).test()


def configured(**settings: Any) -> list[Way]:
    return ways(Config(**settings), ManualClock(NOON))


def test_without_a_word_in_the_configuration_nothing_is_sent() -> None:
    assert configured() == []


def test_what_cannot_be_used_says_why() -> None:
    hook = {"notify_webhook": "https://hooks.example.org/a?key=s3cret"}
    assert configured(**hook)[0].problem.startswith("The webhook has no secret")
    (way,) = configured(**hook, webhook_secret="0123456789abcdef")
    assert (way.problem, way.target) == ("", "https://hooks.example.org/a")
    assert configured(notify_webhook="http://127.0.0.1/", webhook_secret="0123456789abcdef")[0].problem
    assert configured(notify_webhook="http://[", webhook_secret="0123456789abcdef")[0].problem
    assert configured(notify_email="ana@example.org")[0].problem == "No mail server is named."
    assert configured(smtp_host="mail.example.org")[0].problem
    mail = {"smtp_host": "mail.example.org", "notify_email": "ana@example.org, ben@example.org"}
    assert configured(**mail)[0].problem == ""
    assert configured(**mail, smtp_from="nobody")[0].problem
    assert configured(**mail, smtp_password_file="/nowhere/at/all")[0].problem.startswith("The secret in")


def test_secrets_come_from_files_too_and_stand_in_no_log(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file, 16 characters\n")
    config = Config(
        notify_webhook="https://hooks.example.org/a?key=s3cret",
        webhook_secret_file=str(tmp_path / "secret"),
        smtp_password="correct horse",
    )
    assert ways(config, ManualClock(NOON))[0].problem == ""
    assert secrets_of(config) == ["correct horse", "key=s3cret", "from a file, 16 characters"]


def test_links_lead_to_the_dashboard_or_where_it_is_said() -> None:
    assert home_of(Config()) == "http://127.0.0.1:8501"
    assert home_of(Config(host="::1", port=80)) == "http://[::1]:80"
    assert home_of(Config(notify_link="https://reprise.example.org/")) == "https://reprise.example.org"


def test_every_kind_has_its_words() -> None:
    from core.domain.letters import summed_up

    assert all(summed_up([notice(1, kind)]).startswith("1 ") for kind in Kind)
