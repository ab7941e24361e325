"""The records of one kind as a process knows them, and who wants to hear which changed."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from core.store.state import Finding, Stored

T = TypeVar("T", bound=msgspec.Struct)


class Shelf(Generic[T]):
    """The records of one kind as last read. Thread-safe; what is newer is never replaced by what is older."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.values: dict[str, T] = {}
        self._gens: dict[str, int] = {}
        self._clock = 0  # counts changes, so that a long reading knows what happened while it read
        self._changed: dict[str, int] = {}
        self._followers: list[set[str]] = []
        self.latest: datetime | None = None  # when the latest change was made, by what the records ever told
        self._copy: dict[str, T] | None = None

    def follow(self) -> Callable[[], set[str]]:
        """What gives, each time it is called, the ids that changed since the last time; at first all there are."""
        with self._lock:
            mine = set(self.values)
            self._followers.append(mine)

        def take() -> set[str]:
            with self._lock:
                taken = set(mine)
                mine.clear()
            return taken

        return take

    def put(self, record_id: str, stored: Stored[T]) -> bool:
        """Note a record that was just written or read; whether it is newer than what was known."""
        with self._lock:
            known = self._gens.get(record_id, 0)
            if stored.gen >= known:
                self._set(record_id, stored)
                self._mark(record_id)
            return stored.gen > known

    def drop(self, record_id: str) -> None:
        """Forget a record that is gone or damaged."""
        with self._lock:
            self.values.pop(record_id, None)
            self._gens.pop(record_id, None)
            self._mark(record_id)
            self._tell(record_id)

    def load(self, read: Callable[[], tuple[dict[str, Stored[T]], list[Finding]]]) -> list[Finding]:
        """Take what `read` finds on the disk, but for records that were noted while it read; gives its findings."""
        with self._lock:
            began = self._clock
        found, findings = read()
        with self._lock:
            for record_id in [known for known in self.values if known not in found]:
                if self._changed.get(record_id, 0) <= began:
                    del self.values[record_id]
                    self._gens.pop(record_id, None)
                    self._tell(record_id)
            for record_id, stored in found.items():
                self._take(record_id, stored, began)
            self._changed = {record_id: at for record_id, at in self._changed.items() if at > began}
        return findings

    def look(self, record_id: str, read: Callable[[], Stored[T]]) -> None:
        """Like `load`, for one record: take what `read` finds, but when it was noted while that was read."""
        with self._lock:
            began = self._clock
        stored = read()
        with self._lock:
            self._take(record_id, stored, began)

    def _take(self, record_id: str, stored: Stored[T], began: int) -> None:
        known = self._gens.get(record_id)
        if known == stored.gen:
            return  # the same record: whoever keeps something of it need not look again
        if self._changed.get(record_id, 0) <= began or known is None or stored.gen > known:
            self._set(record_id, stored)

    def copy(self) -> dict[str, T]:
        """A copy that stays as it is while it is read; the same one until something changes, so nobody may change it."""
        with self._lock:
            if self._copy is None:
                self._copy = dict(self.values)
            return self._copy

    def _set(self, record_id: str, stored: Stored[T]) -> None:
        self.values[record_id] = stored.value
        self._gens[record_id] = stored.gen
        changed_at: datetime | None = getattr(stored.value, "updated_at", None)
        if changed_at is not None:
            self.latest = max(changed_at, self.latest or changed_at)
        self._tell(record_id)

    def _tell(self, record_id: str) -> None:
        self._copy = None
        for follower in self._followers:
            follower.add(record_id)

    def _mark(self, record_id: str) -> None:
        self._clock += 1
        self._changed[record_id] = self._clock
