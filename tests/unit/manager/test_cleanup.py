"""Cleaning up takes what is old and what nothing needs, tells it before and after, and never takes anything else."""

import itertools
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.errors import NotFound, Refused
from core.domain.exports import MERGED, PART, ExportOptions, ExportPhase, ExportRecord, Packed
from core.domain.run import RunRecord
from core.manager.archive import Archive
from core.manager.cleanup import Cleanup
from core.runner.outcome import Committed
from core.store.check import check
from core.store.layout import Layout, new_export_id
from core.store.locks import Lock
from core.store.units import UnitLog
from tests.support.dispatching import ANA, House

DAY_S = 86400.0


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def finished(house: House, download: str, transcribe: str) -> str:
    """A batch with one completed run of these keys; gives the run's id."""
    (run,) = house.add()
    house.turn()
    for stage, key in (("download", download), ("transcribe", transcribe)):
        attempt = house.run(run).open_attempt
        assert attempt is not None
        made = house.publish(stage, key, result_txt=f"what {key} is")
        UnitLog(house.layout.work(stage, key) / "units.jsonl", attempt.id, 1).close()
        house.end(run, made)
    assert house.phases(run) == ["completed"]
    return run


def aged(house: House, days: float) -> None:
    """So many days later; the file system's times are set back instead of the clock's forward."""
    house.clock.advance(days * DAY_S)
    now = house.clock.now().timestamp()
    for folder in (house.layout.artifacts, house.layout.work_root, house.layout.sound):
        for path in folder.rglob("*"):
            os.utime(path, (now - days * DAY_S,) * 2, follow_symlinks=False)


def places(house: House) -> list[str]:
    layout = house.layout
    found = [*layout.artifacts.glob("*/*"), *layout.work_root.glob("*/*")]
    return sorted(path.relative_to(layout.root).as_posix() for path in found)


def told(house: House, kind: str) -> list[dict[str, Any]]:
    return [line for line in house.store.journal.lines() if line["type"] == kind]


def orphan(house: House, stage: str = "transcribe", key: str = "x1") -> None:
    """A result and a piece of work that no record names."""
    house.publish(stage, key, result_txt="of nobody")
    UnitLog(house.layout.work(stage, key) / "units.jsonl", "a_of_nobody", 1).close()


# --- batches -----------------------------------------------------------------------------------------------------


def test_a_batch_is_archived_thirty_days_after_the_last_touch_and_removed(house: House) -> None:
    run = finished(house, "d1", "t1")
    batch_id = house.run(run).batch_id
    aged(house, 29)
    assert [one.batch_id for one in house.cleanup().plan().soon] == [batch_id]
    house.cleanup().clean(ANA)
    assert house.phases(run) == ["completed"]
    aged(house, 1.1)
    plan = house.cleanup().plan()
    assert [(one.name, one.runs, one.bytes) for one in plan.batches] == [("talks", 1, 20)]
    assert house.phases(run) == ["completed"], "looking changes nothing"
    house.cleanup().clean(ANA)
    assert places(house) == []
    assert batch_id not in house.store.batches.ids()
    kept = house.cleanup().archive.get(batch_id)
    assert (kept["name"], kept["archived_by"], kept["runs"][0]["run_id"]) == ("talks", ANA, run)
    assert kept["runs"][0]["stages"]["transcribe"]["files"] == {"result.txt": 10}
    assert [line["data"]["name"] for line in told(house, "command.archive")] == ["talks"]
    assert len(told(house, "batch.purged")) == 1


def test_what_another_batch_needs_too_stays(house: House) -> None:
    old = finished(house, "d1", "t1")
    aged(house, 31)
    (young,) = house.add()
    house.turn()
    house.end(young, Committed(key="d1"))
    house.end(young, house.publish("transcribe", "t2", result_txt="words"))
    house.cleanup().clean(ANA)
    assert old not in house.store.runs.ids()
    assert house.phases(young) == ["completed"]
    assert [name for name in places(house) if name.startswith("artifacts")] == [
        "artifacts/download/d1",
        "artifacts/transcribe/t2",
    ]


