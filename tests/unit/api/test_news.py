"""What ended just now is told to open pages once; what was so before, or is met for the first time, is not."""

from typing import Any

import pytest

from core.api.news import News
from core.domain.batch import Pause
from core.domain.run import Failure
from core.domain.states import BatchPhase, FailureKind, Phase
from core.manager.index import Index
from tests.support.showcase import Showcase


@pytest.fixture
def index(case: Showcase) -> Index:
    index = Index(case.store)
    index.load()
    return index


def told(news: News, index: Index, *ids: str) -> list[tuple[str, str, str]]:
    """What became news once these records were read again."""
    before = news.last
    for id_ in ids:
        kind = "run" if id_.startswith("r_") else "batch"
        index.refresh(kind, id_)
        news.changed(kind, id_)
    return [(one.kind, one.how, one.title) for one in news.since(before)]


def test_a_run_and_a_batch_that_end_are_news_once(case: Showcase, index: Index) -> None:
    batch = case.batch("Talks")
    one, two = case.run(batch, "One", Phase.RUNNING), case.run(batch, "Two", Phase.RUNNING)
    index.load()
    news = News(index)
    assert told(news, index, one.run_id, batch) == []
    case.change(one, phase=Phase.COMPLETED)
    assert told(news, index, one.run_id, one.run_id) == [("run", "completed", "One")]
    failure = Failure(kind=FailureKind.PERMANENT, message="Gone.")
    case.change(two, phase=Phase.FAILED, failure=failure)
    case.change_batch(batch, phase=BatchPhase.COMPLETED)
    assert told(news, index, two.run_id, batch) == [("run", "failed", "Two"), ("batch", "completed", "Talks")]
    assert [one.title for one in news.since(1)] == ["Two", "Talks"]
    assert not news.since(1)[0].alone


@pytest.mark.parametrize(
    ("phase", "fields"),
    [
        (Phase.CANCELLED, {}),
        (Phase.SKIPPED, {}),
        (Phase.PAUSED, {}),
        (Phase.FAILED, {"failure": Failure(kind=FailureKind.STOPPED)}),
    ],
)
def test_what_a_person_did_is_no_news(case: Showcase, index: Index, phase: Phase, fields: dict[str, Any]) -> None:
    run = case.run(case.batch("Talks"), "One", Phase.RUNNING)
    index.load()
    news = News(index)
    case.change(run, phase=phase, **fields)
    assert told(news, index, run.run_id) == []


def test_a_batch_that_pauses_itself_is_news_and_one_that_is_paused_is_not(case: Showcase, index: Index) -> None:
    alone, asked = case.batch("Alone"), case.batch("Asked")
    index.load()
    news = News(index)
    case.change_batch(alone, phase=BatchPhase.PAUSED, pause=Pause(reason="auto"))
    case.change_batch(asked, phase=BatchPhase.PAUSED, pause=Pause(reason="operator"))
    assert told(news, index, alone, asked) == [("batch", "paused", "Alone")]


def test_what_was_over_before_is_history(case: Showcase, index: Index) -> None:
    batch = case.batch("Talks", BatchPhase.COMPLETED)
    done = case.run(batch, "One", Phase.COMPLETED)
    index.load()
    news = News(index)
    later = case.run(case.batch("More", BatchPhase.COMPLETED), "Two", Phase.COMPLETED)
    assert told(news, index, done.run_id, batch, later.run_id, later.batch_id) == []


def test_the_only_run_of_a_batch_leaves_it_to_the_batch(case: Showcase, index: Index) -> None:
    run = case.run(case.batch("Talks"), "One", Phase.RUNNING)
    index.load()
    news = News(index)
    case.change(run, phase=Phase.COMPLETED)
    told(news, index, run.run_id)
    assert news.since(0)[0].alone


def test_what_is_gone_and_what_is_no_record_is_passed_over(case: Showcase, index: Index) -> None:
    news = News(index)
    for kind, id_ in (
        ("run", "r_gone"),
        ("batch", "b_gone"),
        ("pool", "pool"),
        ("progress", "r_x"),
        ("notices", "board"),
    ):
        news.changed(kind, id_)
    assert news.since(0) == []
