"""What is handed in becomes a batch wholly or not at all: the batch file, written last, is the commit point."""

from pathlib import Path
from typing import Any

import pytest

from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput, NotFound, StorageError
from core.domain.settings import Settings
from core.manager.intake import Intake, Submission, check_settings
from core.stages.catalog import Catalog
from core.system.network import AllowedHosts
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def intake(house: House) -> Intake:
    return Intake(house.given, house.catalog, house.clock, AllowedHosts.parse(""), index=house.index)


def urls(count: int) -> tuple[str, ...]:
    return tuple(f"https://example.com/{number}.mp4" for number in range(count))


def submitted(**how: Any) -> Submission:
    return Submission(**({"sources": urls(2)} | how))


def test_what_was_accepted_is_durable_with_everything_that_was_asked_for(house: House, intake: Intake) -> None:
    settings = Settings(language="de")
    added = intake.add(submitted(name="talks", settings=settings, priority=7, concurrency=2, proxy="http://p:1"), ANA)
    house.restart()
    assert added.batch_id is not None
    batch = house.index.batches[added.batch_id]
    assert (batch.name, batch.owner, batch.settings, batch.priority, batch.concurrency) == (
        "talks",
        ANA,
        settings,
        7,
        2,
    )
    runs = house.index.runs_of(added.batch_id)
    assert [(run.position, run.title, run.source.proxy) for run in runs] == [
        (1, "example.com/0.mp4", "http://p:1"),
        (2, "example.com/1.mp4", "http://p:1"),
    ]
    house.turn()
    assert list(house.engine.running) == [run.run_id for run in runs]


def test_a_crash_before_the_batch_file_leaves_nothing_that_was_accepted(house: House, intake: Intake) -> None:
    def dying(*_: object) -> None:
        raise StorageError("The disk is full.")

    house.given.new_batch = dying  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        intake.add(submitted(), ANA)
    house.restart()
    house.turn()
    assert house.engine.running == {}
    assert len(house.index.runs) == 2, "the files of the runs are there"
    for run_id in house.index.runs:
        with pytest.raises(NotFound):
            house.index.run(run_id)


def test_a_draft_is_not_begun(house: House, intake: Intake) -> None:
    added = intake.add(submitted(draft=True), ANA)
    house.turn()
    assert house.engine.running == {}
    house.commands.batch(added.batch_id or "", "start", by=ANA)
    house.turn()
    assert len(house.engine.running) == 2


def test_stages_that_the_settings_leave_out_are_not_needed(house: House, intake: Intake) -> None:
    added = intake.add(submitted(settings=Settings(transcribe=False)), ANA)
    assert {name: str(stage.status) for name, stage in added.runs[0].stages.items()} == {
        "download": "pending",
        "transcribe": "not_needed",
    }


def test_more_than_a_batch_holds_is_named_and_left_out(intake: Intake) -> None:
    added = intake.add(submitted(sources=urls(MAX_RUNS + 2)), ANA)
    assert len(added.runs) == MAX_RUNS
    assert [one.code for one in added.rejected] == ["batch_full", "batch_full"]


def test_a_folder_becomes_its_media_files(intake: Intake, tmp_path: Path) -> None:
    for name in ("b.mp4", "a.webm", ".hidden.mp4", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    added = intake.add(submitted(sources=(str(tmp_path),)), ANA)
    assert [Path(run.source.value).name for run in added.runs] == ["a.webm", "b.mp4"]
    assert added.runs[0].source.sha256


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sources": ()}, "nothing to add"),
        ({"name": "x" * 101}, "100 characters"),
        ({"priority": 11}, "priority is 11"),
        ({"priority": True}, "priority is True"),
        ({"concurrency": 6}, "concurrency is 6"),
        ({"playlist_limit": 0}, "limit is 0"),
        ({"proxy": "socks5://p:1"}, "not an http proxy"),
        ({"settings": Settings(remove_silence=True)}, "cannot do remove_silence"),
    ],
)
def test_what_is_wrong_with_the_batch_is_refused_before_anything_is_written(
    house: House, intake: Intake, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        intake.add(submitted(**changes), ANA)
    assert house.store.runs.ids() == []


def test_a_batch_nobody_named_is_called_after_its_first_video(house: House, intake: Intake) -> None:
    one, two = intake.add(submitted(sources=urls(1)), ANA), intake.add(submitted(sources=urls(3)), ANA)
    names = [house.index.batches[added.batch_id or ""].name for added in (one, two)]
    assert names == ["example.com/0.mp4", "example.com/0.mp4 and 2 more"]


def test_what_there_is_no_stage_for_is_refused_better_than_silently_not_done() -> None:
    with pytest.raises(BadInput, match="cannot do remove_silence, export yet"):
        check_settings(Settings(remove_silence=True, export=True), Catalog(()))
    check_settings(Settings(), Catalog(()))
