import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.errors import BadInput
from core.domain.plan import NEEDS, PIPELINE, READ_BY, changed_stages, downstream, reset_from, stages_for
from core.domain.run import Failure, StageState
from core.domain.settings import Settings
from core.domain.states import FailureKind, StageStatus
from tests.support.records import ALL, USUAL

PENDING, COMMITTED, FAILED, NOT_NEEDED = (
    StageStatus.PENDING,
    StageStatus.COMMITTED,
    StageStatus.FAILED,
    StageStatus.NOT_NEEDED,
)


def stages(*statuses: StageStatus) -> dict[str, StageState]:
    return {
        name: StageState(status=status, tries=2, key=f"key-{name}" if status == COMMITTED else None)
        for name, status in zip(USUAL, statuses, strict=True)
    }


def statuses(of: dict[str, StageState]) -> list[StageStatus]:
    return [stage.status for stage in of.values()]


def test_a_new_run_has_its_stages_pending_in_pipeline_order() -> None:
    made = stages_for({"download": True, "transcribe": True, "quotes": False, "summary": True})
    assert list(made) == list(USUAL)
    assert statuses(made) == [PENDING, PENDING, NOT_NEEDED, PENDING]


def test_no_stage_comes_before_one_it_needs() -> None:
    for stage, needs in NEEDS.items():
        assert all(PIPELINE.index(need) < PIPELINE.index(stage) for need in needs)


def test_a_retry_keeps_what_is_committed_and_gives_the_others_their_tries_back() -> None:
    before = stages(COMMITTED, FAILED, PENDING, PENDING)
    before["transcribe"] = replace(before["transcribe"], failure=Failure(kind=FailureKind.EXHAUSTED))
    after = reset_from(before, None, ALL, NEEDS)
    assert statuses(after) == [COMMITTED, PENDING, PENDING, PENDING]
    assert after["download"].key == "key-download"
    assert after["transcribe"] == StageState()
    assert {stage.tries for stage in after.values()} == {0}


def test_a_rerun_makes_that_stage_really_again_and_the_ones_after_it_only_if_they_change() -> None:
    after = reset_from(stages(*[COMMITTED] * 4), "transcribe", ALL, NEEDS)
    assert statuses(after) == [COMMITTED, PENDING, PENDING, PENDING]
    assert [stage.redo for stage in after.values()] == [0, 1, 0, 0]
    again = reset_from(after, "transcribe", ALL, NEEDS)
    assert again["transcribe"].redo == 2


def test_a_rerun_of_one_branch_leaves_the_other_alone() -> None:
    after = reset_from(stages(*[COMMITTED] * 4), "quotes", ALL, NEEDS)
    assert statuses(after) == [COMMITTED, COMMITTED, PENDING, COMMITTED]


def test_changed_settings_reset_what_reads_them_without_a_redo() -> None:
    changed = changed_stages(Settings(), Settings(llm="offline"))
    after = reset_from(stages(*[COMMITTED] * 4), None, ALL, NEEDS, changed)
    assert statuses(after) == [COMMITTED, COMMITTED, PENDING, PENDING]
    assert {stage.redo for stage in after.values()} == {0}


def test_a_stage_switched_off_is_dropped_and_one_switched_on_is_pending() -> None:
    after = reset_from(stages(COMMITTED, COMMITTED, NOT_NEEDED, FAILED), None, {**ALL, "summary": False}, NEEDS)
    assert statuses(after) == [COMMITTED, COMMITTED, PENDING, NOT_NEEDED]


def test_a_stage_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput) as caught:
        reset_from(stages(*[COMMITTED] * 4), "translate", ALL, NEEDS)
    assert "summary" in caught.value.hint


def test_every_setting_named_as_read_exists() -> None:
    assert set(READ_BY) <= set(Settings.__struct_fields__)
    assert {stage for names in READ_BY.values() for stage in names} <= set(PIPELINE)


def test_the_same_settings_change_nothing() -> None:
    assert changed_stages(Settings(), Settings()) == frozenset()
    assert changed_stages(Settings(), Settings(model="tiny")) == {"transcribe"}


def test_what_read_a_stage_is_made_again_without_it_once_that_is_switched_off() -> None:
    needs = {"download": (), "remove_silence": ("download",), "export": ("download", "remove_silence")}
    before = {name: StageState(status=COMMITTED, key=f"key-{name}") for name in needs}
    after = reset_from(before, None, {"download": True, "remove_silence": False, "export": True}, needs)
    assert statuses(after) == [COMMITTED, NOT_NEEDED, PENDING]


@given(
    st.lists(st.sampled_from([PENDING, COMMITTED, FAILED, NOT_NEEDED]), min_size=4, max_size=4),
    st.sampled_from([None, *USUAL]),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.frozensets(st.sampled_from(USUAL)),
)
def test_nothing_stays_committed_behind_a_stage_that_is_done_again(
    given_statuses: list[StageStatus], stage: str | None, switches: list[bool], changed: frozenset[str]
) -> None:
    wanted = dict(zip(USUAL, switches, strict=True))
    before = stages(*given_statuses)
    after = reset_from(before, stage, wanted, NEEDS, changed)
    reset = {name for name in USUAL if before[name].status in (COMMITTED, NOT_NEEDED) and after[name].status == PENDING}
    for name in downstream(reset, NEEDS) & set(USUAL):
        assert after[name].status != COMMITTED
    assert all((after[name].status == NOT_NEEDED) == (not wanted[name]) for name in USUAL)
    assert all(after[name].redo == (1 if name == stage and wanted[name] else 0) for name in USUAL)
