"""Which workers a service starts before it has looked at what was interrupted: those that will be needed at once."""

from pathlib import Path

import pytest

from core.domain.batch import Pause, PoolRecord
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase, Want
from core.manager.index import Index
from core.manager.recovery import lanes_ahead
from core.store.state import Stored
from tests.support.records import NOW, a_batch, a_run
from tests.support.storage import new_store

LANES = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}
INTERRUPTED = a_run(Phase.RUNNING, done=("download",), working="transcribe")


def ahead(folder: Path, *runs: RunRecord, batch: BatchPhase = BatchPhase.RUNNING, paused: bool = False) -> list[str]:
    index = Index(new_store(folder))
    made = a_batch(batch)
    index.put_batch(made.batch_id, Stored(made, 1, 0))
    for run in runs:
        index.put_run(run.run_id, Stored(run, 1, 0))
    if paused:
        index.put_pool(Stored(PoolRecord(pause=Pause(by="ann", why="", at=NOW)), 1, 0))
    return lanes_ahead(index, LANES)


def test_the_lanes_of_what_goes_on_and_of_what_is_next_are_started_once_each(tmp_path: Path) -> None:
    others = [a_run(run_id="r_2"), a_run(run_id="r_3")]
    assert ahead(tmp_path, INTERRUPTED, *others) == ["cpu", "network"]


@pytest.mark.parametrize(
    "run",
    [
        a_run(Phase.RUNNING, Want.PAUSE, working="download"),
        a_run(Phase.PAUSED, Want.PAUSE),
        a_run(Phase.RETRY_WAIT),
        a_run(Phase.COMPLETED, done=("download", "transcribe", "quotes", "summary")),
        a_run(Phase.RUNNING, done=("download", "transcribe", "quotes", "summary")),
        a_run(Phase.RUNNING, batch_id="b_unknown", working="download"),
    ],
    ids=["to be paused", "paused", "waiting", "completed", "nothing left", "no batch"],
)
def test_nothing_is_started_for_what_does_not_go_on(tmp_path: Path, run: RunRecord) -> None:
    assert ahead(tmp_path, run) == []


def test_nothing_is_started_while_the_batch_or_the_pool_is_paused(tmp_path: Path) -> None:
    assert ahead(tmp_path / "batch", INTERRUPTED, batch=BatchPhase.PAUSED) == []
    assert ahead(tmp_path / "pool", INTERRUPTED, paused=True) == []
