"""The same answer is made once, and never shown when it is not true any more."""

import threading
from pathlib import Path

import pytest

from core.api.remembered import MOST, SAME_S, Remembered
from tests.support.two_people import TwoPeople


class Desk:
    """Two people, what is remembered for them, and how often an answer was made."""

    def __init__(self, folder: Path) -> None:
        self.people, self.changes, self.made = TwoPeople(folder), 0, 0
        self.remembered = Remembered(self.people.clock, lambda: self.changes)

    def ask(self, who: str = "anna", what: str = "runs") -> bytes:
        return self.remembered.get(getattr(self.people, who), what, self.make)

    def make(self) -> bytes:
        self.made += 1
        return str(self.made).encode()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_same_is_made_once_and_another_question_or_asker_anew(desk: Desk) -> None:
    assert [desk.ask(), desk.ask()] == [b"1", b"1"]
    assert [desk.ask("ben"), desk.ask(what="batches"), desk.ask()] == [b"2", b"3", b"1"]


def test_a_change_of_a_record_is_seen_at_once_by_those_who_may_see_it(desk: Desk) -> None:
    desk.ask()
    desk.ask("ben")
    runs = desk.people.admin.storage.index.runs
    desk.people.change(runs[desk.people.runs["anna"][0]], title="Another")
    assert desk.ask() == b"3"
    assert desk.ask("ben") == b"2", "nothing of Ben's has changed"


def test_progress_and_time_make_it_old(desk: Desk) -> None:
    desk.ask()
    desk.changes += 1
    assert desk.ask() == b"2"
    desk.people.clock.advance(SAME_S)
    assert desk.ask() == b"3"


def test_what_changes_while_it_is_made_is_not_remembered_as_it_was(desk: Desk) -> None:
    def changing() -> bytes:
        desk.changes += 1
        return b"before"

    assert desk.remembered.get(desk.people.anna, "runs", changing) == b"before"
    assert desk.ask() == b"1"


def test_many_who_ask_at_once_wait_for_one(desk: Desk) -> None:
    begun, go_on, answers = threading.Event(), threading.Event(), []

    def slow() -> bytes:
        begun.set()
        assert go_on.wait(20)
        return desk.make()

    def ask() -> None:
        answers.append(desk.remembered.get(desk.people.anna, "runs", slow))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert answers == [b"1"] * 5


def test_only_the_latest_are_kept(desk: Desk) -> None:
    for number in range(MOST + 1):
        desk.ask(what=str(number))
    assert desk.ask(what=str(MOST)) == str(MOST + 1).encode()
    assert desk.ask(what="0") == str(MOST + 2).encode()
