"""What the pages show of a prepared storage: live, without a network, and whatever a title contains."""

import json
import os
import re
import signal
import statistics
import sys
import time

import pytest
from playwright.sync_api import Browser, expect

from core.domain.states import Phase
from tests.support.browser import Dashboard, go, settled, tab
from tests.support.showcase import Showcase

pytestmark = pytest.mark.browser

HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script> [x](javascript:alert(1)) ![](http://192.0.2.1/a.png) **b** \u202etxt.exe'


def run_named(case: Showcase, title: str) -> str:
    """The id of a run of the busy week."""
    runs = {case.store.runs.get(run_id).value.title: run_id for run_id in case.store.runs.ids()}
    return next(run_id for known, run_id in runs.items() if known.startswith(title))


def test_the_overview_says_how_it_is_and_what_needs_a_person(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard) as page:
        main, sidebar = page.get_by_test_id("stMain"), page.get_by_test_id("stSidebar")
        expect(main.get_by_text("1 run stalled")).to_be_visible()
        attention = main.get_by_role("list", name="Needs attention")
        expect(attention.get_by_role("listitem")).to_have_count(3)
        expect(attention).to_contain_text("media.example.org refused access (403).")
        expect(attention).to_contain_text("1 failed attempt")
        expect(main.get_by_role("list", name="Active now")).to_contain_text("window 41 of 66")
        for section in ("Resumed after restart", "Stalled", "Failed, needs attention"):
            expect(sidebar.get_by_role("list", name=section)).to_be_visible()


def test_a_count_filters_the_runs_and_the_filter_survives_a_reload(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard) as page:
        page.get_by_test_id("stMain").get_by_role("button", name="Failed").first.click()
        found = page.get_by_role("list", name="Failed", exact=True)
        expect(found.get_by_role("listitem")).to_have_count(2)
        assert "show=failed" in page.url
        page.reload()
        settled(page)
        expect(found.get_by_role("listitem")).to_have_count(2)
        page.get_by_test_id("stMain").get_by_role("button", name="Failed").first.click()
        expect(page.get_by_role("list", name="Active now")).to_be_visible()


def test_a_change_on_the_disk_is_pushed_to_the_screen(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run = case.store.runs.get(run_named(case, "Field recording 14")).value
    took = []
    with tab(browser, dashboard, f"/run?run={run.run_id}") as page:
        for step in range(8):
            note = f"part {step} of 8"
            began = time.monotonic()
            case.progress(run, 48e6 + step, 131e6, note)
            # Sooner than what is drawn anyway, every ten seconds.
            expect(page.locator(".rp-overall", has_text=note)).to_be_visible(timeout=5000)
            took.append(1000 * (time.monotonic() - began))
    sys.stdout.write(f"file to screen, ms: median {statistics.median(took):.0f}, worst {max(took):.0f}\n")


def test_titles_of_other_people_are_shown_and_never_run(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run = case.store.runs.get(run_named(case, "Interview at the farm, evening")).value
    before = run.title
    failure = run.failure
    assert failure is not None
    case.change(run, title=HOSTILE)
    try:
        with tab(browser, dashboard) as page:
            for path in ("/", f"/batches?batch={run.batch_id}", f"/run?run={run.run_id}"):
                go(page, dashboard, path)
                expect(page.get_by_test_id("stMain").get_by_text("<script>window.hit=1</script>").first).to_be_visible()
                assert page.evaluate("window.hit") is None
                assert not page.locator('img[src="x"], [onerror], a[href^="javascript"]').count()
                assert "\u202e" not in page.get_by_test_id("stMain").inner_text()
    finally:
        case.change(run, title=before)


def test_a_quote_and_a_segment_are_places_to_play_from(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = run_named(case, "River restoration")
    with tab(browser, dashboard, f"/run?run={run_id}") as page:
        transcript = page.get_by_role("list", name="Transcript")
        expect(transcript.get_by_role("listitem")).to_have_count(11)
        page.locator(".rp-quote", has_text="Removing two old weirs").get_by_role("link").click()
        page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 32.4) < 1.5")
        expect(transcript.locator("[aria-current]")).to_contain_text("Removing two old weirs")
        transcript.get_by_text("We counted 312 adult fish").click()
        page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 18) < 2.5")
        expect(page.locator(".rp-quote", has_text="Repaired")).to_have_count(1)
        page.get_by_placeholder("Search the transcript").fill("weir")
        expect(transcript.locator("li:visible")).to_have_count(2)


def test_an_address_with_a_time_opens_the_player_there(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    with tab(browser, dashboard, f"/run?run={run_named(case, 'River restoration')}&t=40") as page:
        page.wait_for_function("Math.abs((document.querySelector('video')?.currentTime ?? 0) - 40) < 0.5")


def test_the_player_goes_on_while_the_page_is_live(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run = case.store.runs.get(run_named(case, "What the water remembers")).value
    with tab(browser, dashboard, f"/run?run={run.run_id}") as page:
        page.wait_for_function("document.querySelector('video')?.readyState > 0")
        page.evaluate("document.querySelector('video').mark = 1; document.querySelector('video').play()")
        for step in range(4):
            case.progress(run, 1200 + step, 1840, f"window {45 + step} of 66")
            expect(page.locator(".rp-overall", has_text=f"window {45 + step} of 66")).to_be_visible()
        assert page.evaluate("document.querySelector('video').mark") == 1
        assert not page.evaluate("document.querySelector('video').paused")


def test_every_result_can_be_saved_under_the_name_of_the_video(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    with tab(browser, dashboard, f"/run?run={run_named(case, 'River restoration')}") as page:
        with page.expect_download() as saving:
            page.get_by_role("link", name="Save transcript.json").click()
        assert saving.value.suggested_filename == "River restoration in Wales： the annual meeting.transcript.json"
        assert json.loads(saving.value.path().read_text())["language"] == "en"
        assert page.locator(".rp-files dt").all_inner_texts() == ["Recording", "Transcript", "Quotes", "Summary"]
        with page.expect_download() as saving:
            page.get_by_role("link", name="Save summary.pdf").click()
        assert saving.value.path().read_bytes().startswith(b"%PDF")


def test_two_tabs_show_the_same_and_one_click_reaches_both(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = run_named(case, "Trees and shade, part 1")
    with (
        tab(browser, dashboard, f"/run?run={run_id}") as first,
        tab(browser, dashboard, f"/run?run={run_id}") as second,
    ):
        first.get_by_role("button", name="Pause", exact=True).dblclick()
        for page in (first, second):
            expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
        second.reload()
        settled(second)
        second.get_by_role("button", name="Resume", exact=True).click()
        expect(first.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    commands = [event.type for event in case.store.journal.events(run_id=run_id, batch_id=None, limit=50)]
    assert len([name for name in commands if "pause" in name]) == 1


def test_cancelling_asks_first_and_names_what_is_lost(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = run_named(case, "Trees and shade, part 2")
    with tab(browser, dashboard, f"/run?run={run_id}") as page:
        page.get_by_role("button", name="Cancel", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Trees and shade, part 2")
        expect(dialog).to_contain_text("A cancelled run can be retried.")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog).to_have_count(0)
        assert case.store.runs.get(run_id).value.intent.want == "run"
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel run").click()
        expect(page.get_by_text("Cancelling").first).to_be_visible()
    assert case.store.runs.get(run_id).value.intent.want == "cancel"


def test_a_failed_run_is_retried_from_its_row_without_the_mouse(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = run_named(case, "Interview at the farm, morning")
    with tab(browser, dashboard) as page:
        attention = page.get_by_test_id("stMain").get_by_role("list", name="Needs attention")
        attention.get_by_role("button", name="Retry: Interview at the farm, morning").focus()
        page.keyboard.press("Enter")
        expect(attention.get_by_text("Interview at the farm, morning").locator("..")).to_contain_text("Retrying")
    assert case.store.runs.get(run_id).value.intent.again
    assert case.store.runs.get(run_id).value.phase == Phase.FAILED, "only the service moves the phase"


def test_everything_can_be_paused_from_any_page(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard, "/health") as page:
        page.get_by_role("button", name="Pause everything").click()
        expect(page.get_by_test_id("stSidebar").get_by_text("Pausing", exact=True)).to_be_visible()
        page.get_by_role("button", name="Resume everything").click()
        expect(page.get_by_role("button", name="Pause everything")).to_be_visible()


def test_the_page_says_that_it_is_disconnected_and_goes_on_by_itself(browser: Browser, case: Showcase) -> None:
    own = Dashboard(case.layout.root)
    own.start()
    try:
        with tab(browser, own) as page:
            own.stop()
            expect(page.locator(".rp-pill")).to_contain_text("Disconnected", timeout=15000)
            own.start()
            expect(page.locator(".rp-pill")).to_have_text("", timeout=20000)
            run = case.store.runs.get(run_named(case, "Field recording 14")).value
            case.progress(run, 100e6, 131e6, "after the restart")
            expect(page.get_by_test_id("stMain").get_by_text("after the restart")).to_be_visible(timeout=15000)
    finally:
        own.stop()


def test_the_page_says_how_old_it_is_when_its_server_falls_silent(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run = case.store.runs.get(run_named(case, "Field recording 14")).value
    with tab(browser, dashboard) as page:
        os.kill(dashboard.pid, signal.SIGSTOP)
        try:
            case.progress(run, 110e6, 131e6, "while it was silent")
            expect(page.locator(".rp-pill")).to_have_text(re.compile(r"^What you see is \d+ s old\.$"), timeout=15000)
        finally:
            os.kill(dashboard.pid, signal.SIGCONT)
        expect(page.get_by_test_id("stMain").get_by_text("while it was silent")).to_be_visible(timeout=15000)
        expect(page.locator(".rp-pill")).to_have_text("")


def test_every_page_fits_a_phone(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = run_named(case, "River restoration")
    with tab(browser, dashboard, viewport={"width": 390, "height": 800}) as page:
        for path in ("/", "/new", "/batches", "/queue", "/health", f"/run?run={run_id}"):
            go(page, dashboard, path)
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390, path


def test_an_unknown_run_is_said_and_not_a_traceback(browser: Browser, dashboard: Dashboard) -> None:
    with tab(browser, dashboard) as page:
        page.goto(f"{dashboard.url}/run?run=<b>nothing")
        expect(page.get_by_text("There is no run <b>nothing.")).to_be_visible()
        go(page, dashboard, "/batches?batch=b_nothing")
        expect(page.get_by_text("There is no batch b_nothing.")).to_be_visible()
