"""The panel that tries out the removal of silence: closed it costs nothing, and it says why there is no preview."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.domain.states import Phase
from tests.pages.reading import components, html
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


def test_what_would_go_is_said_as_soon_as_it_is_known(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = opened(page, run.run_id)
    while "Listening to the recording" in html(drawn):
        drawn.run()
    assert "rp-preview" in html(drawn)
    (wave,) = components(drawn, "wave")
    assert (wave["duration"], wave["label"].split("; ")[0]) == (57.0, "The sound of the recording")
    assert [button for button in drawn.button if button.label == "Remove silence"]


def test_a_threshold_is_chosen_only_where_it_is_used(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = opened(page, run.run_id)
    (threshold,) = [slider for slider in drawn.slider if slider.label == "Threshold"]
    assert threshold.disabled
    (mode,) = [box for box in drawn.selectbox if box.label == "What is quiet"]
    mode.select("fixed").run()
    (threshold,) = [slider for slider in drawn.slider if slider.label == "Threshold"]
    assert not threshold.disabled
