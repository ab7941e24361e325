"""`/docs` in a real browser: drawn with what this server has, and of use."""

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Dashboard, is_home

pytestmark = pytest.mark.browser


def test_the_described_api_is_drawn_with_nothing_from_elsewhere(browser: Browser, dashboard: Dashboard) -> None:
    page = browser.new_page()
    abroad: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: None if is_home(request.url, dashboard) else abroad.append(request.url))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{dashboard.url}/docs")
    page.get_by_text("Does the process live?").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.get_by_text('"status": "ok"').first.wait_for()
    assert abroad == []
    assert said == [], "the policy refuses nothing that the page needs"
    page.close()
