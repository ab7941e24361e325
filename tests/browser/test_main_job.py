"""The main job from the browser alone, with the real service, real tools and real kills."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.store.layout import Layout
from core.store.locks import Lock
from tests.support.browser import Dashboard, go, settled, tab
from tests.support.product import workers_of
from tests.support.speech import talk
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.speech]

LONG_MS = 90_000


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    """A dashboard on an empty storage; it starts its own service."""
    started = Dashboard(tmp_path / "storage", REPRISE_RETRY_BASE_S="0.2", REPRISE_RETRY_CAP_S="0.5")
    started.start()
    yield started
    started.stop()
    until(lambda: not workers_of(started.storage))


def service_pid(dashboard: Dashboard) -> int:
    """Who the service is; a lock is held a moment before its holder's name stands in it."""
    found: list[int] = []

    def named() -> bool:
        holder = Lock(Layout(dashboard.storage).service_lock()).holder()
        found[:] = [holder.pid] if holder is not None else []
        return bool(found)

    until(named)
    return found[0]


def add(page: Page, dashboard: Dashboard, *sources: object) -> None:
    """Type sources into the form and start them, with an impatient double click."""
    go(page, dashboard, "/new")
    page.get_by_label("Links, files and folders, one a line").fill("\n".join(str(source) for source in sources))
    page.get_by_role("button", name="Start").dblclick()


def test_a_file_becomes_text_that_can_be_read_played_and_saved(
    browser: Browser, dashboard: Dashboard, tmp_path: Path
) -> None:
    file = tmp_path / "talk <b>one.wav"
    shutil.copy(talk(8), file)
    with tab(browser, dashboard) as page:
        expect(page.get_by_text("Ready for your first recordings")).to_be_visible()
        add(page, dashboard, file, "http://127.0.0.1/private.mp4", "--exec=ls")
        expect(page.get_by_text("1 source added")).to_be_visible()
        expect(page.locator(".rp-note", has_text="--exec=ls")).to_contain_text("is an option, not a source")
        page.get_by_role("link", name="Show the batch").click()
        row = page.get_by_test_id("stMain").locator("li.rp-row")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("Completed", timeout=LONG_MS)
        row.locator(".rp-row-title").click()
        expect(page.locator(".rp-stage", has_text="Done")).to_have_count(4)
        transcript = page.get_by_role("list", name="Transcript")
        expect(transcript.get_by_role("link").first).to_be_visible()
        page.locator(".rp-quote").last.get_by_role("link").click()
        page.wait_for_function("document.querySelector('.rp-media audio, .rp-media video').currentTime > 0.2")
        with page.expect_download() as saving:
            page.get_by_role("link", name="transcript.srt").click()
        assert "-->" in saving.value.path().read_text()
        page.reload()
        settled(page)
        expect(transcript.get_by_role("link").first).to_be_visible()
        page.get_by_text("Console output").click()
        expect(page.get_by_text("transcribe: done")).to_be_visible()
    batches = list((dashboard.storage / "state" / "batches").glob("b_*.json"))
    assert len(batches) == 1, "a double click makes one batch"


def test_a_run_that_failed_says_why_and_is_retried_from_the_page(
    browser: Browser, dashboard: Dashboard, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    with tab(browser, dashboard) as page:
        add(page, dashboard, broken)
        row = page.get_by_test_id("stMain").locator("li.rp-row")
        expect(row).to_contain_text("Failed", timeout=LONG_MS)
        expect(row.locator(".rp-row-message")).not_to_have_text("")
        row.locator(".rp-row-title").click()
        expect(page.locator(".rp-note")).to_be_visible()
        shutil.copy(talk(8), broken)
        page.get_by_role("button", name="Retry", exact=True).click()
        expect(page.get_by_test_id("stMain").get_by_text("1 retry")).to_be_visible(timeout=LONG_MS)


def test_an_upload_is_stored_whole_becomes_a_run_and_goes_with_the_batch_that_never_began(
    browser: Browser, dashboard: Dashboard, tmp_path: Path
) -> None:
    with tab(browser, dashboard, "/new") as page:
        page.locator(".rp-drop input").set_input_files(talk(8))
        expect(page.get_by_role("list", name="Uploads")).to_contain_text("Ready")
        page.get_by_role("button", name="Keep as draft").click()
        expect(page.get_by_role("button", name="Start")).to_be_visible()
        (stored,) = (dashboard.storage / "uploads").glob("*/*.wav")
        assert stored.read_bytes() == talk(8).read_bytes()
        page.get_by_role("button", name="Cancel", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("What was uploaded for this batch alone is deleted.")
        dialog.get_by_role("button", name="Cancel batch").click()
        # Exactly this: the dialog itself says what “will be cancelled”, and a tab closed then takes the click with it.
        expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible(timeout=LONG_MS)
    until(lambda: not stored.exists())


def test_a_service_that_dies_is_replaced_and_closing_the_dashboard_stops_it(
    browser: Browser, dashboard: Dashboard
) -> None:
    until(Lock(Layout(dashboard.storage).service_lock()).held_by_other)
    first = service_pid(dashboard)
    with tab(browser, dashboard, "/health") as page:
        expect(page.get_by_text(str(first))).to_be_visible()
        os.kill(first, signal.SIGKILL)
        until(
            lambda: Lock(Layout(dashboard.storage).service_lock()).held_by_other() and service_pid(dashboard) != first
        )
        expect(page.get_by_text(str(service_pid(dashboard)))).to_be_visible(timeout=20000)
        dashboard.stop(signal.SIGINT, patience_s=12)
    assert not workers_of(dashboard.storage), "its service ends with it"
