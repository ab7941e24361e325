"""What is offered for a run or a batch as it is."""

import pytest
from msgspec.structs import replace

from core.domain.batch import Pause
from core.domain.offers import offered_to_batch, offered_to_run
from core.domain.run import RunRecord, Verdict
from core.domain.states import BatchPhase, Phase, Want
from tests.support.records import NOW, a_batch, a_run

OTHER = a_run(run_id="r_2")
WORKING = a_run(Phase.RUNNING, working="download")


@pytest.mark.parametrize(
    ("run", "offered"),
    [
        (a_run(), {"pause", "stop", "cancel", "skip", "remove", "priority"}),
        (WORKING, {"pause", "drain", "stop", "cancel"}),
        (a_run(Phase.RUNNING, Want.PAUSE, working="download"), {"resume", "stop", "cancel"}),
        (a_run(Phase.FAILED), {"retry", "skip", "again"}),
        (a_run(Phase.COMPLETED), {"again"}),
        (a_run(Phase.SKIPPED, Want.SKIP), {"unskip", "again"}),
    ],
)
def test_a_run_is_offered_what_would_change_it(run: RunRecord, offered: set[str]) -> None:
    assert set(offered_to_run(run, [run, OTHER], NOW)) == offered


def test_only_a_stalled_run_is_recovered() -> None:
    attempt = WORKING.open_attempt
    assert attempt is not None
    stalled = replace(WORKING, verdict=Verdict(kind="stalled", attempt=attempt.id, at=NOW, message="Nothing new."))
    assert "recover" in offered_to_run(stalled, [stalled], NOW)
    slow = replace(WORKING, verdict=Verdict(kind="slow", attempt=attempt.id, at=NOW, message="Slow."))
    assert "recover" not in offered_to_run(slow, [slow], NOW)


def test_the_only_run_of_a_batch_is_not_removed_and_what_was_removed_is_offered_nothing() -> None:
    assert "remove" not in offered_to_run(a_run(), [a_run()], NOW)
    gone = replace(a_run(Phase.CANCELLED, Want.CANCEL), removed=True)
    assert offered_to_run(gone, [OTHER], NOW) == []


@pytest.mark.parametrize(
    ("phase", "runs", "offered"),
    [
        (BatchPhase.DRAFT, [OTHER], {"start", "cancel", "delete", "erase", "edit"}),
        (BatchPhase.RUNNING, [OTHER], {"pause", "cancel", "edit"}),
        (BatchPhase.RUNNING, [WORKING, a_run(Phase.FAILED)], {"pause", "drain", "cancel", "edit", "retry"}),
        (BatchPhase.PAUSED, [OTHER], {"resume", "cancel", "edit"}),
        (BatchPhase.COMPLETED, [a_run(Phase.COMPLETED)], {"delete", "erase"}),
        (BatchPhase.FAILED, [a_run(Phase.FAILED)], {"retry", "delete", "erase"}),
        (BatchPhase.DELETED, [a_run(Phase.COMPLETED)], {"restore", "erase"}),
    ],
)
def test_a_batch_is_offered_what_would_change_it(phase: BatchPhase, runs: list[RunRecord], offered: set[str]) -> None:
    pause = Pause(by="anna", at=NOW) if phase == BatchPhase.PAUSED else None
    assert set(offered_to_batch(a_batch(phase, pause=pause), runs, NOW)) == offered
