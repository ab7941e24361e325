"""What must hold of a storage after a victim was killed, failed or lost its power in the middle of an act."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from core.domain.batch import Member
from core.domain.errors import NotFound
from core.domain.run import Attempt, Source, StageState
from core.domain.states import AttemptOutcome, BatchPhase, Phase, StageStatus
from core.manager.rebuild import Rebuild
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts, Receipt
from core.store.check import check
from core.store.journal import Event
from core.store.state import StateStore
from core.store.units import UnitLog, read_units
from core.system.clock import SystemClock
from tests.support.damage import flip
from tests.support.storage import BATCH, NOON, RUN, a_batch, a_run, new_store
from tests.support.victim import KEY, NEW_BATCH, NEW_RUN, STAGE, cleaning, purging, store_in

MEMBER = Member(run_id=RUN, space_id="s_1", position=0, source=a_run().source, title="As it was added")
SHARED, KEPT, KEPT_BATCH = "shared", "r_02kept", "b_02kept"
LOST = (f"{RUN}.json", f"{RUN}.json.prev")


def template(folder: Path, act: str) -> Path:
    """A storage as it is before `act`; to be copied for each try."""
    store = new_store(folder, SystemClock())
    store.runs.create(RUN, a_run())
    store.batches.create(BATCH, a_batch(members=[MEMBER]))
    store.journal.append([Event(type="before")])
    if act in ("restore", "repair"):
        store.runs.update(RUN, lambda run: replace(run, position=1))
        store.runs.update(RUN, lambda run: replace(run, position=2))
        flip(store.layout.run_state(RUN))
    if act == "rebuild":
        store.runs.update(RUN, lambda run: replace(run, position=1))
        for path in LOST:
            (store.layout.state / path).write_bytes(b"?")
    if act == "repair":
        _damage_more(store.layout.root)
    if act in ("purge", "cleanup"):
        _delete_for_good(store)
    if act == "cleanup":
        ended = {"phase": BatchPhase.COMPLETED, "purging": False}
        store.batches.update(BATCH, lambda batch: replace(batch, **ended))  # type: ignore[arg-type]
        folder = store.layout.work("quotes", KEY) / "tmp.a9"
        folder.mkdir(parents=True)
        (folder / "text").write_text("of nobody")
        Artifacts(store.layout, store.clock).publish(
            "quotes", KEY, folder, Receipt(stage="", key="", version=1, params={})
        )
    return store.layout.root


def _damage_more(root: Path) -> None:
    store = store_in(root)
    store.runs.create("r_orphan", a_run("r_orphan", batch_id="b_never"))
    log = UnitLog(store.layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    log.add(0, 1, {})
    log.add(1, 1, {})
    log.close()
    flip(log.path, 80)
    folder = store.layout.work(STAGE, KEY) / "tmp.a1"
    folder.mkdir()
    (folder / "text").write_text("hello")
    Artifacts(store.layout, store.clock).publish(STAGE, KEY, folder, Receipt(stage="", key="", version=1, params={}))
    flip(store.layout.artifact(STAGE, KEY) / "text", 0)
    (store.layout.work(STAGE, KEY) / "tmp.a2").mkdir()


def _delete_for_good(store: StateStore) -> None:
    """The batch marked, with an artifact, work, a log, progress and an upload of its own, and an artifact it shares."""
    layout = store.layout
    upload = layout.uploads / "0123456789abcdef" / "talk.mp4"
    upload.parent.mkdir()
    upload.write_text("moving pictures")
    attempt = Attempt(id="a1", stage=STAGE, epoch=1, started_at=NOON, ended_at=NOON, outcome=AttemptOutcome.COMMITTED)
    stages = {
        stage: StageState(status=StageStatus.COMMITTED, key=key) for stage, key in (("download", SHARED), (STAGE, KEY))
    }
    source = Source(kind="file", value=str(upload))
    ended = {"phase": Phase.COMPLETED, "stages": stages, "attempts": [attempt]}
    store.runs.update(RUN, lambda run: replace(run, source=source, **ended))
    store.runs.create(KEPT, a_run(KEPT, batch_id=KEPT_BATCH, space_id="s_2", **ended | {"attempts": []}))
    store.runs.update(KEPT, lambda run: replace(run, stages={"download": stages["download"]}))
    store.batches.create(KEPT_BATCH, a_batch(KEPT_BATCH))
    store.batches.update(BATCH, lambda batch: replace(batch, phase=BatchPhase.DELETED, purging=True))
    for stage, key in (("download", SHARED), (STAGE, KEY)):
        folder = layout.work(stage, key) / "tmp.a1"
        folder.mkdir(parents=True)
        (folder / "text").write_text("hello")
        Artifacts(layout, store.clock).publish(stage, key, folder, Receipt(stage="", key="", version=1, params={}))
    log = UnitLog(layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    log.add(0, 1, {})
    log.close()
    layout.progress_file(RUN).write_text("{}")
    path = layout.attempt_log(RUN, STAGE, "a1")
    path.parent.mkdir()
    path.write_text("{}\n")


def copied(root: Path, target: Path) -> Path:
    """A fresh copy of the template."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target)
    return target


