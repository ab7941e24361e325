"""A storage of its own for a test, and records to put into it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord, Source, StageState, Transition
from core.store.layout import Layout
from core.store.state import StateStore, open_store
from core.system.clock import Clock, ManualClock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RUN = "r_01run"
BATCH = "b_01batch"


def new_layout(folder: Path) -> Layout:
    """The layout of a new, empty storage in `folder`."""
    layout = Layout(folder / "storage")
    layout.create()
    return layout


def new_store(folder: Path, clock: Clock | None = None) -> StateStore:
    """The store of a new, empty storage in `folder`."""
    return open_store(new_layout(folder), clock or ManualClock(NOON))


def a_run(run_id: str = RUN, **changes: Any) -> RunRecord:
    """A queued run with two stages."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "batch_id": BATCH,
        "space_id": "s_1",
        "position": 0,
        "source": Source(kind="url", value="https://example.com/video"),
        "owner": "local:anna",
        "created_at": NOON,
        "updated_at": NOON,
        "stages": {"download": StageState(), "analyse": StageState()},
    }
    return RunRecord(**(values | changes))


def titled(title: str) -> Callable[[RunRecord], RunRecord]:
    """The change that gives a run this title."""
    return lambda run: replace(run, title=title)


def a_batch(batch_id: str = BATCH, **changes: Any) -> BatchRecord:
    """A draft batch."""
    values: dict[str, Any] = {"name": "talks", "owner": "local:anna", "created_at": NOON, "updated_at": NOON}
    return BatchRecord(batch_id=batch_id, **(values | changes))


def a_transition(number: int = 1, run_id: str = RUN, at: datetime = NOON) -> Transition:
    """Line `number` of the history of a run."""
    return Transition(id=f"{run_id}.{number}", at=at, event="claim", source="queued", target="running")
