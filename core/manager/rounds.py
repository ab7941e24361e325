"""What a batch's cancellation and a retry mean for one run."""

from datetime import datetime

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.moves import another_round
from core.domain.plan import changed_stages, reset_from
from core.domain.run import Intent, RunRecord
from core.domain.settings import Settings, parse_settings
from core.domain.states import TERMINAL, Want
from core.stages.catalog import Catalog


def cancel_with_batch(run: RunRecord, batch: BatchRecord, now: datetime) -> RunRecord:
    """`run` with the intent its cancelled batch has for it, and nothing left of what was asked of it before."""
    if run.phase in TERMINAL:
        return run
    intent = Intent(want=Want.CANCEL, by=batch.cancel_by or "", why=batch.cancel_why, at=now)
    return replace(run, intent=intent, updated_at=now)


def start_round(run: RunRecord, settings: Settings, catalog: Catalog, now: datetime) -> RunRecord:
    """`run` queued for another round, its stages reset by what the retry asked for."""
    if not run.intent.again or run.phase not in TERMINAL:
        return run
    old = run.settings or settings
    new = parse_settings(run.intent.changes, old) if run.intent.changes else old
    stages = reset_from(run.stages, run.intent.from_stage, catalog.wanted(new), catalog.needs, changed_stages(old, new))
    return another_round(run, stages, new, now)
