"""Merged videos are made by a child process that the service keeps: one at a time, apart from everything else.

The child writes progress and publishes what it made; only here is the record of an export changed. Whatever ends the
child or the service, the next turn finds the export open and goes on from its last whole unit.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import NotFound
from core.domain.exports import (
    OPEN,
    ExportFailure,
    ExportRecord,
    Missing,
    begun,
    cancelled,
    failed,
    finished,
)
from core.domain.states import BatchPhase
from core.manager.exports.shelf import ExportShelf
from core.manager.index import Index
from core.manager.starter import service_environment
from core.manager.writer import Writer
from core.store.state import StateStore
from core.system import files
from core.system.clock import Clock
from core.system.logs import Log

log = Log("exports")
IDLE_S = 30.0
SETTLED_S = 2.0  # two writes in one tick of a file system's clock look like one
MOST_DEATHS = 3  # without a word; then it is given up
_LINE_BYTES = 4 * 1024 * 1024


class Made(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the child says when the video is published; `left_out` could not go into it."""

    size: int
    sha256: str
    suffix: str
    left_out: list[Missing] = msgspec.field(default_factory=list)


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the child says when it cannot be made."""

    failure: ExportFailure


Outcome = Made | Failed


class _Child:
    """One process that makes one export, in a group of its own; `outcome` is there once it has ended."""

    def __init__(
        self, export_id: str, argv: list[str], environment: Mapping[str, str], errors: Path, ring: Callable[[], None]
    ) -> None:
        self.export_id = export_id
        self.outcome: Outcome | None = None
        self.ended = False
        self.stands = False
        with errors.open("ab") as told:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=told,
                env=dict(environment),
                start_new_session=True,
            )
        self._listener = threading.Thread(
            target=self._listen, args=(ring,), daemon=True, name=f"listens to {export_id}"
        )
        self._listener.start()

    def _listen(self, ring: Callable[[], None]) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline(_LINE_BYTES)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            self.outcome = msgspec.json.decode(line, type=Outcome)
        self._process.wait()
        self._process.stdout.close()
        self.ended = True
        ring()

    def signal(self, number: int) -> None:
        """Send a signal to it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def stand(self, still: bool) -> None:
        """Let it stand still, or go on."""
        if still != self.stands:
            self.signal(signal.SIGSTOP if still else signal.SIGCONT)
            self.stands = still

    def kill(self) -> None:
        """End it and everything it started at once; what is whole of its work stays."""
        self.signal(signal.SIGKILL)
        self._listener.join()


