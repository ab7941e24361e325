from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.exports import ExportOptions, ExportPhase, ExportRecord
from core.domain.run import StageState
from core.domain.states import StageStatus
from core.store.artifacts import Artifacts, Receipt
from core.store.check import check
from core.store.journal import Event
from core.store.locks import Lock
from core.store.quarantine import Finding
from core.store.state import StateStore
from core.store.units import UnitLog, read_units
from core.system.clock import ManualClock
from tests.support.damage import flip
from tests.support.storage import BATCH, NOON, RUN, a_batch, a_run, new_store

STAGE, KEY = "transcribe", "abc"


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    """A storage with one run, one result, some units and some history, in which nothing is wrong."""
    clock = ManualClock(NOON)
    store = new_store(tmp_path, clock)
    stages = {STAGE: StageState(status=StageStatus.COMMITTED, key=KEY)}
    store.runs.create(RUN, a_run(stages=stages))
    store.runs.update(RUN, lambda run: replace(run, title="second"))
    store.batches.create(BATCH, a_batch())
    log = UnitLog(store.layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    log.add(0, 1, {})
    log.add(1, 1, {})
    log.close()
    folder = store.layout.work(STAGE, KEY) / "tmp.a1"
    folder.mkdir()
    (folder / "text").write_text("hello")
    Artifacts(store.layout, clock).publish(STAGE, KEY, folder, Receipt(stage=STAGE, key=KEY, version=1, params={}))
    store.journal.append([Event(type="run.x", run_id=RUN, gen=2), Event(type="run.y", run_id=RUN)])
    clock.advance(3600)
    return store


def checked(store: StateStore, repair: bool = False) -> list[Finding]:
    return check(store.layout, store.clock, repair)


def snapshot(store: StateStore) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in store.layout.root.rglob("*")
        if path.is_file() and "locks" not in str(path)
    }


def left_over(store: StateStore) -> None:
    Path(f"{store.layout.run_state(RUN)}.tmp").touch()
    (store.layout.work(STAGE, KEY) / "tmp.a2" / "sub").mkdir(parents=True)


def an_export(export_id: str) -> ExportRecord:
    made = {"created_at": NOON, "updated_at": NOON, "phase": ExportPhase.READY}
    return ExportRecord(
        export_id=export_id, batch_id=BATCH, owner="ana", name="a.zip", options=ExportOptions(), same="s", **made
    )


def journal_line(store: StateStore) -> None:
    flip(next(store.layout.journal.glob("*.jsonl")))


DAMAGE = {
    "state": (lambda store: flip(store.layout.run_state(RUN)), "checksum", 1),
    "lost state": (lambda store: store.layout.run_state(RUN).unlink(), "missing", 1),
    "orphan": (lambda store: store.layout.batch_state(BATCH).unlink(), "never written", 1),
    "artifact": (lambda store: flip(store.layout.artifact(STAGE, KEY) / "text", 0), "checksum", 2),
    "unit": (lambda store: flip(store.layout.work(STAGE, KEY) / "units.jsonl", 80), "units", 1),
    "journal": (journal_line, "history", 1),
    "left-overs": (left_over, "cut off", 2),
}


def test_a_storage_in_order_has_no_findings_and_is_not_touched(store: StateStore) -> None:
    before = snapshot(store)
    assert checked(store) == []
    assert checked(store, repair=True) == []
    assert snapshot(store) == before


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_explained_without_touching_anything(store: StateStore, kind: str) -> None:
    damage, says, _ = DAMAGE[kind]
    damage(store)
    before = snapshot(store)
    findings = checked(store)
    assert findings
    assert says in findings[0].problem
    assert not any(finding.repaired for finding in findings)
    assert snapshot(store) == before


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_repaired_and_then_gone(store: StateStore, kind: str) -> None:
    damage, _, count = DAMAGE[kind]
    damage(store)
    findings = checked(store, repair=True)
    assert len(findings) == count
    assert findings[0].repaired
    again = checked(store)
    # That a result is missing is for the service to put right; everything else is in order again.
    assert [finding.problem for finding in again] == (
        [f"The result of its stage {STAGE} is not there any more."] if kind == "artifact" else []
    )


def test_a_lost_export_is_told_and_moved_out_of_the_way(store: StateStore) -> None:
    store.exports.create("e_1", an_export("e_1"))
    store.exports.update("e_1", lambda record: replace(record, name="second"))
    path = store.layout.export_state("e_1")
    for file in (path, Path(f"{path}.prev")):
        flip(file)
    (told,) = checked(store)
    assert (told.path, told.repaired) == (str(path), False)
    (repaired,) = checked(store, repair=True)
    assert (repaired.path, repaired.repaired) == (str(path), True)
    assert store.exports.ids() == []
    assert len([kept for kept in store.layout.quarantine.glob("*e_1.json*") if kept.suffix != ".txt"]) == 2
    assert checked(store) == []


def test_an_export_whose_version_before_is_good_is_restored(store: StateStore) -> None:
    store.exports.create("e_1", an_export("e_1"))
    store.exports.update("e_1", lambda record: replace(record, name="second"))
    flip(store.layout.export_state("e_1"))
    assert [finding.repaired for finding in checked(store, repair=True)] == [True]
    assert store.exports.get("e_1").value.name == "a.zip"


def test_good_units_stay_when_damaged_ones_are_taken_out(store: StateStore) -> None:
    path = store.layout.work(STAGE, KEY) / "units.jsonl"
    flip(path, 80)
    checked(store, repair=True)
    assert list(read_units(path)) == [1]


def test_a_submission_under_way_is_left_alone(store: StateStore) -> None:
    store.runs.create("r_new", a_run("r_new", batch_id="b_new", created_at=store.clock.now() - timedelta(seconds=5)))
    assert checked(store, repair=True) == []
    assert store.runs.ids() == ["r_new", RUN] or store.runs.ids() == [RUN, "r_new"]


def test_runs_of_a_damaged_batch_are_no_orphans(store: StateStore) -> None:
    flip(store.layout.batch_state(BATCH))
    assert [Path(finding.path).stem for finding in checked(store, repair=True)] == [BATCH]
    assert store.runs.ids() == [RUN]


def test_a_state_older_than_the_journal_is_told(store: StateStore) -> None:
    store.journal.append([Event(type="run.z", run_id=RUN, gen=7)])
    assert "went back" in checked(store)[0].problem


def test_work_that_somebody_is_doing_is_not_left_over(store: StateStore) -> None:
    (store.layout.work(STAGE, KEY) / "tmp.a2").mkdir()
    with Lock(store.layout.key_lock(STAGE, KEY)).holding():
        assert checked(store, repair=True) == []
    assert len(checked(store, repair=True)) == 1


def test_what_a_cut_left_of_a_template_or_an_archive_is_removed(store: StateStore) -> None:
    layout = store.layout
    left = [folder / "Talks.json.tmp" for folder in (layout.templates, layout.people, layout.archive)]
    for path in left:
        path.write_bytes(b"{")
    assert {finding.path for finding in check(layout, store.clock, repair=False)} >= {str(path) for path in left}
    check(layout, store.clock, repair=True)
    assert not [path for path in left if path.exists()]
