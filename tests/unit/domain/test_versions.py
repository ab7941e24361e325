"""A version changes with what people decide, and not with the work."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from core.domain.batch_commands import edit_batch, pause_batch, prioritise_batch, start_batch
from core.domain.errors import Stale
from core.domain.run import Intent
from core.domain.settings import Settings
from core.domain.states import BatchPhase, Phase, Want
from core.domain.versions import check_version, version_of
from tests.support.records import NOW, a_batch, a_run

LATER = NOW + timedelta(seconds=5)


def test_every_change_by_a_person_is_another_version() -> None:
    batch = a_batch(phase=BatchPhase.RUNNING)
    after = [
        edit_batch(batch, LATER, name="other"),
        edit_batch(batch, LATER, changes={"language": "de"}),
        prioritise_batch(batch, 9, LATER),
        pause_batch(batch, LATER, by="ana"),
        replace(batch, order=["r_2", "r_1"]),
    ]
    assert len({version_of(one) for one in [batch, *after]}) == len(after) + 1


def test_work_on_its_runs_and_repeated_requests_leave_it_as_it_is() -> None:
    batch = a_batch(phase=BatchPhase.RUNNING)
    worked = replace(batch, active_s=9.0, updated_at=LATER, streak_since=LATER, commands=["k d"])
    assert version_of(worked) == version_of(batch)
    assert version_of(start_batch(batch, LATER, by="ana")) == version_of(batch)


def test_a_change_for_another_version_is_refused() -> None:
    batch = a_batch(phase=BatchPhase.RUNNING)
    for good in (None, ["*"], ["old", version_of(batch)]):
        check_version(batch, good)
    for bad in ([], ["old"]):
        with pytest.raises(Stale, match="running"):
            check_version(batch, bad)


def test_a_run_has_another_version_when_it_moves_or_somebody_wants_something_else_of_it() -> None:
    run = a_run()
    after = [
        replace(run, phase=Phase.RUNNING),
        replace(run, intent=Intent(want=Want.PAUSE, by="ana")),
        replace(run, priority=9),
        replace(run, settings=Settings(language="de")),
        replace(run, removed=True),
    ]
    assert len({version_of(one) for one in [run, *after]}) == len(after) + 1
    worked = replace(run, updated_at=LATER, title="Found out", duration_s=9.0, retry_count=1, commands=["k d"])
    assert version_of(worked) == version_of(run)
    with pytest.raises(Stale, match=f"Run {run.run_id}"):
        check_version(run, ["old"])