class Making:
    """Looked at in every turn of the service."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        store: StateStore,
        clock: Clock,
        epoch: int,
        argv: Callable[[str], list[str]],
        environment: Mapping[str, str],
        ring: Callable[[], None],
        kept_s: float,
    ) -> None:
        self._index, self._writer, self._store, self._clock, self._epoch = index, writer, store, clock, epoch
        self._argv, self._environment, self._ring = argv, environment, ring
        self._kept = timedelta(seconds=kept_s)
        self._shelf = ExportShelf(store)
        self._child: _Child | None = None
        self._deaths: dict[str, int] = {}
        self._open: list[ExportRecord] = []
        self._seen: int | None = (
            None  # when the folder was written to last, once that is so long ago that no more hides in it
        )

    def turn(self) -> float:
        """Do what is to be done now; the seconds until something may be due that nobody tells of."""
        waiting = self._waiting()
        self._settle()
        held = self._index.pool.pause is not None or self._index.pool.disk is not None
        if self._child is not None and self._child.export_id not in {record.export_id for record in waiting}:
            self._drop()  # it went with its batch, deleted for good
        for record in waiting:
            if record.cancel_by is not None or not self._is_wanted(record):
                self._cancel(record.export_id)
        if self._child is not None:
            self._child.stand(held)
        elif not held:
            self._begin(waiting)
        return IDLE_S

    def _waiting(self) -> list[ExportRecord]:
        """The exports that are not over, the first asked for first; looked for again only when some record was written."""
        with files.explained("looking at the exports"):
            written = self._store.layout.exports.stat().st_mtime_ns
        if written != self._seen:
            self._open = [record for record in reversed(self._shelf.all()) if record.phase in OPEN]
            settled = self._clock.now().timestamp() - written / 1e9 > SETTLED_S
            self._seen = written if settled else None
        return self._open

    def close(self) -> None:
        """End the child; the next service goes on with what it made."""
        if self._child is not None:
            self._child.kill()
            self._settle()

    def _begin(self, waiting: list[ExportRecord]) -> None:
        for record in waiting:
            now = self._write(record.export_id, lambda old: begun(old, self._clock.now()))
            if now is None or now.phase not in OPEN or now.cancel_by is not None:
                continue
            errors = self._store.layout.service_log()
            self._child = _Child(record.export_id, self._argv(record.export_id), self._environment, errors, self._ring)
            return

    def _settle(self) -> None:
        """Note how the child ended, if it has."""
        child = self._child
        if child is None or not child.ended:
            return
        self._child = None
        now = self._clock.now()
        match child.outcome:
            case Made(size=size, sha256=sha256, suffix=suffix, left_out=left_out):
                self._write(
                    child.export_id,
                    lambda old: (
                        finished(old, now, now + self._kept, size=size, sha256=sha256, suffix=suffix, left_out=left_out)
                        if old.phase in OPEN
                        else old
                    ),
                )
                self._note("export.ready", child.export_id, {"bytes": size, "left_out": len(left_out)})
            case Failed(failure=failure):
                self._fail(child.export_id, failure)
            case None:
                deaths = self._deaths[child.export_id] = self._deaths.get(child.export_id, 0) + 1
                log.error("export_died", export=child.export_id, deaths=deaths)
                if deaths >= MOST_DEATHS:
                    said = f"The process that makes it died {deaths} times."
                    self._fail(
                        child.export_id, ExportFailure(code="crash", message=said, hint="See the service's log.")
                    )

    def _fail(self, export_id: str, failure: ExportFailure) -> None:
        self._write(export_id, lambda old: failed(old, self._clock.now(), failure) if old.phase in OPEN else old)
        self._note("export.failed", export_id, {"why": failure.message})

    def _cancel(self, export_id: str) -> None:
        if self._child is not None and self._child.export_id == export_id:
            self._drop()
        self._write(export_id, lambda old: cancelled(old, self._clock.now()) if old.phase in OPEN else old)

    def _drop(self) -> None:
        """End the child; what it would have said is not heard."""
        assert self._child is not None
        self._child.kill()
        self._child = None

    def _is_wanted(self, record: ExportRecord) -> bool:
        """Whether its batch is still there."""
        batch = self._index.batches.get(record.batch_id)
        return batch is not None and batch.phase != BatchPhase.DELETED

    def _write(self, export_id: str, change: Callable[[ExportRecord], ExportRecord]) -> ExportRecord | None:
        """The record after `change`, durable; None when it is gone with its batch."""
        try:
            return self._store.exports.update(export_id, change, epoch=self._epoch).value
        except NotFound:
            return None

    def _note(self, kind: str, export_id: str, data: dict[str, Any]) -> None:
        with suppress(NotFound):
            batch_id = self._shelf.get(export_id).batch_id
            self._writer.note(kind, batch_id=batch_id, data={"export": export_id, **data})


def open_making(
    index: Index,
    writer: Writer,
    store: StateStore,
    clock: Clock,
    epoch: int,
    ring: Callable[[], None],
    kept_s: float,
) -> Making:
    """What a service of this `epoch` makes merged videos with; `ring` wakes it when one is made."""
    return Making(
        index=index,
        writer=writer,
        store=store,
        clock=clock,
        epoch=epoch,
        argv=lambda export_id: [sys.executable, "-m", "core", "merger", export_id, str(os.getpid())],
        environment=service_environment(store.layout.root),
        ring=ring,
        kept_s=kept_s,
    )
