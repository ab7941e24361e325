"""Highlights on a run's page: found when asked for, shown beside the player, with what their clips are asked for by."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.settings import Settings
from core.domain.states import Phase
from tests.pages.reading import components, html, press
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def opened(page: Open, run_id: str) -> AppTest:
    """The page of a run with the panel open."""
    drawn = page("run.py", run=run_id)
    drawn.session_state["highlighting"] = True
    return drawn.run()


def test_highlights_and_clips_have_addresses_of_their_run(case: Showcase, page: Open) -> None:
    run = case.highlighted(case.run(case.batch("Talks"), "River", Phase.COMPLETED))
    (reader,) = components(page("run.py", run=run.run_id), "reader")
    assert reader["highlights"].startswith(f"/api/runs/{run.run_id}/files/highlights.json?v=")
    assert reader["clips"] == f"/api/runs/{run.run_id}/clips/"


def test_a_run_without_highlights_has_no_such_part(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "River", Phase.COMPLETED)
    (reader,) = components(page("run.py", run=run.run_id), "reader")
    assert (reader["highlights"], reader["waiting"]["highlights"]) == (None, "")


def test_they_are_found_by_one_more_round_with_what_was_chosen(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "River", Phase.COMPLETED)
    drawn = opened(page, run.run_id)
    drawn.text_input(key=f"keywords-{run.run_id}").set_value("salmon,  new dam , salmon,,")
    drawn.button_group(key=f"sensitivity-{run.run_id}").set_value("high")
    drawn = press(drawn.run(), "Find highlights")
    changes = case.store.runs.get(run.run_id).value.intent.changes
    assert changes["detect_highlights"] is True
    assert changes["highlight_sensitivity"] == "high"
    assert list(changes["keywords"]) == ["salmon", "new dam"]


def test_what_was_found_with_these_settings_is_not_found_again(case: Showcase, page: Open) -> None:
    run = case.highlighted(case.run(case.batch("Talks"), "River", Phase.COMPLETED))
    case.change(run, settings=Settings(detect_highlights=True))
    drawn = opened(page, run.run_id)
    assert next(button for button in drawn.button if button.label == "Find highlights").disabled
    assert "They were found with these settings." in html(drawn)


def test_without_a_transcript_it_says_that_they_go_by_loudness(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "River", Phase.COMPLETED, settings=Settings(transcribe=False))
    drawn = opened(page, run.run_id)
    assert "loudness alone" in html(drawn)
    assert drawn.text_input(key=f"keywords-{run.run_id}").disabled


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING])
def test_before_there_is_a_video_there_is_nothing_to_find(case: Showcase, page: Open, phase: Phase) -> None:
    run = case.run(case.batch("Talks"), "River", phase)
    assert "Find highlights" not in [box.label for box in page("run.py", run=run.run_id).expander]
