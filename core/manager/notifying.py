"""Telling people: the service reads the journal, notes what is news, and sends it by each channel once.

The journal says what happened; one file (`Board`) says up to which line it was read, what is told and what is still to
be sent, and is written whole. So whatever is killed when, every event is noted once: after the write its line is read,
before it nobody has heard of it. Sending is done by a thread, since a mail server may think for minutes.
"""

import threading
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from core.domain import outbox
from core.domain.errors import Damaged, RepriseError
from core.domain.letters import letter
from core.domain.notices import Kind, Notice, news_in, told
from core.domain.outbox import Board, Channel, Delivery
from core.manager.index import Index
from core.notify.message import Message, NotSent, Unsure, new_message_id
from core.notify.ways import Way
from core.store.journal import Journal
from core.store.layout import Layout
from core.store.notices import NoticeStore
from core.store.tail import Tail
from core.system.clock import Clock
from core.system.logs import Log

LOOK_S, SOON_S, SHORTEST_S = 5.0, 1.0, 0.25
TROUBLE_S = 15.0
LINES_KEPT_BACK = 2000  # so many lines that are no news are read again by the next service at most
END_S = 2.0
log = Log("notify")


class Notifier:
    """Looked into by the service at every turn; `close` waits a moment for what is just being sent."""

    def __init__(
        self,
        *,
        index: Index,
        journal: Journal,
        layout: Layout,
        clock: Clock,
        ways: Sequence[Way],
        kinds: frozenset[Kind],
        home: str,
        ring: Callable[[], None] = lambda: None,
        spawn: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._index, self._journal, self._layout, self._clock = index, journal, layout, clock
        self._store = NoticeStore(layout, clock)
        self._ways = {way.name: way.channel for way in ways if way.channel is not None}
        self._configured = {way.name for way in ways}
        self._kinds, self._home = kinds, home
        self._ring, self._spawn = ring, spawn or self._in_a_thread
        self._changing = threading.RLock()
        self._board: Board | None = None
        self._tail = Tail(layout, 0)
        self._durable = True
        self._in_trouble = self._closing = False
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._next_look_s = 0.0  # on the monotonic clock

    def turn(self) -> float:
        """Note what is new in the journal and send what is due; the seconds until there may be more to do."""
        try:
            with self._changing:
                wait_s = min(self._look(), self._dispatch())
        except RepriseError as error:  # nothing was told to anybody: the next look finds the same
            if not self._in_trouble:
                log.error("not_notified", error=error.message)
            self._in_trouble = True
            return TROUBLE_S
        self._in_trouble = False
        return wait_s

    def close(self) -> None:
        """Begin nothing more, and wait a moment for what is on its way."""
        self._closing = True
        deadline = self._clock.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))

    def _look(self) -> float:
        now_s = self._clock.monotonic()
        if now_s < self._next_look_s:
            return self._next_look_s - now_s
        board = self._board or self._opened()
        if not self._durable:
            self._keep(board)
        lines = self._tail.more()
        known = {notice.event for notice in board.notices}
        found: list[Notice] = []
        for line in lines:
            notice = self._told(line, board.number + len(found) + 1)
            if notice is not None and notice.event not in known:
                known.add(notice.event)
                found.append(notice)
        if found or self._tail.seq - board.seq > LINES_KEPT_BACK:
            now = self._clock.now()
            self._keep(outbox.posted(board, found, self._tail.seq, list(self._ways), self._kinds, now))
        wait_s = SOON_S if lines else LOOK_S
        self._next_look_s = now_s + SHORTEST_S
        return wait_s

    def _told(self, line: dict[str, object], number: int) -> Notice | None:
        news = news_in(line, self._clock.now())
        batch = self._index.batches.get(news.batch_id) if news is not None else None
        if news is None or batch is None:  # of what was deleted for good nobody needs to hear
            return None
        return told(news, batch, self._index.runs_of(batch.batch_id), number)

    def _opened(self) -> Board:
        """The board as the service before left it; a first one begins at the end of the journal, for that is history."""
        try:
            board = self._store.board()
        except Damaged as error:
            log.error("notices_damaged", error=error.message)
            self._store.set_aside(error)
            board = None
        if board is None:
            board = Board(seq=self._journal.last_seq())
        now = self._clock.now()
        channels = {
            name: outbox.reopened(channel, now) for name, channel in board.channels.items() if name in self._configured
        }
        self._tail = Tail(self._layout, board.seq)
        self._keep(replace(board, channels=channels))
        assert self._board is not None
        return self._board

    def _dispatch(self) -> float:
        """Send what is due, by each channel one message at a time."""
        wait_s = LOOK_S
        for name in self._ways:
            assert self._board is not None
            channel = self._board.channels.get(name, Channel())
            if name in self._busy or self._closing:
                continue
            due_s = outbox.due_s(channel, self._clock.now())
            if due_s is None or due_s > 0:
                wait_s = min(wait_s, LOOK_S if due_s is None else due_s)
                continue
            begun = outbox.begun(channel, new_message_id(), self._clock.now())
            self._keep(self._with(name, begun))
            assert begun.delivery is not None
            delivery, notices = begun.delivery, self._board.of(begun.delivery.notices)
            self._busy.add(name)
            self._spawn(lambda name=name, delivery=delivery, notices=notices: self._send(name, delivery, notices))  # type: ignore[misc]
        return wait_s

    def _send(self, name: str, delivery: Delivery, notices: list[Notice]) -> None:
        """In the thread: send one delivery, and note what became of it."""
        try:
            self._settle(name, self._sent(name, delivery, notices))
        except RepriseError as error:
            log.error("not_noted", channel=name, error=error.message)  # kept in memory, and written by the next turn
        finally:
            self._busy.discard(name)
            self._ring()

    def _sent(self, name: str, delivery: Delivery, notices: list[Notice]) -> Callable[[Channel], Channel]:
        """What becomes of the channel after trying to send."""
        if not notices:
            return lambda channel: outbox.delivered(channel, self._clock.now())
        about = letter(notices, self._home)
        message = Message(
            id=delivery.id,
            type=about.type,
            at=delivery.begun_at,
            subject=about.subject,
            text=about.text,
            data=about.data,
        )
        try:
            refused = self._ways[name].send(message, lambda: self._settle(name, outbox.handed))
        except NotSent as error:
            said, lasting, after = error.message, error.lasting, error.retry_after_s
            log.error("not_sent", channel=name, error=said, lasting=lasting, tries=delivery.tries + 1)
            return lambda channel: outbox.failed(channel, said, self._clock.now(), lasting=lasting, retry_after_s=after)
        except Unsure as error:
            doubt = error.message
            log.error("perhaps_sent", channel=name, error=doubt)
            return lambda channel: outbox.unsure(channel, doubt, self._clock.now())
        except RepriseError as error:
            problem = error.message
            return lambda channel: outbox.failed(channel, problem, self._clock.now())
        except Exception as error:  # noqa: BLE001 - a defect of ours is told, and not tried in a circle
            defect = f"{type(error).__name__}: {error}"
            log.error("not_sent", channel=name, error=defect)
            return lambda channel: outbox.unsure(channel, defect, self._clock.now())
        log.info("sent", channel=name, notices=len(notices))
        return lambda channel: outbox.delivered(channel, self._clock.now(), refused)

    def _settle(self, name: str, change: Callable[[Channel], Channel]) -> None:
        with self._changing:
            assert self._board is not None
            self._keep(self._with(name, change(self._board.channels[name])))

    def _with(self, name: str, channel: Channel) -> Board:
        assert self._board is not None
        return replace(self._board, channels={**self._board.channels, name: channel})

    def _keep(self, board: Board) -> None:
        self._board, self._durable = board, False
        self._store.write(board)
        self._durable = True

    def _in_a_thread(self, step: Callable[[], None]) -> None:
        thread = threading.Thread(target=step, name="notify", daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()
