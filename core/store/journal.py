"""The journal: one line for everything that happened, appended under a lock, never changed; audit and history.

It is not the truth: a transition that a crash kept out of it stands in the state file and is appended at the next start.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord, Transition
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files
from core.system.clock import Clock, rfc3339
from core.system.identity import boot_id

RECONCILED = "journal.reconciled"
_LOCK_S = 20.0
# Lines seen by a reader before a power cut may be gone after it; what follows must not get their numbers.
_SKIP_AFTER_BOOT = 1000
_END_BYTES = 256 * 1024
_End = tuple[str, int, int]
_SLACK = timedelta(minutes=10)


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened. `seq`, `t` (RFC 3339) are given by the journal; `data` holds small JSON values.

    `address` is the network address that a command was given from, where that is known.
    """

    type: str
    seq: int = 0
    t: str = ""
    actor: str = "service"
    via: str = ""
    address: str = ""
    batch_id: str | None = None
    run_id: str | None = None
    stage: str | None = None
    attempt: str | None = None
    gen: int | None = None
    source: str | None = msgspec.field(name="from", default=None)
    target: str | None = msgspec.field(name="to", default=None)
    data: dict[str, Any] = msgspec.field(default_factory=dict)


def transition_event(
    record: RunRecord | BatchRecord, line: Transition, *, via: str = "", gen: int | None = None
) -> Event:
    """The journal's event for one transition of a run or batch."""
    is_run = isinstance(record, RunRecord)
    return Event(
        type=f"{'run' if is_run else 'batch'}.{line.event}",
        actor=line.by,
        via=via,
        batch_id=record.batch_id,
        run_id=record.run_id if isinstance(record, RunRecord) else None,
        gen=gen,
        source=line.source,
        target=line.target,
        data={"transition": line.id, "at": rfc3339(line.at), "why": line.why},
    )


class Journal:
    """The journal of one storage; any number of processes append to it."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._folder = layout.journal
        self._lock_path = layout.journal_lock()
        self._clock = clock
        self._end: _End | None = None  # day file, its size, last seq: as this process left it
        self._lost = 0  # numbers of a failed append: a reader may have seen them, so they are not given again

    def append(self, events: Sequence[Event]) -> int:
        """Append `events` in this order and make them durable; gives the last `seq`. Numbers grow and never repeat.

        Raises `StorageError`; then nothing of it may be relied on, and the caller need not try again: what concerns
        transitions comes at the next start.
        """
        if not events:
            return self.last_seq()
        with Lock(self._lock_path, named=False).holding(_LOCK_S):
            end, self._end = self._end, None  # not to be relied on after an error
            with files.explained("writing the journal"):
                return self._append(events, end)

    def _append(self, events: Sequence[Event], end: _End | None) -> int:
        now = rfc3339(self._clock.now())
        days = self._days()
        path = self._folder / max([f"{now[:10]}.jsonl", *days[-1:]])  # never before what is there: order is by name
        seq = self._next_seq(days, end) + self._lost
        self._lost += len(events)
        lines = []
        for event in events:
            numbered = msgspec.structs.replace(event, seq=seq, t=now)
            lines.append(files.crc_line(_ordered(numbered)))
            seq += 1
        fd = files.open_append(path)
        try:
            files.append_durably(fd, b"".join(lines))
            self._end, self._lost = (path.name, os.fstat(fd).st_size, seq - 1), 0
        finally:
            os.close(fd)
        return seq - 1

    def _next_seq(self, days: list[str], end: _End | None) -> int:
        """The number after the last one ever given; the torn end a crash left is cut off."""
        if not days:
            self._remember_boot()
            return 1
        path = self._folder / days[-1]
        if end is not None and end[:2] == (path.name, path.stat().st_size):
            return end[2] + 1
        size = path.stat().st_size
        data = _last_bytes(path, size)
        if b"\n" not in data:
            data = path.read_bytes()
        torn = len(data) - data.rfind(b"\n") - 1
        if torn:
            os.truncate(path, size - torn)
        # A damaged line had a number too, and so perhaps had the torn one.
        lost = 1 if torn else 0
        for name in reversed(days):
            records, damaged = _last_records(self._folder / name)
            lost += damaged
            if records:
                return int(records[-1]["seq"]) + lost + 1 + self._remember_boot()
        return lost + 1 + self._remember_boot()

    def _remember_boot(self) -> int:
        path, boot = self._folder / "boot", boot_id()
        try:
            known = path.read_text("ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            known = ""
        if known == boot:
            return 0
        files.write_durably(path, boot.encode())
        return _SKIP_AFTER_BOOT if known else 0

    def last_seq(self) -> int:
        """The last number given, 0 when there is none."""
        for name in reversed(self._days()):
            with files.explained("reading the journal"):
                records, _ = _last_records(self._folder / name)
            if records:
                return int(records[-1]["seq"])
        return 0

    def events(self, run_id: str | None = None, batch_id: str | None = None, limit: int = 1000) -> list[Event]:
        """The last `limit` events, of one run or batch if asked so, oldest first."""
        found: list[Event] = []
        for record in self._backwards():
            if run_id not in (None, record.get("run_id")) or batch_id not in (None, record.get("batch_id")):
                continue
            found.append(msgspec.convert(record, Event))
            if len(found) == limit:
                break
        return found[::-1]

    def reemit(self, records: Iterable[RunRecord | BatchRecord]) -> int:
        """Append the transitions of `records` that are in no line, and mark that this was done; gives how many.

        To be called at the start of a service with all records. Looks back to the mark of the start before.
        """
        there: set[str] = set()
        settled = ""
        for record in self._backwards():
            if record["type"] == RECONCILED and not settled:
                settled = record["data"]["settled"]
            if settled and record["t"] < settled:
                break
            there.add(record.get("data", {}).get("transition", ""))
        missing = [
            (line.at, transition_event(record, line, via="recovery"))
            for record in records
            for line in record.transitions
            if line.id not in there and rfc3339(line.at) >= settled
        ]
        missing.sort(key=lambda pair: pair[0])
        mark = Event(type=RECONCILED, data={"settled": rfc3339(self._clock.now() - _SLACK), "added": len(missing)})
        self.append([*(event for _, event in missing), mark])
        return len(missing)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every whole line as it stands in the files, newest first."""
        return self._backwards()

    def days(self) -> list[Path]:
        """The files of the journal, one a day, oldest first."""
        return [self._folder / name for name in self._days()]

    def _backwards(self) -> Iterator[dict[str, Any]]:
        for name in reversed(self._days()):
            with files.explained("reading the journal"):
                records = files.read_crc_lines(self._folder / name)
            yield from reversed(records)

    def _days(self) -> list[str]:
        with files.explained("reading the journal"):
            return sorted(path.name for path in self._folder.iterdir() if path.suffix == ".jsonl")


def _last_bytes(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, size - _END_BYTES))
        return file.read()


def _last_records(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records at the end of a day file, and how many damaged lines stand among them."""
    size = path.stat().st_size
    lines = files.scan_crc_lines(_last_bytes(path, size))
    if not lines.records and size > _END_BYTES:
        lines = files.scan_crc_lines(path.read_bytes())
    return lines.records, len(lines.damaged)


def _ordered(event: Event) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.to_builtins(event)
    return {"seq": record.pop("seq"), "t": record.pop("t"), **record}