@pytest.mark.parametrize("days", [31, 4000])
def test_with_zero_nothing_is_ever_archived(house: House, days: float) -> None:
    run = finished(house, "d1", "t1")
    aged(house, days)
    cleanup = house.cleanup(archive_after_s=0)
    assert cleanup.plan().is_empty
    cleanup.clean(ANA)
    assert house.phases(run) == ["completed"]


def test_the_first_clean_up_by_a_service_leaves_old_batches_for_a_day(house: House) -> None:
    run = finished(house, "d1", "t1")
    aged(house, 4000)
    assert list(house.cleanup().steps("service"))[-1] == "cleaned"
    assert house.phases(run) == ["completed"], "they are shown on the Settings page meanwhile"
    aged(house, 1)
    assert list(house.cleanup().steps("service"))[-1] == "cleaned"
    assert house.store.runs.ids() == []


def test_a_batch_that_is_retried_at_the_last_moment_stays(house: House) -> None:
    run = finished(house, "d1", "t1")
    aged(house, 31)
    steps = house.cleanup().steps(ANA)
    other = house.commands_of_another_process()
    other.run(run, "retry", by=ANA, from_stage="transcribe")
    assert list(steps)[-1] == "cleaned"
    assert house.store.runs.get(run).value.intent.again
    assert house.cleanup().archive.all() == []


def test_cut_off_after_any_step_it_is_finished_by_being_done_again(tmp_path: Path) -> None:
    for count in itertools.count(1):
        house = House(tmp_path / str(count))
        run = finished(house, "d1", "t1")
        orphan(house)
        aged(house, 31)
        steps = house.cleanup().steps(ANA)
        taken = list(itertools.islice(steps, count))
        steps.close()
        house.purge().finish_all()
        house.cleanup().clean(ANA)
        assert places(house) == []
        assert not list(house.layout.quarantine.iterdir())
        assert house.store.runs.ids() == []
        assert [one["runs"] for one in house.cleanup().archive.all()] == [1]
        del run
        if taken[-1] == "cleaned":
            return


def test_two_do_not_clean_at_once(house: House) -> None:
    finished(house, "d1", "t1")
    aged(house, 31)
    lock = Lock(house.layout.cleanup_lock())
    assert lock.acquire()
    try:
        assert list(house.cleanup().steps("service")) == []
    finally:
        lock.release()
    assert list(house.cleanup().steps("service"))[-1] == "cleaned"


def test_an_archive_that_is_not_there_is_named(house: House) -> None:
    for batch_id in ("b_nothing", "../../etc/passwd", "r_1"):
        with pytest.raises(NotFound):
            house.cleanup().archive.get(batch_id)


# --- exports -----------------------------------------------------------------------------------------------------


def exported(house: House, key: str, **fields: Any) -> str:
    """A ZIP that holds the transcript of this key and can be fetched for a day; gives its id."""
    now, export_id = house.clock.now(), new_export_id(house.clock)
    member = Packed(name="001.txt", kind="transcript", stage="transcribe", key=key, file="result.txt", size=10)
    record = ExportRecord(
        export_id=export_id,
        owner=ANA,
        name="talks.zip",
        options=ExportOptions(),
        same="",
        created_at=now,
        updated_at=now,
        members=[member],
        **{"batch_id": "b_gone", "phase": ExportPhase.READY, "expires_at": now + timedelta(days=1), **fields},
    )
    house.store.exports.create(export_id, record)
    return export_id


def test_what_an_export_holds_stays_until_it_can_be_fetched_no_more(house: House) -> None:
    orphan(house)
    aged(house, 2)
    exported(house, "x1")
    house.cleanup().clean(ANA)
    assert "artifacts/transcribe/x1" in places(house)
    aged(house, 1.1)
    house.cleanup().clean(ANA)
    assert "artifacts/transcribe/x1" not in places(house)


