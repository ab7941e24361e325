"""What finished runs published is looked at once after a start; what is no longer whole is made again, and only that."""

import os
from pathlib import Path

import pytest

from core.config import Config
from core.manager.upkeep import Upkeep
from core.manager.uploads import Uploads
from core.system.logs import SHARED_LOG_BYTES
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def upkeep(house: House) -> Upkeep:
    """Upkeep on this storage."""
    parts = {"index": house.index, "writer": house.writer, "artifacts": house.artifacts, "clock": house.clock}
    uploads = Uploads(layout=house.layout, **parts)  # type: ignore[arg-type]
    more = {"uploads": uploads, "purge": house.purge(), "cleanup": house.cleanup(), "log": house.layout.service_log()}
    return Upkeep(catalog=house.catalog, **more, **parts)  # type: ignore[arg-type]


def finished(house: House, number: int = 1) -> str:
    (run,) = house.add()
    house.turn()
    house.end(run, house.publish("download", f"d{number}", media_mp4="moving pictures"))
    house.end(run, house.publish("transcribe", f"t{number}", transcript_txt="words"))
    assert house.phases(run) == ["completed"]
    return run


def look(house: House) -> None:
    work = upkeep(house)
    while work.turn() < 1.0:
        pass


def test_whole_results_are_left_alone(house: House) -> None:
    run = finished(house)
    before = house.run(run)
    look(house)
    assert house.run(run) == before


def test_a_stage_whose_result_is_gone_is_made_again_and_the_one_before_it_is_not(house: House) -> None:
    run = finished(house)
    (house.layout.artifact("transcribe", "t1") / "transcript.txt").unlink()
    look(house)
    house.turn()
    assert house.batch(run).phase == "running", "its batch is open again"
    house.finish(run)
    assert [stage for _, stage in house.engine.begun] == ["download", "transcribe", "transcribe"]
    assert house.phases(run) == ["completed"]
    told = [line for line in house.store.journal.lines() if line["type"] == "run.invalidate"]
    assert [line["data"]["why"] for line in told] == ["no longer whole: transcribe"]


def test_what_is_lost_of_a_cancelled_batch_is_told_and_its_run_stays_completed(house: House) -> None:
    run, other = house.add(2)
    house.turn()
    house.end(run, house.publish("download", "d1", media_mp4="moving pictures"))
    house.end(run, house.publish("transcribe", "t1", transcript_txt="words"))
    house.commands.batch(house.run(run).batch_id, "cancel", by=ANA, why="wrong talks")
    house.turn()
    house.engine.die(other)
    house.turn()
    (house.layout.artifact("transcribe", "t1") / "transcript.txt").unlink()
    work = upkeep(house)
    for _ in range(2):
        house.clock.advance(3601.0)
        work.turn()
        house.turn(2)
    assert (house.phases(run, other), house.batch(run).phase) == (["completed", "cancelled"], "cancelled")
    told = [line["data"]["why"] for line in house.store.journal.lines() if line["type"] == "run.damaged"]
    assert told == ["no longer whole: transcribe; not made again, since its batch was cancelled"]
    house.ask(run, "retry", from_stage="transcribe")
    house.turn()
    assert run in house.engine.running, "whoever wants it again gets it"


def test_what_is_made_again_has_the_whole_time_again(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(run_timeout_s=100.0))
    (run,) = house.add()
    house.turn()
    house.clock.advance(90.0)
    house.end(run, house.publish("download", "d1", media_mp4="moving pictures"))
    house.end(run, house.publish("transcribe", "t1", transcript_txt="words"))
    (house.layout.artifact("transcribe", "t1") / "transcript.txt").unlink()
    look(house)
    house.turn()
    house.clock.advance(50.0)
    house.turn(2)
    assert house.engine.signals == [], "nobody ends it: the 90 seconds were another round's"
    house.finish(run)
    assert house.phases(run) == ["completed"]


def test_what_rests_on_a_lost_result_is_made_again_too(house: House) -> None:
    run = finished(house)
    (house.layout.artifact("download", "d1") / "media.mp4").unlink()
    look(house)
    house.turn()
    house.finish(run)
    assert [stage for _, stage in house.engine.begun][2:] == ["download", "transcribe"]


def test_many_runs_are_looked_at_in_slices_that_do_not_hold_up_a_turn(house: House) -> None:
    runs = [finished(house, number) for number in range(25)]
    for number in (3, 24):
        (house.layout.artifact("transcribe", f"t{number}") / "transcript.txt").unlink()
    work = upkeep(house)
    assert work.turn() < 1.0
    assert house.phases(runs[3], runs[24]) == ["queued", "completed"]
    while work.turn() < 1.0:
        pass
    assert house.phases(runs[24]) == ["queued"]
    assert work.turn() > 60.0, "and then not again"


def test_after_an_hour_it_looks_again(house: House) -> None:
    run = finished(house)
    work = upkeep(house)
    while work.turn() < 1.0:
        pass
    (house.layout.artifact("transcribe", "t1") / "transcript.txt").unlink()
    work.turn()
    assert house.phases(run) == ["completed"]
    house.clock.advance(3601.0)
    work.turn()
    assert house.phases(run) == ["queued"]


def test_uploads_are_cleaned_at_the_start_and_every_hour(house: House) -> None:
    def left_behind() -> Path:
        path = house.layout.uploads / "0123456789abcdef" / "talk.mp4.part"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (0, 0))
        return path

    work, path = upkeep(house), left_behind()
    while work.turn() < 1.0:
        pass
    assert not path.exists()
    left_behind()
    work.turn()
    assert path.exists()
    house.clock.advance(3601.0)
    work.turn()
    assert not path.exists()


def test_the_log_of_the_service_is_kept_short_in_every_turn(house: House) -> None:
    work, log = upkeep(house), house.layout.service_log()
    for _ in range(2):
        with log.open("ab") as file:
            file.truncate(SHARED_LOG_BYTES + 1)
        work.turn()
        assert log.stat().st_size == 0


def test_everything_is_cleaned_up_once_a_day_and_a_restart_does_not_repeat_it(house: House) -> None:
    def cleaned() -> int:
        return sum(line["type"] == "storage.swept" for line in house.store.journal.lines())

    def left_behind(key: str) -> None:
        house.publish("transcribe", key, result_txt="of nobody")
        for path in house.layout.root.rglob("*"):
            os.utime(path, (0, 0))

    left_behind("x1")
    look(house)
    assert cleaned() == 1
    left_behind("x2")
    look(house)
    assert cleaned() == 1, "another service, on the same day"
    house.clock.advance(24 * 3600.0)
    look(house)
    assert cleaned() == 2


def test_a_disk_that_refuses_a_clean_up_does_not_end_the_service(house: House) -> None:
    house.publish("transcribe", "x1", result_txt="of nobody")
    for path in house.layout.root.rglob("*"):
        os.utime(path, (0, 0))
    house.layout.quarantine.rmdir()
    house.layout.quarantine.write_text("no folder")
    work = upkeep(house)
    while work.turn() < 1.0:
        pass
    assert house.artifacts.verify("transcribe", "x1", deep=False) is not None
