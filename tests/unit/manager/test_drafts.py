"""A batch can be put together before it is started; what is added is there wholly or not at all, and once."""

from pathlib import Path

import pytest

from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput, NotUsable, Refused, Stale, StorageError
from core.domain.idempotency import stamp
from core.domain.settings import Settings
from core.domain.versions import version_of
from core.manager.index import Index
from core.manager.intake import Intake
from core.manager.writer import Writer
from core.system.network import AllowedHosts
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def intake_of(house: House, writer: Writer | None = None, index: Index | None = None) -> Intake:
    return Intake(writer or house.given, house.catalog, house.clock, AllowedHosts.parse(""), index=index or house.index)


@pytest.fixture
def intake(house: House) -> Intake:
    return intake_of(house)


def url(name: str) -> str:
    return f"https://example.com/{name}.mp4"


def positions(house: House, batch_id: str) -> list[tuple[int, str]]:
    return [(run.position, run.title) for run in house.index.runs_of(batch_id)]


def test_a_draft_has_no_videos_and_cannot_be_started_before_it_has(house: House, intake: Intake) -> None:
    batch = intake.draft(ANA, name=" talks ", settings=Settings(language="de"), priority=7)
    assert (batch.name, batch.phase, batch.priority, batch.settings.language) == ("talks", "draft", 7, "de")
    with pytest.raises(Refused, match="no videos"):
        house.commands.batch(batch.batch_id, "start", by=ANA)
    intake.fill(batch.batch_id, [url("a")], ANA)
    house.commands.batch(batch.batch_id, "start", by=ANA)
    house.turn()
    assert len(house.engine.running) == 1


@pytest.mark.parametrize("fields", [{"name": "x" * 101}, {"priority": 11}, {"concurrency": 0}, {"priority": True}])
def test_a_draft_that_is_not_possible_is_not_made(house: House, intake: Intake, fields: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        intake.draft(ANA, **fields)  # type: ignore[arg-type]
    assert house.index.batches == {}


def test_what_is_added_comes_behind_what_is_there_also_after_one_was_removed(house: House, intake: Intake) -> None:
    batch_id = intake.draft(ANA).batch_id
    intake.fill(batch_id, [url("a"), url("b")], ANA)
    house.commands.run(house.index.runs_of(batch_id)[1].run_id, "remove", by=ANA)
    intake.fill(batch_id, [url("b")], ANA)
    assert positions(house, batch_id) == [(1, "example.com/a.mp4"), (3, "example.com/b.mp4")]
    house.restart()
    assert positions(house, batch_id) == [(1, "example.com/a.mp4"), (3, "example.com/b.mp4")]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([url("b"), url("a")], "Video 2 of 2 is in this batch already"),
        ([url("b"), "http://10.0.0.1/x"], "Video 2 of 2 cannot be added"),
        ([url(str(number)) for number in range(MAX_RUNS)], "at most 50"),
    ],
)
def test_all_of_a_request_is_added_or_nothing(house: House, intake: Intake, sources: list[str], said: str) -> None:
    batch_id = intake.draft(ANA).batch_id
    intake.fill(batch_id, [url("a")], ANA)
    with pytest.raises(NotUsable, match=said):
        intake.fill(batch_id, sources, ANA)
    house.restart()
    assert positions(house, batch_id) == [(1, "example.com/a.mp4")]


def test_what_a_crash_kept_away_is_made_by_the_next_service(house: House, intake: Intake) -> None:
    batch_id = intake.draft(ANA, settings=Settings(language="de")).batch_id
    written = house.given.new_run

    def dying(run: object) -> None:
        raise StorageError("The disk is full.")

    house.given.new_run = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(StorageError):
        intake.fill(batch_id, [url("a"), url("b")], ANA)
    house.given.new_run = written  # type: ignore[method-assign]
    house.restart()
    house.recovery().recover()
    assert positions(house, batch_id) == [(1, "example.com/a.mp4"), (2, "example.com/b.mp4")]
    house.commands.batch(batch_id, "start", by=ANA)
    house.turn()
    assert len(house.engine.running) == 2


def test_one_request_under_one_key_is_one_draft_also_through_two_processes(house: House, intake: Intake) -> None:
    key = stamp("k", "create", {"name": "talks"})
    first = intake.draft(ANA, name="talks", stamp=key)
    other = Index(house.store)
    elsewhere = intake_of(house, Writer(store=house.store, index=other, via="api"), other)
    assert elsewhere.draft(ANA, name="talks", stamp=key).batch_id == first.batch_id
    assert elsewhere.draft("bob", name="talks", stamp=key).batch_id != first.batch_id, "a key is its owner's"
    with pytest.raises(NotUsable):
        elsewhere.draft(ANA, name="other", stamp=stamp("k", "create", {"name": "other"}))


def test_one_request_under_one_key_adds_once_and_is_answered_even_later(house: House, intake: Intake) -> None:
    batch_id, key = intake.draft(ANA).batch_id, stamp("k", "videos", ["a"])
    seen = version_of(house.index.batch(batch_id))
    for _ in range(2):
        intake.fill(batch_id, [url("a")], ANA, stamp=key, expected=[seen])
    house.commands.batch(batch_id, "start", by=ANA)
    assert intake.fill(batch_id, [url("a")], ANA, stamp=key).phase == "running"
    assert len(house.index.runs_of(batch_id)) == 1


def test_who_looked_before_somebody_else_added_is_told_so(house: House, intake: Intake) -> None:
    batch_id = intake.draft(ANA).batch_id
    seen = version_of(house.index.batch(batch_id))
    intake.fill(batch_id, [url("a")], ANA, expected=[seen])
    with pytest.raises(Stale):
        intake.fill(batch_id, [url("b")], ANA, expected=[seen])
    assert len(house.index.runs_of(batch_id)) == 1
