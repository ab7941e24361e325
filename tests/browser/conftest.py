"""One browser and one prepared storage for all tests of the dashboard that need no work done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import Dashboard, launch
from tests.support.showcase import Showcase
from tests.support.showcase_week import busy_week


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of this machine; one a file, so that its helpers are gone when the file ends."""
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """A busy week that no service changes."""
    made = busy_week(tmp_path_factory.mktemp("busy") / "storage")
    made.hold()
    yield made
    made.close()


@pytest.fixture(scope="module")
def dashboard(case: Showcase) -> Iterator[Dashboard]:
    """The dashboard of that week."""
    started = Dashboard(Path(case.layout.root))
    started.start()
    yield started
    started.stop()
