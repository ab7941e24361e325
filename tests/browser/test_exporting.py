"""A batch is exported in the browser: chosen, made, and saved as a file that is whole."""

import zipfile

import pytest
from playwright.sync_api import Browser, expect

from core.domain.states import BatchPhase, Phase
from tests.support.browser import Dashboard, tab
from tests.support.showcase import Showcase

pytestmark = pytest.mark.browser


def test_a_zip_is_chosen_made_and_saved_and_stands_in_the_history(
    browser: Browser, case: Showcase, dashboard: Dashboard
) -> None:
    batch_id = case.batch("Workshop", BatchPhase.COMPLETED)
    for title in ("Morning", "Afternoon"):
        case.run(batch_id, title, Phase.COMPLETED)
    with tab(browser, dashboard, f"/batches?batch={batch_id}") as page:
        page.get_by_role("button", name="Export…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("001_Morning.mp4")
        dialog.get_by_text("Summaries").click()
        expect(dialog).to_contain_text("001_Morning.summary.md")
        dialog.get_by_role("button", name="Export", exact=True).click()
        with page.expect_download() as saved:
            dialog.get_by_role("link", name="Download ZIP").click()
        assert saved.value.suggested_filename == "Workshop.zip"
        with zipfile.ZipFile(saved.value.path()) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [
                "001_Morning.mp4",
                "001_Morning.summary.md",
                "002_Afternoon.mp4",
                "002_Afternoon.summary.md",
            ]
        page.get_by_role("button", name="Close").click()
        page.get_by_test_id("stSidebar").get_by_role("link", name="Exports").click()
        expect(page.get_by_test_id("stMain")).to_contain_text("Workshop.zip")
        expect(page.get_by_test_id("stMain").get_by_role("link", name="Download ZIP")).to_be_visible()
