"""A run of whose record neither copy can be believed is made again from what else is durable, and nothing is invented."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.pace import with_verdict
from core.domain.run import Verdict
from core.domain.settings import Settings
from core.domain.states import FailureKind, Phase, Want
from core.manager.rebuild import WHY, check_and_rebuild
from core.runner.outcome import Failed, Playlist
from core.stages.stage import Entry
from core.store.locks import Lock
from core.store.quarantine import Finding
from core.store.records import Conflict
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def lose(house: House, run_id: str) -> None:
    """Both copies of the record hold something else."""
    path = house.layout.run_state(run_id)
    path.write_bytes(b"?")
    Path(f"{path}.prev").write_bytes(b"\0" * 512)


def checked(house: House, *, repair: bool = True) -> list[Finding]:
    return check_and_rebuild(house.store, house.catalog, house.clock, repair)


def restarted(house: House) -> None:
    house.restart()
    house.recovery().recover()


def test_a_lost_run_is_as_it_was_added(house: House) -> None:
    first, second = house.add(2, settings=Settings(language="de"), priority=8)
    was = house.run(second)
    lose(house, second)
    restarted(house)
    again = house.run(second)
    assert again == replace(was, updated_at=again.updated_at)
    assert house.index.damaged == {}
    assert house.phases(first, second) == ["queued", "queued"]


def test_a_start_makes_it_again_tells_of_it_and_does_so_once(house: House) -> None:
    (run,) = house.add()
    lose(house, run)
    restarted(house)
    told = [event.type for event in house.store.journal.events(run_id=run)]
    assert told == ["state.damaged", "state.restored"]
    once = house.layout.run_state(run).read_bytes()
    restarted(house)
    assert house.layout.run_state(run).read_bytes() == once
    kept = sorted(path.suffix for path in house.layout.quarantine.iterdir() if not path.name.endswith(".why.txt"))
    assert kept == [".json", ".prev"]


def test_what_was_worked_on_goes_on_first_and_its_new_generation_is_beyond_the_lost_one(house: House) -> None:
    run, _ = house.add(2, concurrency=1)
    house.turn()
    lost = house.store.runs.get(run)
    assert lost.value.phase == Phase.RUNNING
    lose(house, run)
    restarted(house)
    again = house.store.runs.get(run)
    assert again.gen > lost.gen
    assert (again.value.phase, again.value.front, again.value.transitions[-1].why) == (Phase.QUEUED, 1, WHY)
    house.turn()
    assert list(house.engine.running) == [run]
    assert checked(house, repair=False) == []


def test_a_finished_run_looks_for_its_results_and_makes_nothing_twice(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    assert house.batch(run).outcome == "success"
    lose(house, run)
    restarted(house)
    assert house.phases(run) == ["queued"]
    house.turn()
    house.finish(run)
    assert house.batch(run).outcome == "success"
    events = [line.event for line in house.run(run).transitions]
    assert events[-5:] == ["invalidate", "claim", "stage_commit", "stage_commit", "complete"]


@pytest.mark.parametrize(
    ("verb", "phase", "want"),
    [("pause", "paused", Want.PAUSE), ("cancel", "cancelled", Want.CANCEL), ("skip", "skipped", Want.SKIP)],
)
def test_what_was_asked_for_is_still_so(house: House, verb: str, phase: str, want: Want) -> None:
    (run,) = house.add()
    house.ask(run, verb)
    lose(house, run)
    restarted(house)
    house.turn()
    assert house.phases(run) == [phase]
    assert (house.run(run).intent.want, house.run(run).intent.by) == (want, ANA)
    assert house.engine.running == {}


def test_what_was_asked_for_and_not_yet_done_is_done(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.commands.run(run, "cancel", by=ANA)
    lose(house, run)
    restarted(house)
    house.turn()
    assert house.phases(run) == ["cancelled"]


def test_a_completed_run_of_a_cancelled_batch_is_not_cancelled_with_it(house: House) -> None:
    run, _ = house.add(2)
    house.turn()
    house.finish(run)
    house.commands.batch(house.run(run).batch_id, "cancel", by=ANA)
    lose(house, run)
    restarted(house)
    house.turn(2)
    again = house.run(run)
    assert again.failure is not None
    assert (again.phase, again.failure.kind) == (Phase.FAILED, FailureKind.STATE_CORRUPT)
    assert again.failure.message == "It was completed before its record was lost."


def test_a_recovery_that_was_asked_for_took_back_no_pause(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.ask(run, "pause", drain=True, why="meeting")
    verdict = Verdict(kind="stalled", attempt="a_1", at=house.clock.now(), message="No new unit for 5 min.")
    house.writer.run(run, lambda run: with_verdict(run, verdict))
    house.ask(run, "recover")
    lose(house, run)
    restarted(house)
    house.turn()
    assert (house.run(run).intent.want, house.run(run).intent.why) == (Want.PAUSE, "meeting")


def test_a_failed_run_stays_failed_says_why_and_can_be_retried(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, Failed(error_class=ErrorClass.NOT_MEDIA, message="It is gone.", hint=""))
    assert house.phases(run) == ["failed"]
    lose(house, run)
    restarted(house)
    house.turn()
    again = house.run(run)
    assert again.failure is not None
    assert (again.phase, again.failure.kind) == (Phase.FAILED, FailureKind.STATE_CORRUPT)
    assert "It is gone." in again.failure.message
    house.ask(run, "retry")
    assert list(house.engine.running) == [run]


def test_the_settings_and_the_stage_of_every_retry_are_kept(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    house.ask(run, "retry", from_stage="download", changes={"language": "fr"})
    house.finish(run)
    house.ask(run, "retry", from_stage="transcribe")
    was = house.run(run)
    lose(house, run)
    restarted(house)
    again = house.run(run)
    assert (again.settings, again.retry_count) == (was.settings, 2)
    assert {name: stage.redo for name, stage in again.stages.items()} == {"download": 1, "transcribe": 1}


def test_a_retry_that_the_journal_does_not_explain_leaves_it_lost(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.finish(run)
    told = house.given._command
    house.given._command = lambda command, actor, **event: told(command, actor, **(event | {"data": {}}))  # type: ignore[method-assign]
    house.ask(run, "retry", from_stage="download")
    lose(house, run)
    (finding,) = checked(house)
    assert not finding.repaired
    assert "does not tell with which settings" in finding.action
    restarted(house)
    assert list(house.index.damaged) == [run]


def test_a_run_that_nothing_names_stays_listed(house: House) -> None:
    (run,) = house.add()
    house.store.batches.update(house.run(run).batch_id, lambda batch: replace(batch, members=[]))
    lose(house, run)
    (finding,) = checked(house)
    assert (finding.repaired, Path(finding.path).stem) == (False, run)
    assert finding.action == ("listed as damaged. No batch that can be read names it: its source cannot be known.")
    restarted(house)
    assert list(house.index.damaged) == [run]
    house.turn()
    assert house.engine.running == {}


def test_a_run_a_playlist_brought_is_known_from_the_playlist(house: House) -> None:
    (run,) = house.add()
    house.turn()
    entries = tuple(Entry(url=f"https://example.com/{name}", title=name.upper()) for name in "ab")
    house.end(run, Playlist(title="Talks", entries=entries, total=2))
    child = next(made for made in house.index.runs if made != run)
    was = house.run(child)
    house.restart()
    lose(house, child)
    restarted(house)
    again = house.run(child)
    assert (again.source, again.space_id, again.title) == (was.source, was.space_id, was.title)
    house.turn()
    assert child in house.engine.running


def test_a_file_that_vanished_altogether_is_missed_and_made_again(house: House) -> None:
    (run,) = house.add()
    house.layout.run_state(run).unlink()
    (finding,) = checked(house, repair=False)
    assert (finding.repaired, finding.action) == (False, "can be made again from its batch and the journal")
    assert "missing" in finding.problem
    restarted(house)
    assert house.phases(run) == ["queued"]


def test_check_tells_first_and_repairs_when_asked(house: House) -> None:
    (run,) = house.add()
    lose(house, run)
    before = house.layout.run_state(run).read_bytes()
    (told,) = checked(house, repair=False)
    assert (told.repaired, told.action) == (False, "can be made again from its batch and the journal")
    assert house.layout.run_state(run).read_bytes() == before
    (done,) = checked(house)
    assert done.repaired
    assert "made again from its batch and the journal" in done.action
    assert checked(house, repair=False) == []


def test_nothing_is_put_in_its_place_while_its_worker_lives(house: House) -> None:
    (run,) = house.add()
    house.turn()
    owner = Lock(house.layout.owner_lock(run))
    assert owner.acquire()
    lose(house, run)
    (finding,) = checked(house)
    assert (finding.repaired, finding.action) == (False, "left until its worker has ended")
    owner.release()
    assert [one.repaired for one in checked(house)] == [True]


@pytest.mark.parametrize("what", ["folder", "symlink"])
def test_what_stands_in_its_place_is_kept_aside(house: House, what: str) -> None:
    (run,) = house.add()
    path = house.layout.run_state(run)
    path.unlink()
    path.mkdir() if what == "folder" else path.symlink_to("nowhere")
    restarted(house)
    assert house.phases(run) == ["queued"]
    assert [one.name for one in house.layout.quarantine.iterdir() if one.name.endswith(f"{run}.json")]


def test_a_record_that_can_be_believed_is_never_replaced(house: House) -> None:
    (run,) = house.add()
    with pytest.raises(Conflict, match="can be believed"):
        house.store.runs.replace_lost(run, replace(house.run(run), title="invented"), gen=99, epoch=1)
    assert house.run(run).title == ""