def _no_damage(root: Path) -> None:
    store = store_in(root)
    assert store.runs.load_all()[1] == []
    assert store.batches.load_all()[1] == []
    assert list(store.layout.quarantine.iterdir()) == [], "something whole was taken for damaged"


def _in_order(root: Path) -> None:
    """One repair puts everything right, and the storage can be written."""
    store = store_in(root)
    check(store.layout, store.clock, repair=True)
    assert check(store.layout, store.clock, repair=False) == []
    before = store.runs.get(RUN)
    assert store.runs.update(RUN, lambda run: replace(run, title="after")).gen == before.gen + 1
    last = store.journal.last_seq()
    assert store.journal.append([Event(type="after")]) > last


def after_update(root: Path, acks: list[str]) -> None:
    _no_damage(root)
    position = store_in(root).runs.get(RUN).value.position
    assert position in (len(acks), len(acks) + 1), f"{len(acks)} changes were acknowledged, {position} are there"
    _in_order(root)


def after_create(root: Path, acks: list[str]) -> None:
    _no_damage(root)
    store = store_in(root)
    if NEW_BATCH in store.batches.ids() or acks:
        assert store.batches.get(NEW_BATCH).value.batch_id == NEW_BATCH
        assert store.runs.get(NEW_RUN).value.batch_id == NEW_BATCH
    _in_order(root) if NEW_RUN not in store.runs.ids() or acks else None


def after_publish(root: Path, acks: list[str]) -> None:
    store = store_in(root)
    receipt = Artifacts(store.layout, store.clock).verify(STAGE, KEY, deep=True)
    assert list(store.layout.quarantine.iterdir()) == [], "half an artifact was published"
    assert receipt is not None or not acks
    assert receipt is None or set(receipt.files) == {"text", "sub/more"}
    _in_order(root)


def after_units(root: Path, acks: list[str]) -> None:
    found = read_units(store_in(root).layout.work(STAGE, KEY) / "units.jsonl")
    assert list(found) in (list(range(len(acks))), list(range(len(acks) + 1)))
    assert all(unit.data == {"text": "unit " * 10 + str(number)} for number, unit in found.items())
    log = UnitLog(store_in(root).layout.work(STAGE, KEY) / "units.jsonl", "a2", 2)
    log.add(9, 1, {})
    assert list(log.done()) == [*found, 9]
    log.close()
    _in_order(root)


def after_journal(root: Path, acks: list[str]) -> None:
    numbers = [event.seq for event in store_in(root).journal.events()]
    assert numbers == sorted(set(numbers))
    assert all(int(ack) in numbers for ack in acks)
    _in_order(root)


def after_restore(root: Path, acks: list[str]) -> None:
    assert store_in(root).runs.get(RUN).value.position == 1
    assert set(acks) <= {"1"}
    assert list(store_in(root).layout.quarantine.glob(f"*{RUN}.json")), "the damaged file is gone"
    _in_order(root)


def after_rebuild(root: Path, acks: list[str]) -> None:
    store = store_in(root)
    assert store.runs.ids() == [RUN], "a crash made it vanish"
    rebuild = Rebuild(store, Catalog(()), store.clock)
    found, _ = store.runs.load_all(repair=False)
    again = rebuild.lost(found, {}, store.runs.ids())
    assert again == ([] if found else [RUN])
    assert not acks or found
    assert all(finding.repaired for finding in rebuild.make(again))
    assert store.runs.get(RUN).value.title == MEMBER.title
    for name in LOST:
        assert list(store.layout.quarantine.glob(f"*{name}")), "what was damaged is gone"
    _in_order(root)


