"""What somebody is told, what of it they have read, and how sending it goes: for pages, the command line and the API."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from core.config import Config
from core.domain.access import Scope
from core.domain.errors import BadInput, Damaged, NotFound
from core.domain.letters import trial
from core.domain.notices import Notice
from core.domain.outbox import Board, Channel
from core.manager.access import EVERYTHING, Gate
from core.notify.message import Message, NotSent, Unsure, new_message_id
from core.store.notices import NoticeStore, Read
from core.system.clock import Clock

if TYPE_CHECKING:
    from core.notify.ways import Way

MOST_AT_ONCE = 200
_MOST_SINGLY_READ = 200


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as its reader sees it."""

    notice: Notice
    read: bool


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """How one way of telling people goes. `problem` says why it cannot be used at all; `pending` is still to be told."""

    name: str
    label: str
    target: str
    problem: str = ""
    hint: str = ""
    pending: int = 0
    sent: int = 0
    dropped: int = 0
    sent_at: datetime | None = None
    next_at: datetime | None = None
    tries: int = 0
    error: str = ""
    error_at: datetime | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it just now: it can be used, and its last message arrived."""
        return not self.problem and not self.error


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a test: whether the other side took the message, and else why not."""

    name: str
    label: str
    target: str
    ok: bool
    message: str = ""
    hint: str = ""


class Noticeboard:
    """The notices of one storage, as one reader sees them: their own, or everybody's for an administrator.

    Only the service writes them.
    """

    def __init__(
        self, store: NoticeStore, clock: Clock, ways: "Callable[[], Sequence[Way]]", home: str, gate: Gate = EVERYTHING
    ) -> None:
        self._store, self._clock, self._ways, self._home = store, clock, ways, home
        self._gate, self._me = gate, gate.actor

    def all(self, *, unread: bool = False, limit: int = MOST_AT_ONCE) -> list[Told]:
        """What its reader is told, the newest first. Raises `StorageError`."""
        read = self._store.read(self._me.name)
        found = (Told(notice=one, read=read.has(one.number)) for one in reversed(self._board().notices))
        mine = [one for one in found if self._me.sees(one.notice.owner) and not (unread and one.read)]
        return mine[:limit]

    def unread(self) -> int:
        """How much of it they have not read. Raises `StorageError`."""
        return len(self.all(unread=True))

    def mark_read(self, numbers: Iterable[int] | None = None) -> int:
        """Note that they have read these, or everything; gives how many that were new to them.

        Raises `NotFound` for a number they were never told.
        """
        there = {one.notice.number: one.read for one in self.all()}
        wanted = sorted(there) if numbers is None else sorted(set(numbers))
        unknown = [number for number in wanted if number not in there]
        if unknown:
            raise NotFound(f"There is no notice {unknown[0]}.", hint="./reprise notices lists them.")
        fresh = [number for number in wanted if not there[number]]
        if fresh:
            everything = numbers is None
            self._store.mark(self._me.name, lambda read: _with(read, fresh, sorted(there), everything=everything))
        return len(fresh)

    def sending(self) -> list[Sending]:
        """How each configured way of telling people goes; only administrators see any. Raises `StorageError`."""
        if not self._me.may(Scope.ADMIN):
            return []
        channels = self._board().channels
        return [_sending(way, channels.get(way.name, Channel())) for way in self._ways()]

    def test(self) -> list[Tried]:
        """Send a test message by every way, at once; raises `NotAllowed`, and `BadInput` when there is no way."""
        self._gate.need(Scope.ADMIN, "send test messages")
        if not self._ways():
            raise BadInput(
                "No e-mail and no webhook is configured.",
                hint="Set notify_email with smtp_host, or notify_webhook; see docs/configuration.md.",
            )
        return [self._tried(way) for way in self._ways()]

    def _tried(self, way: "Way") -> Tried:
        about = Tried(name=way.name, label=way.label, target=way.target, ok=False)
        if way.channel is None:
            return replace(about, message=way.problem, hint=way.hint)
        written = trial(self._home)
        message = Message(
            id=new_message_id(),
            type=written.type,
            at=self._clock.now(),
            subject=written.subject,
            text=written.text,
            data=written.data,
        )
        try:
            refused = way.channel.send(message, lambda: None)
        except (NotSent, Unsure) as error:
            return replace(about, message=error.message)
        return replace(about, ok=not refused, message=refused or "It was taken; see whether it has arrived.")

    def _board(self) -> Board:
        try:
            return self._store.board() or Board()
        except Damaged:
            return Board()  # the service sets it aside and begins another


def document(told: Told) -> dict[str, Any]:
    """A notice in the outside contract's words."""
    fields: dict[str, Any] = msgspec.to_builtins(told.notice)
    return {name: value for name, value in fields.items() if name != "event"} | {
        "headline": told.notice.headline,
        "read": told.read,
    }


def home_of(config: Config) -> str:
    """Where links in messages lead."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    return (config.notify_link or f"http://{host}:{config.port}").rstrip("/")


def _with(read: Read, fresh: list[int], there: list[int], *, everything: bool) -> Read:
    """`read` and these too, in few words: a row without a gap from the oldest notice that is kept is one number."""
    if everything:
        return Read(to=max(read.to, there[-1]))
    also = set(read.also) | set(fresh)
    to = read.to
    for number in there:
        if number > to and number not in also:
            break
        to = max(to, number)
    left = sorted(number for number in also if number > to)
    return Read(to=to, also=left[-_MOST_SINGLY_READ:])


def _sending(way: "Way", channel: Channel) -> Sending:
    delivery = channel.delivery
    return Sending(
        name=way.name,
        label=way.label,
        target=way.target,
        problem=way.problem,
        hint=way.hint,
        pending=channel.pending,
        sent=channel.sent,
        dropped=channel.dropped,
        sent_at=channel.sent_at,
        next_at=delivery.next_at if delivery is not None else None,
        tries=delivery.tries if delivery is not None else 0,
        error=channel.error,
        error_at=channel.error_at,
    )
