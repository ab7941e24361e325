"""Being told in a browser: a toast when something ends, the bell that counts, and reading it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from core.domain.states import Phase
from tests.support.browser import Dashboard, tab
from tests.support.showcase import Showcase

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """A batch with two runs at work."""
    made = Showcase(tmp_path_factory.mktemp("told") / "storage")
    made.hold()
    yield made
    made.close()


def test_what_ends_is_said_and_counted_without_a_reload_and_read_by_a_click(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    batch = case.batch("Spring talks")
    runs = [case.run(batch, title, Phase.RUNNING) for title in ("One <b>talk</b>", "Another")]
    with tab(browser, dashboard, "/queue") as page:
        bell = page.locator("[class*=st-key-bell] [data-testid=stPopoverButton]")
        expect(bell).to_be_visible()
        case.change(runs[0], phase=Phase.COMPLETED)
        expect(page.get_by_test_id("stToast")).to_contain_text("One <b>talk</b> is completed")
        case.tells("Spring talks", "Spring talks", batch=batch)
        expect(bell).to_contain_text("2")
        bell.click()
        told = page.get_by_role("list", name="Notifications")
        expect(told.get_by_role("listitem")).to_have_count(2)
        told.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="Spring talks")).to_be_visible()
        assert f"batch={batch}" in page.url
        expect(told).to_have_count(0)  # the list is closed on the way
        expect(bell).to_contain_text("1")
        bell.click()
        page.get_by_role("button", name="Mark all read").click()
        expect(bell).not_to_contain_text("1")
        page.get_by_role("button", name="All notifications").click()
        expect(page.get_by_role("heading", name="Notifications")).to_be_visible()
        expect(page.get_by_test_id("stMain").get_by_role("listitem").first).to_have_attribute("data-read", "yes")
