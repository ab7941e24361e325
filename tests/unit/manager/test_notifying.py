"""Every event is told once, by each channel once, whatever is killed in between; trouble is said and tried again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import ErrorClass, StorageError
from core.domain.notices import Kind
from core.domain.outbox import Board
from core.manager.notifying import Notifier
from core.notify.message import Message, NotSent, Unsure
from core.notify.ways import Way
from core.runner.outcome import Failed
from core.store.journal import Event
from core.store.notices import NoticeStore
from tests.support.dispatching import House


class Killed(BaseException):
    """The service ends here."""


class Letterbox:
    """A channel that keeps what it is given, and does before what a test wants."""

    name, label = "mail", "E-mail"

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.before: Callable[[Message], None] = lambda message: None
        self.after: Callable[[Message], None] = lambda message: None

    def send(self, message: Message, handing_over: Callable[[], None]) -> str:
        self.before(message)
        handing_over()
        self.got.append(message)
        self.after(message)
        return ""


class Teller:
    """A house with a notifier in it; `restart` is a kill and a new service."""

    def __init__(self, folder: Path) -> None:
        self.house = House(folder)
        self.box = Letterbox()
        self.restart()

    def restart(self) -> None:
        self.house.restart()
        house = self.house
        self.notifier = Notifier(
            index=house.index,
            journal=house.store.journal,
            layout=house.layout,
            clock=house.clock,
            ways=[Way(name="mail", label="E-mail", target="ana", channel=self.box)],
            kinds=frozenset(Kind),
            home="http://home",
            spawn=lambda step: step(),
        )

    def turns(self, seconds: float = 6.0) -> None:
        """So many seconds of a service."""
        for _ in range(round(2 * seconds)):
            self.notifier.turn()
            self.house.clock.advance(0.5)

    @property
    def board(self) -> Board:
        found = NoticeStore(self.house.layout, self.house.clock).board()
        assert found is not None
        return found

    def settles(self, name: str = "talks", runs: int = 1) -> list[str]:
        """A batch that is worked off."""
        made = self.house.add(runs, name=name)
        for _ in range(4 * runs):
            self.house.turn()
            for run_id in made:
                self.house.finish(run_id)
        return made

    @property
    def subjects(self) -> list[str]:
        return [message.subject for message in self.box.got]


@pytest.fixture
def teller(tmp_path: Path) -> Teller:
    teller = Teller(tmp_path)
    teller.notifier.turn()
    return teller


def test_a_batch_that_ends_is_noted_and_sent_once(teller: Teller) -> None:
    teller.settles(runs=2)
    teller.turns()
    (notice,) = teller.board.notices
    assert (notice.headline, notice.text) == ("talks is completed", "2 runs: 2 completed.")
    assert teller.subjects == ["talks is completed"]
    teller.turns(60)
    teller.restart()
    teller.turns(60)
    assert len(teller.box.got) == 1
    assert teller.board.channels["mail"].sent == 1


def test_each_bad_end_is_told(teller: Teller) -> None:
    house = teller.house
    made = house.add(6, name="bad")
    house.turn()
    for _ in range(12):
        for run_id in [one for one in made if one in house.engine.running]:
            house.end(run_id, Failed(error_class=ErrorClass.REMOVED, message="It is gone.", hint=""))
        house.turn()
    (alone,) = house.add(1, name="lone")
    house.turn()
    house.end(alone, Failed(error_class=ErrorClass.REMOVED, message="It is gone.", hint=""))
    (poor,) = house.add(1, name="poor")
    for _ in range(3):
        house.turn()
        house.clock.advance(60)
        house.turn()
        house.engine.die(poor)
        house.turn()
    teller.turns()
    kinds = [one.kind for one in teller.board.notices]
    assert kinds.count(Kind.BATCH_PAUSED) == 1
    assert kinds.count(Kind.RUN_POISONED) == 1
    assert kinds.count(Kind.BATCH_FAILED) == 2
    assert "failed one after another" in next(one.text for one in teller.board.notices if one.kind == Kind.BATCH_PAUSED)


def test_many_at_once_are_one_message(teller: Teller) -> None:
    for number in range(5):
        teller.settles(f"talks {number}")
    teller.turns()
    assert len(teller.board.notices) == 5
    assert teller.subjects == ["5 batches completed"]


def test_what_happened_before_anybody_was_to_be_told_is_history(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    teller.settles()
    teller.turns()
    assert (teller.board.notices, teller.box.got) == ([], [])
    teller.settles("new")
    teller.turns()
    assert teller.subjects == ["new is completed"]


def test_a_journal_that_is_told_again_tells_nobody_anything(teller: Teller) -> None:
    teller.settles()
    teller.turns()
    house = teller.house
    house.clock.advance(timedelta(days=3).total_seconds())
    runs, batches, _ = house.index.everything()
    for path in house.store.journal.days():
        path.unlink()  # and with it its numbers
    teller.restart()
    house.store.journal.reemit([*runs.values(), *batches.values()])
    teller.turns()
    assert len(teller.board.notices) == 1
    assert len(teller.box.got) == 1


def test_what_was_done_while_no_service_told_of_it_is_told_by_the_next(teller: Teller) -> None:
    teller.settles()
    teller.restart()
    teller.turns()
    assert teller.subjects == ["talks is completed"]


def test_an_attempt_that_stalls_again_and_again_is_told_once(teller: Teller) -> None:
    (run_id,) = teller.house.add(1)
    batch_id = teller.house.run(run_id).batch_id
    for _ in range(3):
        line = Event(type="run.stalled", run_id=run_id, batch_id=batch_id, attempt="a_1", data={"message": "Nothing."})
        teller.house.store.journal.append([line])
        teller.turns(2)
    teller.turns()
    (notice,) = teller.board.notices
    assert notice.headline == "https://example.com/1.mp4 does not come on"


def test_what_is_deleted_for_good_is_told_nobody(teller: Teller) -> None:
    teller.house.store.journal.append(
        [Event(type="batch.settle", batch_id="b_gone", target="completed", data={"transition": "b_gone.2"})]
    )
    teller.turns()
    assert teller.board.notices == []


@pytest.mark.parametrize("number", range(12))
def test_whatever_write_a_kill_comes_before_or_after_each_event_is_told_once(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A kill at every durable write, before it and after it, with two events on their way; then a new service."""
    teller.settles("one")
    teller.settles("two")
    real, count = NoticeStore.write, iter(range(10**6))

    def dying(store: NoticeStore, board: Board) -> None:
        at = next(count)
        if at == number // 2 and number % 2 == 0:
            raise Killed
        real(store, board)
        if at == number // 2 and number % 2 == 1:
            raise Killed

    monkeypatch.setattr(NoticeStore, "write", dying)
    try:
        teller.turns()
    except Killed:
        handed_over = len(teller.box.got)
        monkeypatch.setattr(NoticeStore, "write", real)
        teller.restart()
        teller.turns()
        assert handed_over <= len(teller.box.got)
    assert [one.headline for one in teller.board.notices] == ["one is completed", "two is completed"]
    channel = teller.board.channels["mail"]
    assert len(teller.subjects) == len(set(teller.subjects)), "nothing arrives twice"
    assert channel.sent + channel.dropped == 2
    assert channel.pending == 0
    missing = {"one is completed", "two is completed"} - set(teller.subjects)
    assert len(missing) == (channel.dropped if missing else 0), "what did not arrive is told of"


