"""The words shown for a run, a batch and the pool: derived from phase and intent, never stored."""

from collections.abc import Iterable, Mapping
from typing import Literal

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase, Want

PoolStatus = Literal["idle", "running", "paused", "completed", "failed"]

_UNDER_WAY = {
    Want.PAUSE: "pausing",
    Want.STOP: "stopping",
    Want.CANCEL: "cancelling",
    Want.SKIP: "skipping",
}


def shown_phase(run: RunRecord) -> str:
    """The word for `run`: its phase, or what is being made of it while intent and phase differ."""
    if run.phase in TERMINAL:
        return "retrying" if run.intent.again else str(run.phase)
    if run.phase == Phase.PAUSED and run.intent.want == Want.PAUSE:
        return str(run.phase)
    return _UNDER_WAY.get(run.intent.want, str(run.phase))


def shown_batch_phase(batch: BatchRecord, phases: Iterable[Phase]) -> str:
    """The word for `batch` with runs in `phases`: also queued (none begun), pausing and cancelling (work in flight)."""
    counts = list(phases)
    if batch.phase == BatchPhase.RUNNING and counts and all(phase == Phase.QUEUED for phase in counts):
        return "queued"
    if batch.phase == BatchPhase.PAUSED and Phase.RUNNING in counts:
        return "pausing"
    if batch.cancel_by is not None and any(phase not in TERMINAL for phase in counts):
        return "cancelling"
    return str(batch.phase)


def pool_status(
    pool: PoolRecord, counts: Mapping[Phase, int], *, service_alive: bool = True, broken: bool = False
) -> PoolStatus:
    """The one word for everything.

    `counts` are the runs in each phase, without those of drafts; `broken` says that a service could not start at all
    (no lock, storage not writable). Running needs a service; what waits without one is idle.
    """
    if broken:
        return "failed"
    if pool.pause is not None:
        return "paused"
    if any(counts.get(phase) for phase in (Phase.RUNNING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.RECEIVING)):
        return "running" if service_alive else "idle"
    if counts.get(Phase.PAUSED):
        return "paused"
    return "completed" if any(counts.get(phase) for phase in TERMINAL) else "idle"
