"""Removing silence from the browser alone: tried out on the picture of the sound, then done, heard and saved."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import Dashboard, tab
from tests.support.media_files import ffmpeg
from tests.support.product import Product, workers_of
from tests.support.waiting import until

pytestmark = pytest.mark.browser

LONG_MS = 90_000
# A tone with pauses from 1 to 3 and from 4 to 5 s.
BEEPS = "aevalsrc='0.5*sin(440*2*PI*t)*(1-between(t,1,3))*(1-between(t,4,5))':s=48000:d=6"


def test_what_would_go_is_seen_changed_and_then_removed(browser: Browser, tmp_path: Path) -> None:
    video = tmp_path / "beeps.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:d=6", "-f", "lavfi", "-i", BEEPS]
    ffmpeg(*picture, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(video))
    product = Product(tmp_path)
    added = product("add", video, "--set", "transcribe=false", "--wait", "--json")
    run_id = product.run_of(added)
    dashboard = Dashboard(product.storage)
    dashboard.start()
    try:
        with tab(browser, dashboard, f"/run?run={run_id}") as page:
            page.get_by_test_id("stExpander").filter(has_text="Remove silence").locator("summary").click()
            said = page.locator(".rp-preview b")
            expect(said).to_have_text("2 pauses, −0:02", timeout=LONG_MS)
            expect(page.locator(".rp-wave rect.rp-gone")).to_have_count(2)
            page.locator(".rp-wave svg").click()
            expect(page.locator(".rp-media video")).to_have_js_property("paused", False)
            assert page.evaluate("document.querySelector('.rp-media video').currentTime") > 2
            slider = page.get_by_role("slider", name="Pauses from")
            slider.focus()
            for _ in range(10):
                slider.press("ArrowRight")
            expect(said).to_have_text("1 pause, −0:02")
            expect(page.locator(".rp-wave rect.rp-gone")).to_have_count(1)
            page.get_by_role("button", name="Remove silence").click()
            expect(page.get_by_text("It was removed with these settings.")).to_be_visible(timeout=LONG_MS)
            expect(page.get_by_role("link", name="Save silence_removed.mp4")).to_be_visible()
        assert product("get", run_id, "cuts.json").out.count('"start"') == 3
    finally:
        dashboard.stop()
        until(lambda: not workers_of(product.storage))
        product.close()
