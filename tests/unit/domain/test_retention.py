"""A batch is archived when it has ended and nobody touched it for as long as is configured."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.retention import ages, is_due, is_due_soon, untouched_since
from core.domain.run import Intent, RunRecord, Source
from core.domain.states import BatchPhase, Phase

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MONTH_S = 30 * 86400.0


def before(days: float) -> datetime:
    return NOW - timedelta(days=days)


def batch(phase: BatchPhase = BatchPhase.COMPLETED, days: float = 40) -> BatchRecord:
    return BatchRecord(
        batch_id="b_1", name="talks", owner="ana", created_at=before(90), updated_at=before(days), phase=phase
    )


def run(phase: Phase = Phase.COMPLETED, days: float = 40) -> RunRecord:
    return RunRecord(
        run_id="r_1",
        batch_id="b_1",
        space_id="s",
        position=1,
        source=Source(kind="url", value="https://example.com"),
        owner="ana",
        created_at=before(90),
        updated_at=before(days),
        phase=phase,
    )


@pytest.mark.parametrize("phase", list(BatchPhase))
def test_only_a_batch_that_has_ended_has_an_age(phase: BatchPhase) -> None:
    ended = phase in (BatchPhase.COMPLETED, BatchPhase.FAILED, BatchPhase.CANCELLED, BatchPhase.DELETED)
    assert (untouched_since(batch(phase), [run()]) is not None) == ended


@pytest.mark.parametrize("phase", list(Phase))
def test_a_batch_of_which_a_run_may_go_on_has_none(phase: Phase) -> None:
    ended = phase in (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.SKIPPED)
    assert (untouched_since(batch(), [run(), run(phase)]) is not None) == ended
    assert untouched_since(batch(), [replace(run(phase), removed=True)]) is not None
    assert untouched_since(batch(BatchPhase.DELETED), [run(phase)]) is not None, "a deleted draft"


def test_a_run_that_is_to_be_retried_keeps_its_batch() -> None:
    assert untouched_since(batch(), [replace(run(), intent=Intent(again="1"))]) is None


def test_the_last_touch_of_the_batch_or_of_any_run_counts() -> None:
    assert untouched_since(batch(days=40), [run(days=50), run(days=12)]) == before(12)
    assert untouched_since(batch(days=3), [run(days=50)]) == before(3)
    assert untouched_since(replace(batch(), purging=True), [run()]) is None


@pytest.mark.parametrize(
    ("days", "kept_s", "due", "soon"),
    [
        (29.9, MONTH_S, False, True),
        (30, MONTH_S, True, False),
        (23, MONTH_S, False, True),
        (22.9, MONTH_S, False, False),
        (4000, 0, False, False),
    ],
)
def test_what_is_due_and_what_is_due_within_a_week(days: float, kept_s: float, due: bool, soon: bool) -> None:
    assert is_due(before(days), NOW, kept_s) is due
    assert is_due_soon(before(days), NOW, kept_s) is soon


def test_the_batch_untouched_longest_comes_first() -> None:
    batches = {f"b_{number}": replace(batch(days=number), batch_id=f"b_{number}") for number in (1, 3, 2)}
    assert list(ages(batches, [])) == ["b_3", "b_2", "b_1"]
