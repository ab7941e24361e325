"""The panel that tries out the removal of silence: closed it costs nothing, and it says why there is no preview."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.domain.states import Phase
from core.manager.previews import NOT_THERE
from tests.pages.reading import html
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def opened(page: Open, run_id: str) -> AppTest:
    """The page of a run with the panel open."""
    drawn = page("run.py", run=run_id)
    drawn.session_state["silence"] = True
    drawn.run()
    assert not drawn.exception, drawn.exception
    return drawn


def test_closed_it_listens_to_nothing(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    page("run.py", run=run.run_id)
    assert not list(case.layout.sound.iterdir())


def test_without_a_recording_it_says_so_and_nothing_can_be_pressed(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = opened(page, run.run_id)
    assert NOT_THERE in html(drawn)
    (button,) = [button for button in drawn.button if button.label == "Remove silence"]
    assert button.disabled


def test_a_threshold_is_chosen_only_where_it_is_used(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = opened(page, run.run_id)
    (threshold,) = [slider for slider in drawn.slider if slider.label == "Threshold"]
    assert threshold.disabled
    (mode,) = [box for box in drawn.selectbox if box.label == "What is quiet"]
    mode.select("fixed").run()
    (threshold,) = [slider for slider in drawn.slider if slider.label == "Threshold"]
    assert not threshold.disabled
