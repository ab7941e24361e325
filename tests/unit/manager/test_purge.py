"""A deletion for good: cut off after any step it is finished by being done again, and nobody else loses anything."""

import itertools
from pathlib import Path

import msgspec
import pytest

from core.domain.errors import NotFound, Refused
from core.domain.run import Attempt, RunRecord, Source, StageState
from core.domain.states import BatchPhase, Phase, StageStatus
from core.runner.outcome import Committed
from core.store.locks import Lock
from core.store.progress import write_progress
from core.store.units import UnitLog
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def finished(house: House, *, download: str, transcribe: str, upload: str = "") -> str:
    """A batch with one completed run of these keys, with units, logs, progress and an upload; gives the run's id."""
    (run_id,) = house.add()
    if upload:
        path = house.layout.uploads / "0123456789abcdef" / upload
        path.parent.mkdir(exist_ok=True)
        path.write_text("moving pictures")
        source = Source(kind="file", value=str(path))
        house.given.run(run_id, lambda run: msgspec.structs.replace(run, source=source))
    house.turn()
    for stage, key in (("download", download), ("transcribe", transcribe)):
        attempt = house.run(run_id).open_attempt
        assert attempt is not None
        write_progress(house.layout, run_id, {"attempt": attempt.id, "stage": stage, "key": key})
        log = house.layout.attempt_log(run_id, stage, attempt.id)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("{}\n")
        if house.artifacts.receipt(stage, key) is None:
            house.publish(stage, key, result_txt=f"what {key} is")
            UnitLog(house.layout.work(stage, key) / "units.jsonl", attempt.id, 1).close()
        house.end(run_id, Committed(key=key))
    assert house.phases(run_id) == ["completed"]
    return run_id


def everything(house: House) -> set[str]:
    """Every file of the storage but locks and journal, by its path."""
    root = house.layout.root
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith(("locks/", "journal/"))}


def batch_id(house: House, run_id: str) -> str:
    return house.run(run_id).batch_id


def two_batches(house: House) -> tuple[str, str]:
    """A batch to be deleted and one that shares its download and its upload."""
    mine = finished(house, download="d1", transcribe="t1", upload="talk.mp4")
    other = finished(house, download="d1", transcribe="t2", upload="talk.mp4")
    return mine, other


def test_all_of_a_batch_is_removed_but_what_another_shares(house: House) -> None:
    mine, other = two_batches(house)
    gone = batch_id(house, mine)
    done = house.commands.delete(gone, by=ANA, hard=True)
    assert (done.phase, done.changed, done.applied) == ("gone", True, True)
    left = everything(house)
    assert not [name for name in left if mine in name or gone in name]
    assert not [name for name in left if "/t1/" in name]
    assert house.artifacts.verify("download", "d1", deep=True) is not None
    assert house.artifacts.verify("transcribe", "t2", deep=True) is not None
    assert (house.layout.work("download", "d1") / "units.jsonl").exists()
    assert (house.layout.uploads / "0123456789abcdef" / "talk.mp4").exists()
    assert house.phases(other) == ["completed"]
    house.commands.delete(batch_id(house, other), by=ANA, hard=True)
    assert not [
        name for name in everything(house) if name.startswith(("artifacts", "work", "uploads", "logs", "state/r"))
    ]
    with pytest.raises(NotFound):
        house.commands.delete(gone, by=ANA, hard=True)


