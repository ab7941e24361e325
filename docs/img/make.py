"""Makes the screenshots in this folder: `python docs/img/make.py` from the root of the repository.

A storage with runs in every state is made in a temporary folder and looked at with Chromium, in the light and the dark
theme and at the width of a phone.
"""

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from core.domain.states import StageStatus  # noqa: E402 - the root has to be known first
from tests.support.browser import Dashboard, launch, tab  # noqa: E402
from tests.support.showcase import Showcase  # noqa: E402
from tests.support.showcase_week import busy_week, exported, long_queue, trouble  # noqa: E402

FOLDER = Path(__file__).resolve().parent
# The folders of the machine that makes the pictures are nobody's business.
HIDE_FOLDERS = r"""() => {
  for (const said of document.querySelectorAll('.rp-checks span'))
    said.textContent = said.textContent.replace(/^\/.*\//, '…/');
}"""
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}


def pages(case: Showcase) -> dict[str, str]:
    """The pages by the name of their picture."""
    runs = {
        case.store.runs.get(run_id).value.title: case.store.runs.get(run_id).value for run_id in case.store.runs.ids()
    }
    river = runs["River restoration in Wales: the annual meeting"]
    return {
        "overview": "/",
        "new": "/new",
        "batch": f"/batches?batch={river.batch_id}",
        "run": f"/run?run={river.run_id}&t=12",
        "queue": "/queue",
        "exports": "/exports",
        "search": "/search?q=salmon",
        "settings": "/settings",
        "health": "/health",
    }


def hold_ups(case: Showcase) -> dict[str, str]:
    """The pages on which it is seen what holds work up."""
    del case
    return {"trouble": "/"}


def picture(browser: Browser, dashboard: Dashboard, name: str, path: str, look: str) -> None:
    """One picture of one page."""
    with tab(browser, dashboard, path, **LOOKS[look]) as page:
        if name == "run":
            page.wait_for_function(
                "(video => video.readyState === 4 && !video.seeking)(document.querySelector('video'))"
            )
            page.get_by_text("Save as one video").first.wait_for()
        page.wait_for_timeout(1500 if name == "run" else 700)
        page.evaluate(HIDE_FOLDERS)
        page.screenshot(path=FOLDER / f"{name}-{look}.png", animations="disabled")


def main() -> None:
    """Make all of them."""
    os.environ["REPRISE_USER"] = "anna"
    for made, looked_at in ((shared_week, pages), (held_up_week, hold_ups)):
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            case = made(Path(folder) / "recordings")
            case.hold()
            dashboard = Dashboard(case.layout.root, REPRISE_CPU_WORKERS="2")
            dashboard.start()
            browser = launch(playwright)
            try:
                for name, path in looked_at(case).items():
                    for look in LOOKS:
                        picture(browser, dashboard, name, path, look)
            finally:
                browser.close()
                dashboard.stop()
                case.close()


def shared_week(folder: Path) -> Showcase:
    """A busy week in which two people wait."""
    case = busy_week(folder)
    long_queue(case)
    runs = [case.store.runs.get(run_id).value for run_id in sorted(case.store.runs.ids())]
    downloaded = [run for run in runs if run.stages["download"].status == StageStatus.COMMITTED]
    for number, run in enumerate(downloaded):
        case.pictured(run, number)
    river = next(run for run in downloaded if run.title.startswith("River restoration"))
    case.without_silence(river)
    case.highlighted(river)
    exported(case)
    return case


def held_up_week(folder: Path) -> Showcase:
    """The same with a good deal of trouble."""
    case = shared_week(folder)
    trouble(case)
    return case


if __name__ == "__main__":
    main()
