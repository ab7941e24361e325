"""Where commands are taken: whom they are for, how they are written down, and what is answered."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from core.domain.access import Scope
from core.domain.batch import BatchRecord
from core.domain.errors import NotFound
from core.domain.run import RunRecord
from core.domain.versions import Versions, check_version
from core.manager.access import EVERYTHING, Gate
from core.manager.allowance import UNLIMITED, Unlimited
from core.manager.index import Index
from core.manager.purge import Purge
from core.manager.writer import Remembered, Writer
from core.stages.catalog import Catalog
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock

Record = TypeVar("Record", BatchRecord, RunRecord)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command: what it was given to, and whether a service is there to carry it out.

    `hint` says what to do when it is only noted; None when there is nothing to do.
    """

    id: str
    phase: str
    intent: str
    changed: bool
    applied: bool
    hint: str | None = None


LATER = "No service is running; it is done as soon as one is started: ./reprise serve"


class Desk:
    """What all commands have in common, for one caller."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        layout: Layout,
        clock: Clock,
        catalog: Catalog,
        purge: Purge,
        gate: Gate = EVERYTHING,
        allowance: Unlimited = UNLIMITED,
    ) -> None:
        self._allowance = allowance
        self._index, self._writer, self._layout, self._clock = index, writer, layout, clock
        self._catalog, self._purge, self._gate = catalog, purge, gate

    def service_alive(self) -> bool:
        """Whether a service holds this storage."""
        return Lock(self._layout.service_lock()).held_by_other()

    def _run(self, run_id: str, verb: str) -> RunRecord:
        """The run that a command is for; whoever gives it may give commands. Raises `NotAllowed`, `NotFound`."""
        self._gate.need(Scope.OPERATE, verb)
        if run_id in self._index.batches:
            hint = f"./reprise retry --failed {run_id} retries its failed runs." if verb == "retry" else None
            raise NotFound(f"{run_id} is a batch; “{verb}” is for runs.", hint=hint)
        return self._index.run(run_id)

    def _batch(self, batch_id: str, verb: str) -> BatchRecord:
        """The batch that a command is for, as `_run`."""
        self._gate.need(Scope.OPERATE, verb)
        if batch_id in self._index.runs:
            raise NotFound(f"{batch_id} is a run; “{verb}” is for batches.")
        return self._index.batch(batch_id)

    def _fresh_runs(self, batch_id: str) -> list[RunRecord]:
        """The runs of a batch as their files are now, whatever this process has heard of them."""
        for run in self._index.runs_of(batch_id):
            self._index.refresh("run", run.run_id)
        return self._index.runs_of(batch_id)

    def _write_run(
        self,
        run_id: str,
        change: Callable[[RunRecord], RunRecord],
        command: str,
        by: str,
        data: dict[str, Any],
        expected: Versions = None,
        key: str | None = None,
    ) -> tuple[RunRecord, bool]:
        """The run after `change`, and whether that changed more than which command was seen last; `Stale` as a batch.

        What was done under `key` already was done for the version that was expected.
        """
        seen = Remembered(_if_as(expected, change, key))
        after = self._writer.run(run_id, seen, command=command, actor=by, data=data)
        return after, replace(after, commands=seen.before.commands) != seen.before

    def _write_batch(
        self,
        batch_id: str,
        change: Callable[[BatchRecord], BatchRecord],
        command: str,
        by: str,
        data: dict[str, Any],
        expected: Versions = None,
    ) -> tuple[BatchRecord, bool]:
        """The batch after `change`, and whether that changed anything; `Stale` when it is not as `expected`."""
        seen = Remembered(_if_as(expected, change))
        after = self._writer.batch(batch_id, seen, command=command, actor=by, data=data)
        return after, after is not seen.before

    def _done(self, id_: str, phase: str, intent: str, changed: bool, *, at_once: bool = False) -> Done:
        """The answer; what is done `at_once` needs no service."""
        applied = at_once or not changed or self.service_alive()
        return Done(
            id=id_, phase=phase, intent=intent, changed=changed, applied=applied, hint=None if applied else LATER
        )


def _if_as(
    expected: Versions, change: Callable[[Record], Record], key: str | None = None
) -> Callable[[Record], Record]:
    """`change`, for a record that is as `expected` or has seen `key`; raises `Stale` for another."""

    def checked(record: Record) -> Record:
        if key is None or key not in record.commands:
            check_version(record, expected)
        return change(record)

    return checked


def said(**given: Any) -> dict[str, Any]:
    """What a command was given beside its verb, for the journal: without what was left out."""
    return {name: value for name, value in given.items() if value not in ("", None, False, {})}
