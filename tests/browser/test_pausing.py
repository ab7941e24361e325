"""Pausing and resuming real work from the page: it acknowledges itself, stands still, and goes on where it was."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Dashboard, go, tab
from tests.support.media_files import media_file
from tests.support.media_server import MediaServer
from tests.support.product import workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.browser

LONG_MS = 90_000


def test_a_batch_is_paused_with_a_reason_and_goes_on_where_it_was(browser: Browser, tmp_path: Path) -> None:
    content = media_file("talk.mp4", seconds=6).read_bytes()
    middle = len(content) // 2
    with MediaServer() as server:
        url = server.add("/talk.mp4", content, content_type="video/mp4", stall_at=middle)
        dashboard = Dashboard(tmp_path / "storage", REPRISE_ALLOWED_HOSTS=server.host)
        dashboard.start()
        try:
            with tab(browser, dashboard) as page:
                go(page, dashboard, "/new")
                page.get_by_label("Links, files and folders, one a line").fill(url)
                page.get_by_role("button", name="Start").click()
                main = page.get_by_test_id("stMain")
                expect(main.locator("li.rp-row")).to_contain_text("Running", timeout=LONG_MS)
                server.wait_for(lambda: any(hit.sent >= middle for hit in server.hits), LONG_MS / 1000)
                main.get_by_role("button", name="Other ways to pause").click()
                page.get_by_role("textbox", name="Why").fill("cookies expired")
                page.get_by_role("button", name="Pause now").click()
                note = main.locator(".rp-note", has_text="cookies expired")
                expect(note).to_contain_text("Paused at", timeout=LONG_MS)
                expect(main.locator("li.rp-row")).to_contain_text("Paused")
                asked = len(server.hits)
                server.pages["/talk.mp4"].stall_at = None
                server.release()
                page.reload()
                expect(note).to_contain_text("Paused at")
                assert len(server.hits) == asked, "nothing is fetched while it is paused"
                main.get_by_role("button", name="Resume", exact=True).first.click()
                until(lambda: any(hit.start for hit in server.hits[asked:]))  # it goes on in the middle
                expect(note).to_have_count(0)
        finally:
            dashboard.stop()
            until(lambda: not workers_of(dashboard.storage))
