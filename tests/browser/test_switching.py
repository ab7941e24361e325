"""From page to page, as an impatient person goes, while news arrive all the time: no page is ever left empty."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Dashboard, tab

pytestmark = pytest.mark.browser

# Every part of the page is asked to draw itself again every few milliseconds: far more news than files can bring.
STORM = "setInterval(() => { for (const part of window.repriseBus.parts) if (!part.whole) window.repriseBus.ring(part); }, 5)"
SHOWN_MS = 8000


def steps(page: Page) -> list[tuple[Locator, str]]:
    """One way through every page: what is clicked, and a word that only the page behind it shows."""
    main, sidebar = page.get_by_test_id("stMain"), page.get_by_test_id("stSidebar")
    batch, river = "Spring lectures", "River restoration in Wales: the annual meeting"
    return [
        (sidebar.get_by_role("link", name="Batches"), "4 batches"),
        (main.get_by_role("link", name=batch), "of recordings"),
        (main.get_by_role("link", name=river, exact=True), "Whisper JSON"),
        (main.get_by_role("link", name=batch), "of recordings"),
        (sidebar.get_by_role("link", name="Health"), "What ./reprise doctor looks at"),
        (sidebar.get_by_role("link", name="New batch"), "Links, files and folders"),
        (sidebar.get_by_role("link", name="What the water remembers"), "Console output"),
        (sidebar.get_by_role("link", name="Overview"), "Active now"),
    ]


def test_no_page_stays_empty_after_a_click_or_two_while_news_arrive(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard) as page:
        page.evaluate(STORM)
        for double in (True, False, True):
            for place, shown in steps(page):
                place.dblclick(delay=10) if double else place.click()
                expect(page.get_by_test_id("stMain")).to_contain_text(shown, timeout=SHOWN_MS)
    assert "find fragment" not in dashboard.log(), (
        "a part of the old page was drawn after the click: it empties the new one"
    )
