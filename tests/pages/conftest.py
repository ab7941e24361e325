"""Pages without a server: each test has a storage of its own, drawn by Streamlit's own test runner."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.api import process
from tests.support.showcase import Showcase

MAIN = Path(__file__).resolve().parent.parent.parent / "pages" / "main.py"
LIMIT_S = 30.0
Open = Callable[..., AppTest]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Showcase]:
    """An empty storage that is this process's, and that no service changes."""
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "0")
    process.close()
    made = Showcase(tmp_path / "storage")
    made.hold()
    yield made
    made.close()
    process.close()


@pytest.fixture
def page(case: Showcase) -> Open:
    """Opens a page of the dashboard by its file, with an address."""
    del case

    def open_page(name: str = "overview.py", **address: str) -> AppTest:
        drawn = AppTest.from_file(str(MAIN), default_timeout=LIMIT_S)
        for key, value in address.items():
            drawn.query_params[key] = value
        drawn.run()
        if name != "overview.py":
            drawn.switch_page(name)
            for key, value in address.items():
                drawn.query_params[key] = value
            drawn.run()
        assert not drawn.exception, drawn.exception
        return drawn

    return open_page
