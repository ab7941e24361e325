"""What came out of a run, in a real browser: one player for all its versions, and what was said found again."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_looking import run_named
from tests.support.browser import Dashboard, go, tab
from tests.support.showcase import Showcase
from tests.support.showcase_results import SUMMARY, as_json, quotes
from tests.support.transcripts import TALK, transcript

pytestmark = pytest.mark.browser
AT = "Math.abs((document.querySelector('video')?.currentTime ?? -9) - {}) < 1"
HOSTILE = (
    "<script>window.hit=1</script> <img src=x onerror=window.hit=1> **b** ![i](http://evil.example/x.png) "
    "[x](javascript:window.hit=1) $\\frac{1}{2}$ :material/x: \x1b[31mred"
)
# In the recording what is said at 32.4 s; six seconds before it were cut.
SAID, WHOLE_S, CUT_S = "Removing two old weirs", 32.4, 26.4


@pytest.fixture
def run_id(case: Showcase) -> str:
    """A run whose silence was removed too."""
    found = run_named(case, "River restoration")
    case.without_silence(case.store.runs.get(found).value)
    return found


def test_the_version_without_silence_goes_on_at_the_same_moment(
    browser: Browser, dashboard: Dashboard, run_id: str
) -> None:
    with tab(browser, dashboard, f"/run?run={run_id}&t=32") as page:
        page.wait_for_function(AT.format(32))
        transcript = page.get_by_role("list", name="Transcript")
        expect(transcript.get_by_role("listitem")).to_have_count(11)
        page.get_by_role("button", name="Without silence").click()
        page.wait_for_function(AT.format(26))
        expect(page.get_by_role("button", name="Without silence")).to_have_attribute("aria-pressed", "true")
        expect(transcript.get_by_role("listitem")).to_have_count(10)
        # A quote and a point of the summary are told and played where they are now.
        quote = page.locator(".rp-quote", has_text=SAID)
        expect(quote.get_by_role("link")).to_have_text("▶ 0:26")
        quote.get_by_role("link").click()
        page.wait_for_function(AT.format(CUT_S))
        expect(transcript.locator("[aria-current]")).to_contain_text(SAID)
        page.get_by_role("button", name="Recording").click()
        page.wait_for_function(AT.format(WHOLE_S))
        expect(quote.get_by_role("link")).to_have_text("▶ 0:32")
        expect(transcript.get_by_role("listitem")).to_have_count(11)


@pytest.mark.parametrize("trouble", [{"status": 404, "json": {"detail": "gone"}}, {"status": 200, "body": "{"}, None])
def test_without_its_cuts_a_cut_version_says_so_and_plays_no_wrong_place(
    browser: Browser, dashboard: Dashboard, run_id: str, trouble: dict[str, Any] | None
) -> None:
    with tab(browser, dashboard, f"/run?run={run_id}&t=40") as page:
        page.wait_for_function(AT.format(40))
        page.route("**/cuts.json*", lambda route: route.fulfill(**trouble) if trouble else route.abort())
        page.get_by_role("button", name="Without silence").click()
        said = page.get_by_role("status").filter(has_text="What was cut could not be loaded")
        expect(said).to_be_visible()
        page.wait_for_function(AT.format(0))
        quote = page.locator(".rp-quote", has_text=SAID)
        expect(quote.get_by_role("link")).to_have_text("▶ 0:32")
        quote.get_by_role("link").click()
        page.wait_for_function(AT.format(0))
        # What was said is known by its time in this version: there it can be played.
        page.get_by_role("list", name="Transcript").get_by_role("link").filter(has_text=SAID).click()
        page.wait_for_function(AT.format(CUT_S))
        page.get_by_role("button", name="Recording").click()
        page.wait_for_function(AT.format(40))
        expect(said).to_be_hidden()
        page.get_by_role("button", name="Without silence").click()
        page.unroute("**/cuts.json*")
        said.get_by_role("button", name="Try again").click()
        expect(said).to_be_hidden()
        quote.get_by_role("link").click()
        page.wait_for_function(AT.format(CUT_S))


def test_what_people_and_models_said_is_shown_and_never_run(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    said = transcript([HOSTILE, "Plain words."])
    quote = quotes(transcript(TALK))["quotes"][0] | {"text": HOSTILE, "why": HOSTILE, "start": 0.0, "end": 1.0}
    point = {"text": HOSTILE, "segment_ids": [0]}
    summary = SUMMARY | {"title": HOSTILE, "abstract": HOSTILE, "points": [point], "keywords": [HOSTILE]}
    run = case.store.runs.get(run_named(case, "Annual meeting, part 1")).value
    text = HOSTILE.encode()
    case.result(run, "transcribe", "f" * 32, {"transcript.json": as_json(said), "transcript.txt": text})
    case.result(run, "quotes", "f" * 32, {"quotes.json": as_json({"quotes": [quote], "rejected": 0})})
    case.result(run, "summary", "f" * 32, {"summary.json": as_json(summary)})
    with tab(browser, dashboard, f"/run?run={run.run_id}") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in (f"/run?run={run.run_id}", "/search?q=onerror"):
            go(page, dashboard, path)
            shown = page.get_by_test_id("stMain")
            expect(shown.get_by_text("<script>window.hit=1</script>").first).to_be_visible()
            expect(shown.get_by_text("![i](http://evil.example/x.png)").first).to_be_visible()
            expect(shown.get_by_text("$\\frac{1}{2}$").first).to_be_visible()
            assert page.evaluate("window.hit") is None
            assert not page.locator('img[src="x"], [onerror], a[href^="javascript"], .katex').count()
        assert not [url for url in asked if "evil.example" in url]


def test_what_was_said_is_found_and_played(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    with tab(browser, dashboard, "/search") as page:
        page.get_by_role("textbox", name="Words that were said").fill('"old weirs"')
        page.keyboard.press("Enter")
        found = page.get_by_role("link", name=SAID)
        expect(found.first).to_be_visible()
        assert page.url.endswith("q=%22old+weirs%22")
        found.first.click()
        page.wait_for_function(AT.format(32))
        assert "t=32" in page.url
