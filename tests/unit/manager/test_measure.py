"""How far a run is: never less than was said before in the same round."""

from pathlib import Path

import msgspec
import pytest

from core.domain.run import Owner
from core.manager.measure import Measure
from core.runner.outcome import Ended
from core.store.progress import write_progress
from core.store.units import UnitLog
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def measure(house: House) -> Measure:
    return Measure(index=house.index, layout=house.layout, catalog=house.catalog, clock=house.clock)


def told(house: House, run_id: str, share: float) -> None:
    """The running attempt writes how far it is."""
    assignment = house.engine.running[run_id]
    progress = {"attempt": assignment.attempt_id, "stage": assignment.stage, "key": "k", "share": share}
    write_progress(house.layout, run_id, progress)


def shown(house: House, run_id: str) -> float:
    return measure(house).share(house.run(run_id))


def test_progress_grows_through_the_stages_and_ends_at_one(house: House) -> None:
    (run,) = house.add()
    seen = [shown(house, run)]
    house.turn()
    while run in house.engine.running:
        told(house, run, 0.5)
        seen.append(shown(house, run))
        house.end(run)
        seen.append(shown(house, run))
    assert seen[0] == 0.0
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_coding_is_the_most_of_a_run_that_does_not_transcribe(house: House) -> None:
    (run,) = house.add()
    record = house.run(run)
    done, ahead = (
        msgspec.structs.replace(record.stages["download"], status=status) for status in ("committed", "pending")
    )
    exported = msgspec.structs.replace(record, stages={"download": done, "export": ahead})
    assert measure(house).share(exported) < 0.3


def test_an_attempt_that_ended_or_died_takes_nothing_back(house: House) -> None:
    (run,) = house.add()
    house.turn()
    told(house, run, 0.6)
    before = shown(house, run)
    house.end(run, Ended())
    assert shown(house, run) == before
    house.engine.die(run)
    house.turn()
    assert run in house.engine.running, "a new attempt that has not told anything yet"
    assert shown(house, run) == before


def test_what_an_older_round_told_does_not_count(house: House) -> None:
    (run,) = house.add()
    house.turn()
    told(house, run, 1.0)
    house.finish(run)
    house.commands.run(run, "retry", by="ana", from_stage="download")
    house.turn()
    assert measure(house).stage_share(house.run(run), "download") == 0.0


@pytest.mark.parametrize("nonsense", ['{"share": "half"}', "[]", "", '{"share": 7, "attempt": "a_1"}'])
def test_nonsense_in_a_progress_file_is_no_progress(house: House, nonsense: str) -> None:
    (run,) = house.add()
    house.turn()
    house.layout.progress_file(run).write_text(nonsense)
    assert 0.0 <= shown(house, run) <= 1.0


def test_what_is_in_flight_are_the_units_begun_by_the_open_attempt_and_not_whole(house: House) -> None:
    (run,) = house.add()
    assert measure(house).in_flight_s(house.run(run)) == 0.0, "nobody works on it"
    house.turn()
    assert measure(house).in_flight_s(house.run(run)) == 0.0, "nothing is begun before it is told what is worked on"
    told(house, run, 0.5)
    units = UnitLog(house.layout.work("download", "k") / "units.jsonl", house.engine.running[run].attempt_id, 1)
    units.begin(0, 30.0)
    units.begin(1, 28.5)
    units.add(0, 30.0, {})
    units.close()
    assert measure(house).in_flight_s(house.run(run)) == 28.5


def test_bytes_that_no_attempt_had_before_are_units_of_a_download(house: House) -> None:
    (run,) = house.add()
    house.turn()
    attempt_id = house.engine.running[run].attempt_id

    def units(**told: object) -> int:
        write_progress(house.layout, run, {"attempt": attempt_id, "stage": "download", "key": "k", **told})
        return measure(house).units_of_attempt(run, attempt_id)

    assert units(unit="bytes", reached=90.0, reached_before=60.0) == 30
    assert units(unit="bytes", reached=60.0, reached_before=60.0) == 0
    assert units(unit="bytes", reached="far") == 0
    assert units(unit="bytes", attempt="a_other", reached=90.0, reached_before=60.0) == 0
    assert units(unit="audio_s", reached=90.0, reached_before=60.0) == 0, "only what is whole counts there"


def test_after_a_new_start_of_the_machine_nobody_knows_what_was_in_flight(house: House) -> None:
    (run,) = house.add()
    house.turn()
    found = house.run(run)
    elsewhere = Owner(host="here", boot_id="of yesterday", pid=7, start_ticks=7)
    attempt = msgspec.structs.replace(found.attempts[-1], owner=elsewhere)
    assert measure(house).in_flight_s(msgspec.structs.replace(found, attempts=[attempt])) is None
