"""What is sent when: gathered, in digests, tried again, given up, and never twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from core.domain import outbox
from core.domain.notices import Kind
from core.domain.outbox import Board, Channel
from tests.support.storage import NOON
from tests.unit.domain.test_notices import notice

ALL = frozenset(Kind)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def board(*numbers: int, kinds: frozenset[Kind] = ALL, **fields: Any) -> Board:
    return outbox.posted(Board(**fields), [notice(number) for number in numbers], 7, ["mail"], kinds, NOON)


def test_what_is_noted_waits_for_each_channel_once() -> None:
    made = board(1, 2)
    assert (made.seq, made.number, [one.number for one in made.notices]) == (7, 2, [1, 2])
    assert made.channels["mail"].waiting == [1, 2]
    assert outbox.posted(made, [], 9, ["mail"], ALL, NOON) == replace(made, seq=9)


def test_kinds_that_nobody_wants_sent_are_noted_all_the_same() -> None:
    made = board(1, kinds=frozenset({Kind.RUN_STALLED}))
    assert (len(made.notices), made.channels) == (1, {})


def test_old_notices_go_unless_they_are_still_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "KEPT", 3)
    made = board(*range(1, 7))
    assert [one.number for one in made.notices] == [1, 2, 3, 4, 5, 6]
    sent = replace(made, channels={})
    after = outbox.posted(sent, [notice(7)], 8, [], ALL, NOON)
    assert [one.number for one in after.notices] == [5, 6, 7]
    assert after.number == 7


def test_what_comes_together_goes_together() -> None:
    channel = board(1).channels["mail"]
    assert outbox.due_s(channel, NOON) == outbox.GATHER_S
    assert outbox.due_s(channel, later(1)) == outbox.GATHER_S - 1
    assert outbox.due_s(channel, later(60)) == 0.0
    assert outbox.due_s(Channel(), NOON) is None


def test_a_few_are_sent_one_by_one_and_many_as_one() -> None:
    few = outbox.begun(board(1, 2, 3).channels["mail"], "d1", NOON)
    assert few.delivery is not None
    assert (few.delivery.notices, few.waiting, few.pending) == ([1], [2, 3], 3)
    many = outbox.begun(board(1, 2, 3, 4).channels["mail"], "d1", NOON)
    assert many.delivery is not None
    assert (many.delivery.notices, many.waiting) == ([1, 2, 3, 4], [])


def test_what_was_put_off_keeps_its_id_and_what_is_in_it() -> None:
    channel = outbox.begun(board(1).channels["mail"], "d1", NOON)
    channel = outbox.failed(channel, "down", later(1))
    assert outbox.due_s(channel, later(1)) == 10.0
    assert (channel.error, channel.error_at) == ("down", later(1))
    channel = replace(channel, waiting=[2])
    again = outbox.begun(channel, "d2", later(11))
    assert again.delivery is not None
    assert (again.delivery.id, again.delivery.notices, again.delivery.tries) == ("d1", [1], 1)
    done = outbox.delivered(again, later(12))
    assert (done.delivery, done.waiting, done.sent, done.sent_at, done.error) == (None, [2], 1, later(12), "")


def test_waits_grow_to_an_hour_and_after_a_day_it_is_given_up() -> None:
    channel, now, waits = outbox.begun(board(1).channels["mail"], "d1", NOON), NOON, []
    while channel.delivery is not None:
        channel = outbox.failed(channel, "down", now)
        due_s = outbox.due_s(channel, now)
        if due_s is not None:
            waits.append(due_s)
            now += timedelta(seconds=due_s)
    assert waits[:6] == [10, 60, 300, 1800, 3600, 3600]
    assert timedelta(hours=24) < now - NOON < timedelta(hours=26)
    assert (channel.dropped, channel.pending, channel.error) == (1, 0, "down")


def test_how_long_the_other_side_asks_to_wait_is_heeded_up_to_an_hour() -> None:
    channel = outbox.begun(board(1).channels["mail"], "d1", NOON)
    assert outbox.due_s(outbox.failed(channel, "busy", NOON, retry_after_s=120), NOON) == 120
    assert outbox.due_s(outbox.failed(channel, "busy", NOON, retry_after_s=1e6), NOON) == 3600


def test_what_cannot_be_helped_is_dropped_at_once_and_told() -> None:
    channel = outbox.failed(outbox.begun(board(1).channels["mail"], "d1", NOON), "no such user", NOON, lasting=True)
    assert (channel.delivery, channel.dropped, channel.error) == (None, 1, "no such user")


def test_a_new_service_never_sends_again_what_may_have_arrived() -> None:
    begun = outbox.begun(board(1).channels["mail"], "d1", NOON)
    before = outbox.failed(begun, "down", NOON)
    assert outbox.due_s(outbox.reopened(before, later(1)), later(1)) == 0.0
    after = outbox.reopened(outbox.handed(begun), later(1))
    assert (after.delivery, after.dropped) == (None, 1)
    assert "may have arrived" in after.error
    assert outbox.reopened(Channel(), NOON) == Channel()


def test_a_clock_that_is_set_back_delays_nothing_for_long() -> None:
    channel = outbox.failed(outbox.begun(board(1).channels["mail"], "d1", NOON), "down", NOON)
    assert outbox.due_s(channel, NOON - timedelta(days=400)) == 3600
    assert outbox.due_s(board(1).channels["mail"], NOON - timedelta(days=400)) == outbox.GATHER_S