def test_a_server_that_is_down_is_tried_again_until_it_is_there(teller: Teller) -> None:
    def down(message: Message) -> None:
        raise NotSent("mail.example.org cannot be reached: Connection refused.")

    teller.box.before = down
    teller.settles("one")
    teller.turns()
    channel = teller.board.channels["mail"]
    assert (channel.error, channel.pending) == ("mail.example.org cannot be reached: Connection refused.", 1)
    for number in range(5):
        teller.settles(f"two {number}")
    teller.turns(120)
    teller.restart()
    teller.box.before = lambda message: None
    teller.turns(20)
    assert teller.subjects == ["one is completed", "5 batches completed"]
    channel = teller.board.channels["mail"]
    assert (channel.error, channel.pending, channel.sent) == ("", 0, 6)


def test_what_may_have_arrived_is_not_sent_again_and_said(teller: Teller) -> None:
    def broken(message: Message) -> None:
        raise Unsure("The mail server broke off while it took the message.")

    teller.box.after = broken
    teller.settles()
    teller.turns(60)
    assert len(teller.box.got) == 1
    channel = teller.board.channels["mail"]
    assert (channel.dropped, channel.pending) == (1, 0)
    assert "broke off" in channel.error


def test_a_defect_of_a_channel_is_told_and_not_tried_in_a_circle(teller: Teller) -> None:
    calls: list[Message] = []

    def wrong(message: Message) -> None:
        calls.append(message)
        raise ZeroDivisionError("oh")

    teller.box.before = wrong
    teller.settles()
    teller.turns(600)
    assert len(calls) == 1
    assert teller.board.channels["mail"].error == "ZeroDivisionError: oh"


def test_a_full_disk_ends_nothing_and_is_told_of_once_there_is_room(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = NoticeStore.write

    def full(store: NoticeStore, board: Board) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(NoticeStore, "write", full)
    teller.settles()
    teller.turns(60)
    assert teller.box.got == []
    monkeypatch.setattr(NoticeStore, "write", real)
    teller.turns(60)
    assert teller.subjects == ["talks is completed"]


def test_a_board_that_cannot_be_believed_is_set_aside(teller: Teller) -> None:
    teller.settles()
    teller.turns()
    path = teller.house.layout.board()
    path.write_bytes(path.read_bytes().replace(b"talks", b"talkz"))
    teller.restart()
    teller.turns()
    assert teller.board.notices == []
    assert len(teller.box.got) == 1
    assert any("board.json" in one.name for one in teller.house.layout.quarantine.iterdir())
    teller.settles("new")
    teller.turns()
    assert teller.subjects[-1] == "new is completed"


def test_nothing_is_begun_any_more_once_the_service_ends(teller: Teller) -> None:
    teller.notifier.close()
    teller.settles()
    teller.turns(60)
    assert teller.box.got == []
    assert teller.board.channels["mail"].pending == 1


def test_an_idle_service_is_hardly_woken(teller: Teller) -> None:
    waits: list[Any] = []
    for _ in range(5):
        waits.append(teller.notifier.turn())
        teller.house.clock.advance(waits[-1])
    assert min(waits[1:]) >= 1.0
    assert waits[-1] == 5.0