def after_repair(root: Path, acks: list[str]) -> None:
    del acks
    _in_order(root)
    store = store_in(root)
    assert store.runs.get(RUN).value.position == 1
    assert Artifacts(store.layout, store.clock).receipt(STAGE, KEY) is None
    assert list(read_units(store.layout.work(STAGE, KEY) / "units.jsonl")) == [1]
    assert "r_orphan" not in store.runs.ids()
    assert list(store.layout.quarantine.glob("*r_orphan.json")), "the orphan is gone"


def after_purge(root: Path, acks: list[str]) -> None:
    """Whatever was left is removed by the next try, nothing of anybody else's is, and what is gone stays so."""
    store = store_in(root)
    if acks:
        assert BATCH not in store.batches.ids()
    purging(store).finish_all()
    assert check(store.layout, store.clock, repair=True) == [] or not acks
    left = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    ours = (RUN, BATCH, f"/{KEY}/", "talk.mp4", "deleted-")
    others = ("locks/", "archive/")
    assert [name for name in left if any(one in name for one in ours) and not name.startswith(others)] == []
    artifacts = Artifacts(store.layout, store.clock)
    assert artifacts.published() == [("download", SHARED)]
    assert artifacts.verify("download", SHARED, deep=True)
    assert check(store.layout, store.clock, repair=False) == []
    assert (store.runs.ids(), store.batches.ids()) == ([KEPT], [KEPT_BATCH])
    assert store.runs.update(KEPT, lambda run: replace(run, title="after")).value.title == "after"


def after_endless(root: Path, acks: list[str]) -> None:
    """After a power cut: everything acknowledged is there, whole; more may be."""
    store = store_in(root)
    artifacts = Artifacts(store.layout, store.clock)
    seqs = {event.seq for event in store.journal.events(limit=100_000)}
    found = read_units(store.layout.work(STAGE, KEY) / "units.jsonl")
    last = dict.fromkeys(("run", "unit", "new", "journal", "artifact"), 0)
    for kind, number in (ack.split() for ack in acks):
        last[kind] = int(number)
        if kind == "unit":
            assert int(number) in found, f"unit {number} was acknowledged and is lost"
        elif kind == "new":
            try:
                run = store.runs.get(f"r_{int(number):06}").value
            except NotFound:
                raise AssertionError(f"run {number} was acknowledged and is lost") from None
            assert run.position == int(number)
        elif kind == "journal":
            assert int(number) in seqs, f"line {number} of the journal was acknowledged and is lost"
        elif kind == "artifact":
            assert artifacts.verify(STAGE, f"{int(number):06}", deep=True), (
                f"artifact {number} was acknowledged and is lost"
            )
    position = store.runs.get(RUN).value.position
    assert position >= last["run"], f"change {last['run']} was acknowledged, {position} is there"
    assert list(store.layout.quarantine.iterdir()) == [], "the cut left something damaged"
    for stage, key in artifacts.published():
        assert artifacts.verify(stage, key, deep=True), f"half of artifact {key} was published"
    assert store.runs.load_all()[1] == []
    _in_order(root)


@dataclass(frozen=True)
class Case:
    """An act of the victim, and what must hold after it was cut off anywhere.

    `reports`: every error of the disk ends it. The others go on as well as they can and say what they could not do.
    """

    act: str
    verify: Callable[[Path, list[str]], None]
    reports: bool = True
    stride: int = 1  # the long ones are tried at every so many points; `bench/store_kill_points.py` tries all


def after_cleanup(root: Path, acks: list[str]) -> None:
    """The next one finishes it, the batch is in the archive, and nothing that is named is gone."""
    cleaning(store_in(root)).clean("after")
    after_purge(root, acks)
    store = store_in(root)
    kept = cleaning(store).archive.get(BATCH)
    assert [run["run_id"] for run in kept["runs"]] == [RUN]
    assert list(store.layout.quarantine.iterdir()) == []


CASES = {
    case.act: case
    for case in (
        Case("update", after_update),
        Case("create", after_create),
        Case("publish", after_publish),
        Case("units", after_units),
        Case("journal", after_journal),
        Case("restore", after_restore, reports=False),
        Case("rebuild", after_rebuild, reports=False),
        Case("repair", after_repair, reports=False, stride=7),
        Case("purge", after_purge, reports=False, stride=5),
        Case("cleanup", after_cleanup, reports=False, stride=17),
    )
}
