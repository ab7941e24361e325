"""Every kind of control under real fingers: menus, undo, moving in the queue, and far too many clicks."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.domain.states import Phase
from tests.support.browser import Dashboard, settled, tab
from tests.support.showcase import Showcase
from tests.support.showcase_week import busy_week, long_queue, trouble

pytestmark = pytest.mark.browser

ORDERED = """wanted => [...document.querySelectorAll('.rp-queued .rp-row-title')].map(one => one.innerText)
    .filter(title => wanted.includes(title)).join() === wanted.join()"""
# A page cannot show what it becomes sooner than this.
PRESSED_AS_SOON_AS_IT_SAYS = """(button, wanted) => {
    const seen = new MutationObserver(() => {
        if (!button.innerText.includes(wanted)) return;
        seen.disconnect();
        button.click();
    });
    seen.observe(button, { subtree: true, childList: true, characterData: true });
    button.click();
}"""
LECTURES = ["Trees and shade, part 1", "Trees and shade, part 2", "Questions from the audience"]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """A busy week in which two people wait and a good deal is in trouble; no service changes it."""
    made = busy_week(tmp_path_factory.mktemp("busy") / "storage")
    long_queue(made)
    trouble(made)
    made.hold()
    yield made
    made.close()


def named(case: Showcase, title: str) -> str:
    """The id of the run with this title."""
    records = (case.store.runs.get(run_id).value for run_id in case.store.runs.ids())
    return next(run.run_id for run in records if run.title == title)


def written(case: Showcase, run_id: str, verb: str) -> int:
    """How often a command was written into the journal of a run."""
    events = case.store.journal.events(run_id=run_id, batch_id=None, limit=200)
    return sum(verb in event.type for event in events)


def handle(page: Page, title: str) -> Locator:
    """What a run in the queue is moved by."""
    return page.get_by_role("button", name=f"Move {title}")


def lectures(page: Page) -> list[str]:
    """The lectures in the order in which the queue shows them."""
    shown = page.locator(".rp-queued .rp-row-title").all_inner_texts()
    return [title for title in shown if title in LECTURES]


def test_a_run_is_moved_from_the_keyboard_and_back_by_undo(browser: Browser, dashboard: Dashboard) -> None:
    first, second, third = LECTURES
    with tab(browser, dashboard, "/queue") as page:
        handle(page, third).focus()
        page.keyboard.press("Alt+ArrowUp")
        page.keyboard.press("Alt+ArrowUp")
        expect(page.locator(".rp-queue ~ [role=status]")).to_contain_text(f"{third} is now 1 of 3 in Spring lectures.")
        notice = page.locator(".rp-notice")
        expect(notice).to_contain_text("New order: Spring lectures")
        page.wait_for_function(ORDERED, arg=[third, first, second])
        expect(handle(page, third)).to_be_focused()
        page.reload()
        expect(handle(page, third)).to_be_visible()
        assert lectures(page) == [third, first, second], "the order is on the disk"
        handle(page, first).focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Escape")
        assert lectures(page) == [third, first, second], "escape puts it back"
        page.keyboard.press("Space")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        expect(notice).to_contain_text("New order: Spring lectures")
        assert lectures(page) == [first, third, second]
        notice.get_by_role("button", name="Undo").click()
        page.wait_for_function(ORDERED, arg=[third, first, second])


def test_a_run_is_dragged_with_the_mouse_and_nothing_moves_under_it_while_news_arrive(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    with tab(browser, dashboard, "/queue") as page:
        expect(handle(page, LECTURES[0])).to_be_visible()
        before = lectures(page)
        source, target = handle(page, before[0]).bounding_box(), handle(page, before[2]).bounding_box()
        assert source is not None
        assert target is not None
        page.mouse.move(source["x"] + 5, source["y"] + 5)
        page.mouse.down()
        page.mouse.move(target["x"] + 5, target["y"] + 12, steps=12)
        # Meanwhile another run is put first: it is shown when the mouse lets go, not before.
        case.change(case.store.runs.get(named(case, "First aid in the cold")).value, priority=10)
        page.wait_for_timeout(1500)
        assert page.locator(".rp-queued .rp-row-title").first.inner_text() != "First aid in the cold"
        page.mouse.up()
        expect(page.locator(".rp-notice")).to_contain_text("New order: Spring lectures")
        expect(page.locator(".rp-queued .rp-row-title").first).to_have_text("First aid in the cold")
        page.wait_for_function(ORDERED, arg=[before[1], before[2], before[0]])


def test_a_priority_is_chosen_in_the_queue(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = named(case, "Snow and ice")
    with tab(browser, dashboard, "/queue") as page:
        page.get_by_label("Priority of Snow and ice").select_option("9")
        expect(page.locator(".rp-notice")).to_contain_text("Priority 9: Snow and ice")
    assert case.store.runs.get(run_id).value.priority == 9


def test_a_thousand_clicks_are_one_command(browser: Browser, dashboard: Dashboard, case: Showcase) -> None:
    run_id = named(case, "Field recording 14, downstream of the old mill")
    with tab(browser, dashboard) as page:
        button = page.get_by_test_id("stMain").get_by_role("button", name="Pause: Field recording 14").first
        button.evaluate("button => { for (let n = 0; n < 1000; n += 1) button.click(); }")
        expect(page.get_by_test_id("stMain").get_by_text("Pausing").first).to_be_visible()
        page.get_by_role("link", name="Field recording 14").first.click()
        # The overview has a Resume too, of a batch that paused itself: the run's own is looked for on the run's page.
        expect(page.get_by_role("heading", name="Field recording 14", level=1)).to_be_visible()
        again = page.get_by_role("button", name="Resume", exact=True)
        expect(again).to_be_visible()
        settled(page)
        again.evaluate("button => { for (let n = 0; n < 1000; n += 1) button.click(); }")
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    assert written(case, run_id, "pause") == 1
    assert written(case, run_id, "resume") == 1


def test_a_button_that_says_something_else_by_now_is_pressed_anew_however_soon(
    browser: Browser, dashboard: Dashboard
) -> None:
    with tab(browser, dashboard, "/health") as page:
        page.get_by_role("button", name="Pause everything").evaluate(PRESSED_AS_SOON_AS_IT_SAYS, "Resume everything")
        expect(page.get_by_test_id("stSidebar").get_by_text("Pausing", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Pause everything")).to_be_visible()


def test_the_options_of_a_pause_open_at_the_first_press_on_a_machine_however_slow(
    browser: Browser, dashboard: Dashboard
) -> None:
    slow = "document.body.addEventListener('click', () => { const end = Date.now() + 120; while (Date.now() < end); })"
    with tab(browser, dashboard, "/health") as page:
        page.evaluate(slow)
        page.get_by_test_id("stSidebar").get_by_role("button", name="Other ways to pause").click()
        expect(page.get_by_role("textbox", name="Why")).to_be_visible()


def test_a_menu_is_used_without_the_mouse_and_what_was_done_is_undone(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = named(case, "Maps and compass")
    with tab(browser, dashboard, "/queue") as page:
        page.get_by_role("button", name="More for Maps and compass").focus()
        page.keyboard.press("Enter")
        menu = page.get_by_role("menu")
        expect(menu.get_by_role("menuitem").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)
        expect(page.get_by_role("button", name="More for Maps and compass")).to_be_focused()
        page.keyboard.press("Enter")
        skip = menu.get_by_role("menuitem", name="Skip")
        while not skip.evaluate("item => item === document.activeElement"):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator(".rp-notice")).to_contain_text("Skipped: Maps and compass")
        assert case.store.runs.get(run_id).value.intent.want == "skip"
        page.locator(".rp-notice").get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Undone")).to_be_visible()
    assert case.store.runs.get(run_id).value.intent.want == "run"


def test_everything_that_stalls_is_recovered_with_one_press(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run = case.store.runs.get(named(case, "Interview with Gwen Davies")).value
    with tab(browser, dashboard) as page:
        page.get_by_role("button", name="Recover stalled (1)").click()
        expect(page.get_by_text("1 run recovering")).to_be_visible()
    after = case.store.runs.get(run.run_id).value
    assert after.intent.recover == run.attempts[-1].id
    assert after.phase == Phase.RUNNING, "only the service moves the phase"


def test_the_attempts_of_a_row_unfold_and_stay_so_while_the_page_is_live(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run = case.store.runs.get(named(case, "What the water remembers: a lecture on flood plains")).value
    with tab(browser, dashboard) as page:
        tries = page.get_by_test_id("stMain").locator(".rp-tries", has_text="3 attempts: 1 interrupted")
        tries.locator("summary").click()
        expect(tries.get_by_role("listitem")).to_have_count(3)
        case.progress(run, 1200, 1840, "window 50 of 66")
        expect(page.get_by_test_id("stMain").get_by_text("window 50 of 66").first).to_be_visible()
        expect(tries.get_by_role("listitem").first).to_be_visible()


def test_a_press_in_the_first_moment_of_a_page_is_not_lost(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = named(case, "Field notes, day 6")
    with tab(browser, dashboard) as page:
        for verb, after in (("Pause", "Resume"), ("Resume", "Pause")) * 2:
            page.goto(f"{dashboard.url}/run?run={run_id}")
            page.get_by_test_id("stMain").get_by_role("button", name=verb, exact=True).click()
            expect(page.get_by_test_id("stMain").get_by_role("button", name=after, exact=True)).to_be_visible()
    assert [written(case, run_id, verb) for verb in ("pause", "resume")] == [2, 2]


def test_a_press_while_the_page_is_being_drawn_waits_until_it_is_drawn(
    browser: Browser, dashboard: Dashboard, case: Showcase
) -> None:
    run_id = named(case, "Field notes, day 6")
    drawing = "word => document.querySelector('[data-testid=stApp]').dataset.testScriptState = word"
    with tab(browser, dashboard, f"/run?run={run_id}") as page:
        page.evaluate("for (const part of window.repriseBus.parts) clearInterval(part.timer)")
        button = page.get_by_test_id("stMain").get_by_role("button", name="Pause", exact=True)
        page.evaluate(drawing, "running")
        sent = button.evaluate(
            "button => { let n = 0; button.addEventListener('click', () => n++); button.click(); button.click(); return n; }"
        )
        assert sent == 0
        page.evaluate(drawing, "notRunning")
        expect(page.get_by_test_id("stMain").get_by_role("button", name="Resume", exact=True)).to_be_visible()
