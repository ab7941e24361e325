"""Searching everything that was said, newest run first, without reading what cannot have it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.errors import BadInput
from core.domain.states import Phase
from core.manager import search as searching
from core.manager.index import Index
from core.manager.search import Search
from tests.support.showcase import Showcase
from tests.support.transcripts import TALK


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Showcase]:
    """A storage with results; a completed run has a transcript of the talk, quotes and a summary."""
    made = Showcase(tmp_path / "storage")
    yield made
    made.close()


def talk(case: Showcase, title: str = "A talk") -> str:
    return case.run(case.batch("Talks"), title, Phase.COMPLETED).run_id


def search(case: Showcase) -> Search:
    index = Index(case.store)
    index.load()
    return Search(index, case.layout)


def test_words_are_found_where_they_were_said_quoted_and_summed_up(case: Showcase) -> None:
    run_id = talk(case)
    found = search(case).find("salmon returned upper river")
    assert [(hit.run_id, hit.kind, hit.start) for hit in found.hits] == [
        (run_id, "summary", 10.8),
        (run_id, "quote", 10.8),
        (run_id, "transcript", 10.8),
    ]
    assert found.hits[2].text == TALK[2]
    assert [found.hits[2].text[left:right] for left, right in found.hits[2].marks] == [
        "salmon",
        "returned",
        "upper",
        "river",
    ]
    assert (found.more, found.unreadable) == (False, ())


def test_what_a_summary_says_of_the_whole_has_no_place(case: Showcase) -> None:
    talk(case)
    hits = search(case).find("tenth fish ladder ten years").hits
    assert [(hit.kind, hit.start) for hit in hits] == [("summary", None)]


def test_the_newest_run_comes_first_and_a_limit_says_that_there_is_more(case: Showcase) -> None:
    first, second = talk(case), talk(case, "Another talk")
    looked = search(case)
    assert list(dict.fromkeys(hit.run_id for hit in looked.find("salmon").hits)) == [second, first]
    few = looked.find("salmon", limit=2)
    assert (len(few.hits), few.more) == (2, True)


def test_a_run_without_results_is_passed_over(case: Showcase) -> None:
    case.run(case.batch("Talks"), "A talk")
    assert search(case).find("salmon").hits == ()


def test_a_damaged_result_is_named_and_hides_no_other(case: Showcase) -> None:
    run_id = talk(case)
    (path,) = case.layout.artifacts.glob("quotes/*/quotes.json")
    path.chmod(0o600)
    path.write_text('{"quotes": salmon')
    found = search(case).find("salmon")
    assert found.unreadable == (run_id,)
    assert {hit.kind for hit in found.hits} == {"summary", "transcript"}


def test_a_deleted_batch_is_not_looked_through(case: Showcase) -> None:
    talk(case)
    looked = search(case)
    looked._index.batches.clear()
    assert looked.find("salmon").hits == ()


def test_what_cannot_have_the_words_is_not_read_and_nothing_twice(
    case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(case)
    looked = search(case)
    assert looked.find("salmon").hits
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    monkeypatch.setattr(Path, "read_text", lambda path, *_: pytest.fail(f"{path} was read again"))
    assert looked.find("whale").hits == ()


def test_what_is_kept_in_memory_is_bounded(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "KEPT_CHARACTERS", 500)
    talk(case)
    looked = search(case)
    assert len(looked.find("salmon").hits) == len(looked.find("salmon").hits) > 0
    assert looked._folded._kept <= 500


def test_a_search_for_no_word_is_refused(case: Showcase) -> None:
    with pytest.raises(BadInput, match="no word"):
        search(case).find("?!")
