"""Exporting a finished run from the browser alone: chosen, made, played and saved."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Dashboard, tab
from tests.support.media_files import media_file
from tests.support.product import Product, workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.browser

LONG_MS = 90_000


def test_a_finished_run_is_exported_played_and_saved(browser: Browser, tmp_path: Path) -> None:
    video = tmp_path / "talk.mkv"
    video.write_bytes(media_file("talk.mkv", seconds=2.0).read_bytes())
    product = Product(tmp_path)
    run_id = product.run_of(product("add", video, "--set", "transcribe=false", "--wait", "--json"))
    dashboard = Dashboard(product.storage)
    dashboard.start()
    try:
        with tab(browser, dashboard, f"/run?run={run_id}") as page:
            page.get_by_test_id("stExpander").filter(has_text="Export").locator("summary").first.click()
            page.get_by_role("button", name="Export", exact=True).click()
            expect(page.get_by_text("It was exported with these settings.")).to_be_visible(timeout=LONG_MS)
            expect(page.locator(".rp-preview b")).to_contain_text("MP4 · 320×180 · 2.0 s")
            expect(page.get_by_text("Nothing is coded anew")).to_be_visible()
            player = page.locator(".rp-media video")
            expect(player).to_have_attribute("poster", re.compile("/files/poster.jpg"))
            page.locator(".rp-reader").get_by_role("button", name="Export").click()
            expect(player).to_have_js_property("videoWidth", 320)
            with page.expect_download() as saved:
                page.get_by_role("link", name="Save export.mp4").click()
            (made,) = product.storage.glob("artifacts/export/*/export.mp4")
            assert Path(saved.value.path()).read_bytes() == made.read_bytes()
    finally:
        dashboard.stop()
        until(lambda: not workers_of(product.storage))
        product.close()
