"""The Search page: what was said, and where."""

import pytest

from core.domain.states import Phase
from tests.pages.conftest import Open
from tests.pages.reading import components, html, tell
from tests.support.showcase import Showcase


def test_what_was_said_is_found_with_its_moment(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "A <b>talk</b>", Phase.COMPLETED)
    drawn = page("search.py", q='salmon "upper river"')
    assert "5 passages in 1 recording" in html(drawn)
    (given,) = components(drawn, "hits")
    (group,) = given["groups"]
    assert (group["title"], group["href"]) == ("A <b>talk</b>", f"run?run={run.run_id}")
    last = group["hits"][-1]
    assert (last["kind"], last["clock"], last["href"]) == ("Said", "00:00:10", f"run?run={run.run_id}&t=10")
    assert [piece for piece, marked in last["parts"] if marked] == ["salmon", "upper", "river"]


def test_a_passage_leads_to_its_moment(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "A talk", Phase.COMPLETED)
    drawn = tell(page("search.py", q="farmers"), "hits", "open", {"run": run.run_id, "t": 43})
    assert drawn.query_params["run"] == run.run_id
    assert drawn.query_params["t"] == "43"


@pytest.mark.parametrize(
    ("asked", "said"), [("whale", "Nothing was found"), ("?!", "There is no word"), ("", "Every word must occur")]
)
def test_an_empty_hand_says_what_to_do(case: Showcase, page: Open, asked: str, said: str) -> None:
    case.run(case.batch("Talks"), "A talk", Phase.COMPLETED)
    assert said in html(page("search.py", q=asked))
