"""The one way a record is changed: read, change, write, then journal what happened and tell the index.

The service writes with its epoch, so that an older service that wakes up is refused; commands write intent without one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from core.domain.access import asked_from
from core.domain.batch import BatchRecord, PoolRecord
from core.domain.errors import Damaged, NotFound, StorageError
from core.domain.run import RunRecord
from core.manager.index import POOL, Index
from core.store.journal import Event, transition_event
from core.store.locks import Lock
from core.store.state import Conflict, StateStore
from core.system.logs import Log, is_kept

log = Log("manager")
QUIET = ("cli", "dashboard")  # on a person's own terminal it would only be in the way
T = TypeVar("T")


class Remembered(Generic[T]):
    """A change that remembers what it was given: when another process wrote in between, it is made anew."""

    def __init__(self, change: Callable[[T], T]) -> None:
        self._change = change
        self.before: T

    def __call__(self, record: T) -> T:
        self.before = record
        return self._change(record)


class Writer:
    """Writes records for one kind of caller: `via` is cli, dashboard, api or service."""

    def __init__(self, *, store: StateStore, index: Index, via: str, epoch: int | None = None) -> None:
        self._store, self._index, self._via, self._epoch = store, index, via, epoch
        self._untold: list[Event] = []
        self._telling = threading.Lock()
        self._together = False

    def run(
        self,
        run_id: str,
        *changes: Callable[[RunRecord], RunRecord],
        command: str = "",
        actor: str = "service",
        data: dict[str, Any] | None = None,
    ) -> RunRecord:
        """The run after `changes`, one after the other, durable with one write.

        Its new transitions, and the `command` given with `data`, are journaled.
        """
        seen: list[RunRecord] = []

        def remember(run: RunRecord) -> RunRecord:
            seen[:] = accumulate(changes, lambda run, change: change(run), initial=run)
            return seen[-1]

        with self._losing(run_id):
            stored = self._store.runs.update(run_id, remember, epoch=self._epoch)
        before, after = seen[0], stored.value
        self._index.put_run(run_id, stored)
        if after is not before:
            events = [event for old, new in pairwise(seen) for event in self._events(old, new, stored.gen)]
            if command and replace(after, commands=before.commands) != before:  # else only its key was noted
                about = {"run_id": run_id, "batch_id": after.batch_id, "gen": stored.gen, "data": data or {}}
                events.append(self._command(command, actor, **about))
            self._tell(events)
        return after

    @contextmanager
    def _losing(self, record_id: str) -> Iterator[None]:
        """Damage is raised once and then out of the way, so that the other records go on."""
        try:
            yield
        except (Damaged, NotFound) as error:
            self._index.lose(record_id, error)
            raise

    def new_run(self, run: RunRecord) -> None:
        """A run's first state, durable; one that is there already is left as it is."""
        try:
            stored = self._store.runs.create(run.run_id, run, epoch=self._epoch or 0)
        except Conflict:
            stored = self._store.runs.get(run.run_id)
        self._index.put_run(run.run_id, stored)

    def batch(
        self,
        batch_id: str,
        change: Callable[[BatchRecord], BatchRecord],
        *,
        command: str = "",
        actor: str = "service",
        data: dict[str, Any] | None = None,
    ) -> BatchRecord:
        """The batch after `change`, durable; its new transitions, and the `command` given with `data`, are journaled."""
        seen = Remembered(change)
        with self._losing(batch_id):
            stored = self._store.batches.update(batch_id, seen, epoch=self._epoch)
        before, after = seen.before, stored.value
        self._index.put_batch(batch_id, stored)
        if after is not before:
            events = self._events(before, after, stored.gen)
            if command:
                events.append(self._command(command, actor, batch_id=batch_id, gen=stored.gen, data=data or {}))
            self._tell(events)
        return after

    def holding_batch(self, batch_id: str) -> AbstractContextManager[None]:
        """Hold the lock of a batch for a block that changes its runs: nobody changes the batch meanwhile."""
        return self._store.batches.holding(batch_id)

    def holding_keys(self) -> AbstractContextManager[None]:
        """Hold, for a block, what keeps two processes from making a batch for one request."""
        return Lock(self._store.layout.keys_lock()).holding()

    def new_batch(self, batch: BatchRecord, actor: str, data: dict[str, Any]) -> None:
        """A batch's first state, durable and journaled: from now on its runs count."""
        self._index.put_batch(batch.batch_id, self._store.batches.create(batch.batch_id, batch))
        self._tell([self._command("add", actor, batch_id=batch.batch_id, gen=1, data=data)])

    def pool(
        self,
        change: Callable[[PoolRecord], PoolRecord],
        *,
        command: str = "",
        actor: str = "service",
        data: dict[str, Any] | None = None,
    ) -> PoolRecord:
        """The pool after `change`, durable; a `command` that changed it is journaled. It is made when it is missing."""
        seen = Remembered(change)
        try:
            stored = self._store.pool.update(POOL, seen, epoch=self._epoch)
        except NotFound:
            with suppress(Conflict):  # somebody else has just made it
                self._store.pool.create(POOL, PoolRecord())
            stored = self._store.pool.update(POOL, seen, epoch=self._epoch)
        self._index.put_pool(stored)
        if command and stored.value is not seen.before:
            self._tell([self._command(command, actor, gen=stored.gen, data=data or {})])
        return stored.value

    def note(self, kind: str, **event: Any) -> None:
        """Journal something that changed no record: a start, a recovery; `event` are fields of `Event`."""
        self._tell([Event(type=kind, via=self._via, address=asked_from.get(), **event)])

    @contextmanager
    def together(self, *, later: bool = False) -> Iterator[None]:
        """Journal the transitions of a block at its end, with one write; for a writer that one thread uses.

        `later` leaves them to a block that follows soon. They are durable in the state files all the same, and what a
        crash keeps from the journal goes in at the next start.
        """
        self._together = True
        try:
            yield
        finally:
            self._together = False
            if not later:
                self._tell([])

    @property
    def is_behind(self) -> bool:
        """Whether something that happened is not in the journal yet."""
        return bool(self._untold)

    def _tell(self, events: list[Event]) -> None:
        """Journal what is durable already; what the disk refuses now goes in before the next, or at the next start."""
        if self._via not in QUIET and is_kept():
            for event in events:
                say(event)
        with self._telling:
            self._untold += events
            if not self._untold or (self._together and all("transition" in event.data for event in self._untold)):
                return
            try:
                self._store.journal.append(self._untold)
            except StorageError as error:
                log.error("not_journaled", events=len(self._untold), error=error.message)
            else:
                self._untold = []

    def _command(self, command: str, actor: str, **event: Any) -> Event:
        return Event(type=f"command.{command}", actor=actor, via=self._via, address=asked_from.get(), **event)

    def _events(self, before: RunRecord | BatchRecord, after: RunRecord | BatchRecord, gen: int) -> list[Event]:
        """The transitions that `after` has and `before` had not, with the attempt they belong to."""
        known = {line.id for line in before.transitions}
        events = [
            transition_event(after, line, via=self._via, gen=gen) for line in after.transitions if line.id not in known
        ]
        attempt = after.attempts[-1] if isinstance(after, RunRecord) and after.attempts else None
        if attempt is None:
            return events
        return [msgspec.structs.replace(event, stage=attempt.stage, attempt=attempt.id) for event in events]


def say(event: Event) -> None:
    """The log says what the journal is told, with the ids of run and batch."""
    facts = {"run_id": event.run_id, "batch_id": event.batch_id, "stage": event.stage, "attempt": event.attempt}
    said = {"from": event.source, "to": event.target, "actor": event.actor, "why": event.data.get("why")}
    log.info(event.type, **{name: value for name, value in {**facts, **said}.items() if value})
