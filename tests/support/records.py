"""Run and batch records for tests, in any state and as short as possible."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.plan import PIPELINE, stages_for
from core.domain.run import Attempt, Intent, RunRecord, Source, StageState
from core.domain.settings import Settings
from core.domain.states import BatchPhase, Phase, StageStatus, Want

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
USUAL = PIPELINE[:4]  # the stages of a run with the usual settings
ALL = dict.fromkeys(USUAL, True)


def a_run(
    phase: Phase = Phase.QUEUED,
    want: Want = Want.RUN,
    *,
    done: tuple[str, ...] = (),
    working: str | None = None,
    run_id: str = "r_1",
    batch_id: str = "b_1",
    **fields: Any,
) -> RunRecord:
    """A run with the four stages, those in `done` committed and an attempt open on `working`."""
    stages = stages_for(ALL)
    for name in done:
        stages[name] = StageState(status=StageStatus.COMMITTED, key=f"key-{name}")
    attempts = []
    if working is not None:
        stages[working] = StageState(status=StageStatus.RUNNING, started_at=NOW)
        attempts = [Attempt(id="a_1", stage=working, epoch=1, started_at=NOW)]
    run = RunRecord(
        run_id=run_id,
        batch_id=batch_id,
        space_id=f"s_{run_id}",
        position=1,
        source=Source(kind="url", value="https://example.org/v"),
        owner="local:ann",
        created_at=NOW,
        updated_at=NOW,
        phase=phase,
        intent=Intent(want=want, by="ann", at=NOW),
        settings=Settings(),
        stages=stages,
        attempts=attempts,
    )
    return replace(run, **fields)


def a_batch(phase: BatchPhase = BatchPhase.RUNNING, *, batch_id: str = "b_1", **fields: Any) -> BatchRecord:
    """A batch with the default settings."""
    batch = BatchRecord(batch_id=batch_id, name="Batch", owner="local:ann", created_at=NOW, updated_at=NOW, phase=phase)
    return replace(batch, **fields)
