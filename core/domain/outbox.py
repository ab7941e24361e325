"""What is still to be sent, by which channel, and when it is tried again. Pure.

A delivery is one message: a notice, or a digest of many. It keeps its id and its notices over all tries, so that a
receiver can tell a second try from a second message.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from core.domain.notices import Kind, Notice

KEPT = 500
# What comes within this time goes together; more than so many at once go as one digest.
GATHER_S = 3.0
MOST_SINGLE = 3
BACKOFF_S = (10.0, 60.0, 300.0, 1800.0, 3600.0)
LONGEST_BACKOFF_S = 3600.0
GIVE_UP = timedelta(hours=24)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way; `handed` when it may have arrived, whatever is heard of it after that."""

    id: str
    notices: list[int]
    begun_at: datetime
    tries: int = 0
    next_at: datetime | None = None
    handed: bool = False
    error: str = ""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """What one channel has to send, and how it went lately. `dropped` counts notices that it could not tell."""

    waiting: list[int] = msgspec.field(default_factory=list)
    since: datetime | None = None
    delivery: Delivery | None = None
    sent_at: datetime | None = None
    sent: int = 0
    dropped: int = 0
    error: str = ""
    error_at: datetime | None = None

    @property
    def pending(self) -> int:
        """How many notices it still has to tell."""
        return len(self.waiting) + (len(self.delivery.notices) if self.delivery is not None else 0)


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """Everything people are told, as far as the journal was read (`seq`), and what is still to be sent of it."""

    seq: int = 0
    number: int = 0
    notices: list[Notice] = msgspec.field(default_factory=list)
    channels: dict[str, Channel] = msgspec.field(default_factory=dict)

    def of(self, numbers: list[int]) -> list[Notice]:
        """The notices with these numbers, as far as they are kept."""
        wanted = set(numbers)
        return [notice for notice in self.notices if notice.number in wanted]


def posted(
    board: Board, notices: list[Notice], seq: int, channels: list[str], kinds: frozenset[Kind], now: datetime
) -> Board:
    """`board` with these notices, those of the `kinds` to be sent once by each channel; the journal is read up to `seq`."""
    if not notices:
        return replace(board, seq=seq)
    numbers = [notice.number for notice in notices if notice.kind in kinds]
    found = dict(board.channels)
    for name in channels if numbers else ():
        channel = found.get(name, Channel())
        found[name] = replace(channel, waiting=[*channel.waiting, *numbers], since=channel.since or now)
    kept = [*board.notices, *notices]
    still = {number for channel in found.values() for number in _unsent(channel)}
    old = kept[:-KEPT] if len(kept) > KEPT else []
    return replace(
        board,
        seq=seq,
        number=max(notice.number for notice in notices),
        notices=[*(notice for notice in old if notice.number in still), *kept[-KEPT:]],
        channels=found,
    )


def _unsent(channel: Channel) -> list[int]:
    return [*channel.waiting, *(channel.delivery.notices if channel.delivery is not None else [])]


def reopened(channel: Channel, now: datetime) -> Channel:
    """`channel` as a new service finds it: what may have arrived is never sent again, everything else is due at once."""
    delivery = channel.delivery
    if delivery is None:
        return channel
    if delivery.handed:
        return unsure(channel, "The service ended while it was being sent; it may have arrived.", now)
    return replace(channel, delivery=replace(delivery, next_at=None))


def due_s(channel: Channel, now: datetime) -> float | None:
    """The seconds until something of it is to be sent; None when nothing is."""
    if channel.delivery is not None:
        next_at = channel.delivery.next_at
        left_s = (next_at - now).total_seconds() if next_at is not None else 0.0
        return min(max(0.0, left_s), LONGEST_BACKOFF_S)  # however the clock was set meanwhile
    if not channel.waiting:
        return None
    left_s = GATHER_S - (now - channel.since).total_seconds() if channel.since is not None else 0.0
    return min(max(0.0, left_s), GATHER_S)


def begun(channel: Channel, id_: str, now: datetime) -> Channel:
    """`channel` with a delivery on its way: the one that was put off, or the next notices, many of them as a digest."""
    if channel.delivery is not None:
        return replace(channel, delivery=replace(channel.delivery, next_at=None))
    count = len(channel.waiting) if len(channel.waiting) > MOST_SINGLE else 1
    delivery = Delivery(id=id_, notices=channel.waiting[:count], begun_at=now)
    return replace(channel, waiting=channel.waiting[count:], delivery=delivery)


def handed(channel: Channel) -> Channel:
    """`channel` whose delivery may have arrived from now on."""
    assert channel.delivery is not None
    return replace(channel, delivery=replace(channel.delivery, handed=True))


def delivered(channel: Channel, now: datetime, said: str = "") -> Channel:
    """`channel` whose delivery arrived; `said` is what was refused of it all the same."""
    assert channel.delivery is not None
    return _over(
        replace(
            channel,
            sent=channel.sent + len(channel.delivery.notices),
            sent_at=now,
            error=said,
            error_at=now if said else None,
        )
    )


def unsure(channel: Channel, said: str, now: datetime) -> Channel:
    """`channel` whose delivery may have arrived or not: it is not sent a second time."""
    assert channel.delivery is not None
    dropped = channel.dropped + len(channel.delivery.notices)
    return _over(replace(channel, dropped=dropped, error=said, error_at=now))


def failed(
    channel: Channel, said: str, now: datetime, *, lasting: bool = False, retry_after_s: float | None = None
) -> Channel:
    """`channel` whose delivery did not arrive: tried again later, or dropped when that cannot help (`lasting`)."""
    delivery = channel.delivery
    assert delivery is not None
    if lasting or now - delivery.begun_at > GIVE_UP:
        return unsure(channel, said, now)
    wait_s = BACKOFF_S[min(delivery.tries, len(BACKOFF_S) - 1)]
    wait_s = min(max(wait_s, retry_after_s or 0.0), LONGEST_BACKOFF_S)
    put_off = replace(
        delivery, tries=delivery.tries + 1, next_at=now + timedelta(seconds=wait_s), handed=False, error=said
    )
    return replace(channel, delivery=put_off, error=said, error_at=now)


def _over(channel: Channel) -> Channel:
    return replace(channel, delivery=None, since=None if not channel.waiting else channel.since)
