"""A run that turns out to be a list: which of its videos become runs, and that an interruption neither loses nor doubles one."""

from pathlib import Path

import msgspec
import pytest

from core.domain.batch import MAX_RUNS
from core.domain.run import RunRecord
from core.runner.outcome import Playlist
from core.stages.download.source import space_id
from core.stages.stage import Entry
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def listed(*names: str) -> Playlist:
    entries = tuple(Entry(url=f"https://example.com/{name}", title=name.upper()) for name in names)
    return Playlist(title="Talks", entries=entries, total=len(names))


def runs_of(house: House, run_id: str) -> list[RunRecord]:
    return house.index.runs_of(house.run(run_id).batch_id)


def sources(house: House, run_id: str) -> list[str]:
    return [run.source.value.removeprefix("https://example.com/") for run in runs_of(house, run_id)]


def test_the_run_becomes_the_first_video_and_the_others_follow_in_their_order(house: House) -> None:
    run, after = house.add(2)
    house.turn()
    house.end(run, listed("a", "b", "c"))
    assert sources(house, run) == ["a", "2.mp4", "b", "c"]
    assert [made.position for made in runs_of(house, run)] == [1, 2, 3, 4]
    assert [made.title for made in runs_of(house, run)] == ["A", "", "B", "C"]
    assert house.run(run).playlist == "Talks"
    assert house.phases(run, after) == ["running", "running"]
    while house.engine.running:
        house.end(next(iter(house.engine.running)))
    assert house.batch(run).outcome == "success"


def test_what_the_batch_has_already_and_what_is_named_twice_is_left_out(house: House) -> None:
    run, known = house.add(2)
    house.turn()
    house.given.run(known, with_its_identity)
    house.end(run, listed("a", "2.mp4", "a", "b"))
    assert sources(house, run) == ["a", "2.mp4", "b"]


def test_a_list_brings_no_more_than_the_limit_of_its_batch(house: House) -> None:
    (run,) = house.add(playlist_limit=3)
    house.turn()
    house.end(run, listed(*(f"v{n}" for n in range(100))))
    assert len(runs_of(house, run)) == 3


def test_two_lists_heard_of_in_one_turn_share_the_room_and_no_video(house: House) -> None:
    one, other = house.add(2)
    house.turn()
    house.engine.end(one, listed(*(f"v{n}" for n in range(40))))
    house.engine.end(other, listed(*(f"v{n}" for n in range(30, 70))))
    house.turn()
    found = sources(house, one)
    assert len(found) == len(set(found)) == MAX_RUNS


def test_a_list_without_anything_new_fails_with_a_sentence(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, listed())
    failure = house.run(run).failure
    assert failure is not None
    assert "names no video" in failure.message


def test_taking_a_list_apart_can_be_cut_off_at_every_run_and_goes_on_with_the_same_ids(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.engine.end(run, listed("a", "b", "c", "d"))
    new_run, left = house.writer.new_run, [2]

    def dying(record: RunRecord) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        new_run(record)

    house.writer.new_run = dying  # type: ignore[method-assign]
    house.turn()
    promised = [entry.run_id for entry in house.run(run).entries]
    house.restart()
    assert sources(house, run) == ["a", "b", "c"], "the list itself is durable, and two of its runs"
    house.recovery().recover()
    house.turn()
    assert sources(house, run) == ["a", "b", "c", "d"]
    assert [made.run_id for made in runs_of(house, run)] == promised
    house.playlists.expand()
    assert len(runs_of(house, run)) == 4, "once more changes nothing"


def with_its_identity(run: RunRecord) -> RunRecord:
    """The run with the identity its address has, as intake gives it."""
    return msgspec.structs.replace(run, space_id=space_id(run.source))
