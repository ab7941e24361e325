"""Highlights beside the player: places to play from, clips that are rendered and saved, and nothing in them is run."""

import pytest
from playwright.sync_api import Browser, expect

from core.domain.states import Phase
from core.stages.rendering.media import look
from tests.support.browser import Dashboard, tab
from tests.support.showcase import Showcase

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.hit=1"> ![](http://127.0.0.1:1/?d=1) [x](javascript:alert(1)) \x1b[31m'


def with_highlights(case: Showcase, title: str, *words: str) -> str:
    return case.highlighted(case.run(case.batch("Talks"), title, Phase.COMPLETED), *words).run_id


def test_a_highlight_is_a_place_to_play_from_and_its_clip_is_saved(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = with_highlights(case, "Highlights of the river")
    with tab(browser, dashboard, f"/run?run={run_id}") as page:
        shown = page.get_by_role("tabpanel")
        expect(shown.locator(".rp-highlight")).to_have_count(3)
        expect(shown.locator(".rp-highlight").first).to_contain_text("91%")
        shown.get_by_role("link", name="Play highlight 2").click()
        page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 32.4) < 1.5")
        with page.expect_download(timeout=120_000) as saving:
            page.get_by_role("button", name="Save highlight 3 as a video").click()
        assert saving.value.suggested_filename == "Highlights of the river - highlight 3.mp4"
        media = look(saving.value.path(), lambda: None)
        assert media.picture is not None
        assert 5.5 < media.duration < 7.5
        expect(shown.get_by_text("Saved")).to_be_visible()


def test_tabs_are_walked_through_with_the_arrow_keys(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = with_highlights(case, "Tabs of the river")
    with tab(browser, dashboard, f"/run?run={run_id}") as page:
        tabs = page.get_by_role("tab")
        expect(tabs).to_have_text(["Highlights 3", "Quotes 3", "Summary"])
        tabs.first.press("ArrowRight")
        expect(page.get_by_role("tab", selected=True)).to_have_text("Quotes 3")
        expect(page.locator(".rp-quotes figure")).to_have_count(3)
        expect(page.locator(".rp-highlight").first).to_be_hidden()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".rp-highlight").first).to_be_visible()


def test_what_a_model_says_of_a_highlight_is_shown_and_never_run(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = with_highlights(case, "Hostile highlights", HOSTILE, HOSTILE)
    asked: list[str] = []
    with tab(browser, dashboard) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{dashboard.url}/run?run={run_id}")
        expect(page.locator(".rp-highlight").nth(1)).to_contain_text("<img src=x onerror=")
        assert page.evaluate("window.hit") is None
        assert not page.locator(
            '.rp-highlight img, .rp-highlight [onerror], .rp-highlight a[href^="javascript"]'
        ).count()
        assert not [url for url in asked if "127.0.0.1:1/" in url]


def test_a_clip_that_cannot_be_made_says_why(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = with_highlights(case, "No such clip")
    with tab(browser, dashboard) as page:
        page.route(
            "**/clips/**",
            lambda route: route.fulfill(status=507, json={"detail": "The disk is full.", "hint": "Free some."}),
        )
        page.goto(f"{dashboard.url}/run?run={run_id}")
        page.get_by_role("button", name="Save highlight 1 as a video").click()
        expect(page.locator(".rp-highlight").first).to_contain_text("The disk is full. Free some.")
        expect(page.get_by_role("button", name="Save highlight 1 as a video")).to_be_enabled()
