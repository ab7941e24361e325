"""Settings as a person meets them: what is typed is not lost, a template is saved, used, renamed and deleted."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Dashboard, go, settled, tab
from tests.support.showcase import Showcase

pytestmark = pytest.mark.browser


def switch(page: Page, label: str) -> None:
    """Press a switch of the form."""
    page.get_by_test_id("stMain").locator("label", has_text=label).first.click()


def test_a_template_is_saved_used_renamed_and_deleted(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    with tab(browser, dashboard, "/new") as page:
        main = page.get_by_test_id("stMain")
        sources = page.get_by_label("Links, files and folders, one a line")
        sources.fill("/nowhere/talk.mp4")
        main.get_by_text("Settings", exact=True).click()
        switch(page, "Remove silence")
        expect(main.get_by_text("Shortest pause that is cut")).to_be_visible()
        expect(main.get_by_text("Transcribe, Quotes, Summary, Remove silence")).to_be_visible()
        main.get_by_role("radio", name="Below a level").click()
        expect(main.get_by_text("Silent below")).to_be_visible()
        main.get_by_role("button", name="Save as template").click()
        page.get_by_label("Name").last.fill("Lectures")
        page.get_by_label("Name").last.press("Enter")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved: Lectures")).to_be_visible()
        expect(sources).to_have_value("/nowhere/talk.mp4")
        assert [path.name for path in case.layout.templates.iterdir()] == ["Lectures.json"]

        go(page, dashboard, "/settings")
        expect(main.locator(".rp-template")).to_contain_text("Transcribe, Quotes, Summary, Remove silence")
        main.get_by_role("button", name="Rename").click()
        page.get_by_label("New name").fill("Talks")
        page.get_by_label("New name").press("Enter")
        page.get_by_role("button", name="Rename it").click()
        expect(main.locator(".rp-template b")).to_have_text("Talks")
        main.get_by_role("button", name="Use").click()
        settled(page)
        expect(main.get_by_text("Transcribe, Quotes, Summary, Remove silence")).to_be_visible()

        go(page, dashboard, "/settings")
        main.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete template").click()
        expect(main.get_by_text("There are none yet.")).to_be_visible()
        assert list(case.layout.templates.iterdir()) == []


def test_start_pressed_right_after_typing_takes_what_was_typed(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard, "/new") as page:
        page.get_by_label("Links, files and folders, one a line").fill("/nowhere/talk.mp4")
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".rp-note", has_text="/nowhere/talk.mp4")).to_be_visible()