@pytest.mark.parametrize("when", ["before", "while it is archived"])
def test_an_old_batch_stays_while_it_is_exported(house: House, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(house, "d1", "t1")
    batch_id = house.run(run).batch_id
    aged(house, 31)

    def export(*_: object) -> None:
        exported(house, "t1", batch_id=batch_id)

    if when == "before":
        export()
        assert house.cleanup().plan().batches == ()
    else:
        monkeypatch.setattr(Archive, "keep", export)
    house.cleanup().clean(ANA)
    assert house.phases(run) == ["completed"]
    monkeypatch.undo()
    aged(house, 1.1)
    house.cleanup().clean(ANA)
    assert house.store.runs.ids() == []
    assert house.store.exports.ids() == []


def test_an_export_is_archived_thirty_days_after_it_was_last_of_use(house: House) -> None:
    export_id, still = exported(house, "x1"), exported(house, "x2", phase=ExportPhase.RUNNING, expires_at=None)
    aged(house, 30.5)
    assert house.cleanup().plan().exports == ()
    aged(house, 0.6)
    assert [one.export_id for one in house.cleanup().plan().exports] == [export_id]
    house.cleanup().clean(ANA)
    assert house.store.exports.ids() == [still]
    kept = msgspec.json.decode(house.layout.archived(export_id).read_bytes())
    assert (kept["name"], kept["files"]) == ("talks.zip", {"001.txt": 10})
    assert len(told(house, "export.archived")) == 1


def test_parts_of_merged_videos_stay_while_anything_is_being_exported(house: House) -> None:
    orphan(house, stage=PART, key="p1")
    aged(house, 2)
    making = exported(house, "x1", phase=ExportPhase.RUNNING, expires_at=None)
    house.cleanup().clean(ANA)
    assert f"artifacts/{PART}/p1" in places(house)
    assert f"work/{PART}/p1" in places(house)
    house.store.exports.update(making, lambda record: msgspec.structs.replace(record, phase=ExportPhase.FAILED))
    house.cleanup().clean(ANA)
    assert not [name for name in places(house) if PART in name]


def test_an_export_that_cannot_be_read_keeps_merged_videos_and_nothing_else(house: House) -> None:
    orphan(house)
    for stage in (PART, MERGED):
        orphan(house, stage=stage, key="m1")
    export_id = exported(house, "x1")
    aged(house, 2)
    house.layout.export_state(export_id).write_bytes(b"{}")
    assert export_id in house.cleanup().plan().hindered
    assert "check --repair" in house.cleanup().plan().hindered
    house.cleanup().clean(ANA)
    assert "artifacts/transcribe/x1" not in places(house)
    assert f"artifacts/{PART}/m1" in places(house)
    assert f"artifacts/{MERGED}/m1" in places(house)


def test_the_sweep_goes_on_with_everything_once_check_moved_a_lost_export_away(house: House) -> None:
    orphan(house, stage=MERGED, key="m1")
    export_id = exported(house, "x1")
    aged(house, 2)
    house.layout.export_state(export_id).write_bytes(b"{}")
    assert [finding.repaired for finding in check(house.layout, house.clock, repair=True)] == [True]
    assert house.cleanup().plan().hindered == ""
    house.cleanup().clean(ANA)
    assert f"artifacts/{MERGED}/m1" not in places(house)


def test_what_was_measured_of_a_medium_goes_with_it(house: House) -> None:
    finished(house, "d1", "t1")
    receipt = house.artifacts.receipt("download", "d1")
    assert receipt is not None
    there, gone = (house.layout.sound_of(sha) for sha in (receipt.files["result.txt"].sha256, "a" * 64))
    for folder in (there, gone):
        folder.mkdir()
    (house.layout.sound / "of somebody's own").touch()
    house.cleanup().clean(ANA)
    assert gone.exists(), "it is young"
    aged(house, 2)
    house.cleanup().clean(ANA)
    assert there.exists()
    assert not gone.exists()


# --- what nothing names ------------------------------------------------------------------------------------------


def test_what_nothing_names_is_swept_when_it_is_a_day_old_and_told(house: House) -> None:
    run = finished(house, "d1", "t1")
    orphan(house)
    assert house.cleanup().plan().is_empty, "it is young"
    aged(house, 1.1)
    plan = house.cleanup().plan()
    assert [(one.stage, one.key) for one in plan.unused] == [("transcribe", "x1")]
    house.cleanup().clean(ANA)
    assert "artifacts/transcribe/x1" not in places(house)
    assert {"artifacts/download/d1", "artifacts/transcribe/t1"} <= set(places(house))
    assert not (house.layout.quarantine / "swept").exists()
    assert [line["data"]["folders"] for line in told(house, "storage.swept")] == [2]
    assert house.phases(run) == ["completed"]


def test_what_is_locked_or_was_just_found_useful_stays(house: House) -> None:
    orphan(house, key="locked")
    orphan(house, key="useful")
    aged(house, 2)
    now = house.clock.now().timestamp()
    assert house.artifacts.touch("transcribe", "useful")
    os.utime(house.layout.artifact("transcribe", "useful"), (now, now))
    lock = Lock(house.layout.key_lock("transcribe", "locked"), named=False)
    assert lock.acquire()
    try:
        house.cleanup().clean(ANA)
    finally:
        lock.release()
    assert {name.rsplit("/", 1)[1] for name in places(house)} == {"locked", "useful"}
    assert not house.artifacts.touch("transcribe", "nothing")


def test_work_that_an_unfinished_run_has_begun_stays_however_old(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, house.publish("download", "d1", result_txt="pictures"))
    attempt = house.run(run).open_attempt
    assert attempt is not None
    UnitLog(house.layout.work("transcribe", "t1") / "units.jsonl", attempt.id, 1).close()
    aged(house, 400)
    house.cleanup().clean(ANA)
    assert {"artifacts/download/d1", "work/transcribe/t1"} <= set(places(house))


def test_what_is_named_between_the_two_looks_is_put_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(house, "d1", "t1")
    orphan(house)
    aged(house, 2)
    steps = house.cleanup().steps(ANA)
    assert next(step for step in steps if step.startswith("aside")) == "aside transcribe/x1"
    assert "artifacts/transcribe/x1" not in places(house)

    def names_it(record: RunRecord) -> RunRecord:
        from msgspec.structs import replace

        stages = {**record.stages, "transcribe": replace(record.stages["transcribe"], key="x1")}
        return replace(record, stages=stages)

    house.store.runs.update(run, names_it)
    assert "put back transcribe/x1" in list(steps)
    assert house.artifacts.verify("transcribe", "x1", deep=True) is not None


def test_nothing_is_swept_while_a_record_cannot_be_read(house: House) -> None:
    run = finished(house, "d1", "t1")
    orphan(house)
    aged(house, 2)
    path = house.layout.run_state(run)
    for file in (path, Path(f"{path}.prev")):
        file.write_bytes(b"{}")
    house.index.load()
    plan = house.cleanup().plan()
    assert run in plan.hindered
    house.cleanup().clean(ANA)
    assert "artifacts/transcribe/x1" in places(house)


def test_strange_folders_are_nobodys_business(house: House) -> None:
    strange = house.layout.artifacts / "My Stage" / "..hidden"
    strange.mkdir(parents=True)
    aged(house, 400)
    house.cleanup().clean(ANA)
    assert strange.is_dir()


def test_a_clean_up_that_waits_in_vain_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.manager.cleanup.WAIT_S", 0.0)
    lock = Lock(Layout(house.layout.root).cleanup_lock())
    assert lock.acquire()
    try:
        with pytest.raises(Refused, match="Another process is cleaning up"):
            Cleanup.clean(house.cleanup(), ANA)
    finally:
        lock.release()