def test_the_journal_says_who_deleted_what_for_good(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    gone = batch_id(house, mine)
    house.commands.delete(gone, by=ANA, hard=True, why="asked to")
    lines = [line for line in house.store.journal.lines() if line.get("batch_id") == gone]
    (command,) = [line for line in lines if line["type"] == "command.delete"]
    assert (command["actor"], command["via"], command["data"]) == (ANA, "cli", {"why": "asked to", "hard": True})
    assert [line["data"]["runs"] for line in lines if line["type"] == "batch.purged"] == [1]


def steps_of_a_purge(tmp_path: Path) -> int:
    house = House(tmp_path)
    mine, _ = two_batches(house)
    gone = marked(house, mine)
    return sum(1 for _ in house.purge().steps(gone))


def marked(house: House, run_id: str) -> str:
    """The batch of the run, deleted and marked to be removed for good."""
    gone = batch_id(house, run_id)
    house.commands.batch(gone, "delete", by=ANA)
    house.given.batch(gone, lambda batch: msgspec.structs.replace(batch, purging=True))
    return gone


def test_cut_off_after_any_step_it_is_finished_by_the_next_start(tmp_path: Path) -> None:
    total = steps_of_a_purge(tmp_path / "whole")
    assert total >= 8
    expected: set[str] | None = None
    for cut in range(total + 1):
        house = House(tmp_path / str(cut))
        mine, other = two_batches(house)
        gone = marked(house, mine)
        list(itertools.islice(house.purge().steps(gone), cut))
        house.restart()
        with pytest.raises((Refused, NotFound)):
            house.commands.batch(gone, "restore", by=ANA)
        house.purge().finish_all()
        house.purge().finish_all()
        left = {name.replace(other, "r").replace(batch_id(house, other), "b") for name in everything(house)}
        expected = expected or left
        assert left == expected, f"cut after step {cut}"
        assert not [name for name in left if mine in name or gone in name or "/t1/" in name]
        assert gone not in house.index.batches


def test_while_it_is_cut_off_nobody_makes_its_lost_runs_again(house: House) -> None:
    mine, _ = two_batches(house)
    gone = marked(house, mine)
    for step in house.purge().steps(gone):
        if step == mine:
            break
    house.restart()
    house.recovery().recover()
    assert mine not in house.index.runs
    with pytest.raises(Refused, match="being deleted for good"):
        house.commands.batch(gone, "restore", by=ANA)


def test_what_somebody_works_on_stays(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    lock = Lock(house.layout.key_lock("transcribe", "t1"))
    assert lock.acquire()
    try:
        house.commands.delete(batch_id(house, mine), by=ANA, hard=True)
    finally:
        lock.release()
    assert house.artifacts.verify("transcribe", "t1", deep=True) is not None


def test_a_result_that_is_needed_at_the_second_look_is_put_back(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    gone = marked(house, mine)
    steps = house.purge().steps(gone)
    told = list(itertools.islice(steps, 2))
    assert told == ["aside download/d1", "aside download/d1"], "the artifact, then the work"
    (new,) = house.add()
    house.given.run(new, lambda run: named(run, "download", "d1"))
    rest = list(steps)
    assert "put back download/d1" in rest
    assert "thrown away transcribe/t1" in rest
    assert house.artifacts.verify("download", "d1", deep=True) is not None


def named(run: RunRecord, stage: str, key: str) -> RunRecord:
    state = StageState(status=StageStatus.COMMITTED, key=key)
    return msgspec.structs.replace(run, stages={**run.stages, stage: state})


def test_a_running_run_of_the_same_video_may_just_be_finding_the_result(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    (new,) = house.add()
    house.turn()
    assert house.run(new).open_attempt is not None
    house.commands.delete(batch_id(house, mine), by=ANA, hard=True)
    assert house.artifacts.verify("download", "d1", deep=True) is not None


def transcribed(house: House) -> str:
    """A finished run of which download and transcript are published."""
    (run_id,) = house.add()
    house.turn()
    house.end(run_id, house.publish("download", "d1", media_mp4="pictures"))
    house.end(run_id, house.publish("transcribe", "t1", of="d1", result_txt="words"))
    assert house.phases(run_id) == ["completed"]
    return run_id


def fetched_elsewhere(house: House) -> None:
    """A run that fetched the same bytes from another place, and is at its transcription."""
    (run_id,) = house.add()
    house.given.run(run_id, lambda run: msgspec.structs.replace(run, space_id="elsewhere"))
    house.turn()
    house.end(run_id, house.publish("download", "d2", media_mp4="pictures"))
    attempt = house.run(run_id).open_attempt
    assert attempt is not None
    assert attempt.stage == "transcribe"


def test_a_running_run_of_the_same_bytes_may_just_be_finding_the_result(house: House) -> None:
    mine = transcribed(house)
    fetched_elsewhere(house)
    house.commands.delete(batch_id(house, mine), by=ANA, hard=True)
    assert house.artifacts.receipt("transcribe", "t1") is not None
    assert house.artifacts.receipt("download", "d1") is None, "it has its own"


def test_a_result_that_a_run_of_the_same_bytes_may_have_found_is_put_back_at_the_second_look(house: House) -> None:
    mine = transcribed(house)
    steps = house.purge().steps(marked(house, mine))
    told = list(itertools.takewhile(lambda step: step != "aside transcribe/t1", steps))
    assert told == ["aside download/d1", "aside download/d1"]
    fetched_elsewhere(house)
    told = list(steps)
    assert "put back transcribe/t1" in told
    assert "thrown away download/d1" in told


def test_what_a_former_round_made_goes_too(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    house.ask(mine, "retry", from_stage="transcribe")
    house.turn()
    attempt = house.run(mine).open_attempt
    assert attempt is not None
    house.publish("transcribe", "t9", result_txt="again")
    house.end(mine, Committed(key="t9"))
    assert house.run(mine).stages["transcribe"].key == "t9"
    house.commands.delete(batch_id(house, mine), by=ANA, hard=True)
    assert not [name for name in everything(house) if name.startswith(("artifacts", "work"))]


def test_work_that_was_never_finished_goes_too_unless_another_run_went_on_with_it(house: House) -> None:
    first, second = house.add()[0], house.add()[0]

    def failed(run: RunRecord, attempt: str) -> RunRecord:
        line = Attempt(id=attempt, stage="download", epoch=1, started_at=house.clock.now())
        return msgspec.structs.replace(
            run, phase=Phase.FAILED, attempts=[msgspec.structs.replace(line, ended_at=line.started_at, outcome="error")]
        )

    for run_id, attempt in ((first, "a_first"), (second, "a_second")):
        house.given.run(run_id, lambda run, attempt=attempt: failed(run, attempt))
    for key, attempts in (("own", ["a_first"]), ("shared", ["a_first", "a_second"])):
        for attempt in attempts:
            UnitLog(house.layout.work("download", key) / "units.jsonl", attempt, 1).close()
    house.turn()
    house.commands.delete(batch_id(house, first), by=ANA, hard=True)
    assert not house.layout.work("download", "own").exists()
    assert house.layout.work("download", "shared").exists()


def test_a_damaged_record_elsewhere_keeps_every_result(house: House) -> None:
    mine, other = two_batches(house)
    for path in (house.layout.run_state(other), Path(f"{house.layout.run_state(other)}.prev")):
        path.write_text("rubbish")
    house.layout.batch_state(house.index.runs[other].batch_id).unlink()
    house.commands.delete(batch_id(house, mine), by=ANA, hard=True)
    assert house.artifacts.verify("transcribe", "t1", deep=True) is not None
    assert mine not in house.index.runs


def test_a_batch_that_is_not_marked_is_not_touched(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    before = everything(house)
    assert list(house.purge().steps(batch_id(house, mine))) == []
    house.purge().finish_all()
    assert everything(house) == before


def test_a_batch_that_runs_is_not_deleted_for_good(house: House) -> None:
    (run,) = house.add()
    with pytest.raises(Refused, match="is running; it cannot be deleted"):
        house.commands.delete(batch_id(house, run), by=ANA, hard=True)
    assert house.batch(run).phase == BatchPhase.RUNNING
    assert not house.batch(run).purging


def test_two_at_once_do_not_meet(house: House) -> None:
    mine = finished(house, download="d1", transcribe="t1")
    gone = marked(house, mine)
    lock = Lock(house.layout.purge_lock())
    assert lock.acquire()
    try:
        assert not house.purge().finish(gone, wait_s=0.0)
        assert mine in house.index.runs
    finally:
        lock.release()
    assert house.purge().finish(gone)
    assert mine not in house.index.runs
